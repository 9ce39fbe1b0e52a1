"""`python -m daemon.cli`: what the command `nightsort` does."""

from daemon.cli.entry import main

main()

"""`python -m daemon.cli`: what the command `nightsort` does."""

from daemon.cli.main import main

main()

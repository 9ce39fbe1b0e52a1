"""Where the command `nightsort` begins: Ctrl-C is answered in a line from here on.

Nothing is imported before that; the command line takes a tenth of a second to load.
"""


def main() -> None:
    """The `nightsort` command."""
    try:
        from daemon.cli.main import main

        main()
    except KeyboardInterrupt:
        import sys

        sys.stderr.write("nightsort: interrupted\n")
        sys.exit(130)  # as `daemon.cli.common` has it

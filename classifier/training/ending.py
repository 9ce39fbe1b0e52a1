"""How the commands of this package end: with one line for people, never with a traceback."""

import sys
from collections.abc import Callable

from config.errors import NightsortError


def ended(name: str, work: Callable[[], None]) -> int:
    """Do the work of the command `name`; its exit code: 1, after one line, where it cannot be."""
    try:
        work()
    except OSError as exc:
        place = f"{exc.filename}: " if exc.filename else ""
        print(f"{name}: {place}{exc.strerror or exc}", file=sys.stderr)
        return 1
    except NightsortError as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        return 1
    return 0

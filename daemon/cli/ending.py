"""How a command ends that could not do its work: one line for people, an event for the journal."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import NoReturn

import click

from config.readable import plain
from daemon.cli.common import EXIT_FAILED, EXIT_INTERRUPTED


def fail(message: str, code: int, defect: Exception | None = None) -> NoReturn:
    """End with that exit code, and say why; `defect` is kept where people do not see it."""
    if _is_in_journal():
        from structlog import get_logger

        from config.logs import configure

        configure(service=True)
        log = get_logger()
        log.critical("command_failed", why=message, exit_status=code, exc_info=defect)
        sys.exit(code)
    for line in message.splitlines():
        click.echo(f"nightsort: {plain(line)}", err=True)
    sys.exit(code)


def _is_in_journal() -> bool:
    """Whether stderr goes to the journal, where every line is an event."""
    from config.logs import is_journal

    return is_journal(sys.__stderr__.fileno(), os.environ) if sys.__stderr__ else False


def fail_unexpectedly(error: Exception, code: int = EXIT_FAILED) -> NoReturn:
    """A defect of ours: people get one line, whoever mends it gets the file it names."""
    import tempfile

    if _is_interrupted(error):
        fail("interrupted", EXIT_INTERRUPTED)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more as it ends
        fail("no space left where the output goes; send it elsewhere", code)
    what = f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"
    if _is_in_journal():  # which keeps it, while files of a service vanish with it
        fail(what, code, error)
    with tempfile.NamedTemporaryFile(
        "w", prefix="nightsort-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    fail(f"{what}; please report {file.name}", code)


def _is_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is what it came of, as where a library was just being loaded."""
    cause = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt) or (cause is not None and _is_interrupted(cause))

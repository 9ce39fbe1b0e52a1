"""Daemon and page side by side in one terminal, as `make run` starts them; systemd has two units.

The page is a process of its own here, too: when it ends, sorting goes on, and when the daemon ends,
the page does. Ctrl-C, SIGTERM and the terminal's end reach both.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # what takes longer is imported once Ctrl-C is taken care of
    import subprocess
    from collections.abc import Callable, Sequence
    from types import FrameType

_PATIENCE_SECONDS = 15.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str]) -> int:
    """Run both with these options of `nightsort`; the daemon's exit code."""
    told: list[int] = []
    before = {one: signal.signal(one, _noting(told)) for one in _SIGNALS}
    daemon = _start(*arguments, "run")
    page = _start(*arguments, "web")
    try:
        return _wait(daemon, told)
    finally:
        _end(page)
        for one, handler in before.items():
            signal.signal(one, handler)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    import subprocess

    return subprocess.Popen([sys.executable, "-m", "daemon.cli", *arguments])  # noqa: S603 - ours


def _noting(told: list[int]) -> Callable[[int, FrameType | None], None]:
    return lambda number, _frame: told.append(number)


def _wait(daemon: subprocess.Popen[bytes], told: list[int]) -> int:
    """Until it has ended; what we are told, it is told."""
    import subprocess

    while True:
        try:
            code = daemon.wait(0.2)
            return code if code >= 0 else 128 - code  # a signal ended it, as shells say it
        except subprocess.TimeoutExpired:
            if told:  # of Ctrl-C the terminal told it, too, and being told twice changes nothing
                told.clear()
                daemon.terminate()


def _end(page: subprocess.Popen[bytes]) -> None:
    import subprocess

    page.terminate()
    try:
        page.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        page.kill()
        page.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

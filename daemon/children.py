"""Child processes that may hang where no signal reaches them, in a call on a dead mount."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

_END_SECONDS = 1.0
# A new process closes its copies of our files before it runs its program, and FUSE asks the mount's
# server about each. With vfork we would wait for that, holding Python's lock: every thread of ours.
subprocess._USE_VFORK = False  # type: ignore[misc]


def started(
    arguments: Sequence[str], patience_seconds: float, **options: Any
) -> subprocess.Popen[bytes] | None:
    """A new process; None when it is not there in time, for it would hang in a dead mount.

    options: as for Popen, which raises OSError as ever.
    """
    future: Future[subprocess.Popen[bytes]] = Future()
    threading.Thread(
        target=_start, args=[future, arguments, options], name="start", daemon=True
    ).start()
    try:
        return future.result(patience_seconds)
    except TimeoutError:
        return None if future.cancel() else future.result()


def _start(
    future: Future[subprocess.Popen[bytes]], arguments: Sequence[str], options: dict[str, Any]
) -> None:
    try:
        process = subprocess.Popen(arguments, **options)  # noqa: S603 - our own programs
    except OSError as exc:
        if future.set_running_or_notify_cancel():
            future.set_exception(exc)
        return
    if future.set_running_or_notify_cancel():
        future.set_result(process)
    else:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it, close its pipes, and wait for it only so long."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        # In a call that cannot be interrupted. It ends with that; Popen need not mourn it.
        process.returncode = -signal.SIGKILL

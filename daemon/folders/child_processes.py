"""Child processes: for calls that may hang where no signal or time-out reaches.

On a dead mount, or in whatever speaks with the outside.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

_END_SECONDS = 1.0
_PACKAGES = Path(__file__).resolve().parents[2]
# Settings and where secrets lie are nothing for what speaks with the outside.
_OURS = ("NIGHTSORT_", "CREDENTIALS_DIRECTORY")
# A new process closes its copies of our files before it runs its program, and FUSE asks the mount's
# server about each. With vfork we would wait for that, holding Python's lock: every thread of ours.
subprocess._USE_VFORK = False  # type: ignore[misc]


def own(module: str, *options: str) -> list[str]:
    """The command line that runs the `main` of a module of ours. options: more for Python."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; main()"
    return [sys.executable, "-I", *options, "-X", "utf8", "-c", code, str(_PACKAGES)]


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


def answering(
    module: str, patience_seconds: float, *options: str, **more: Any
) -> subprocess.Popen[bytes] | None:
    """A process of ours that answers on its stdout what it is asked on its stdin; as `started`.

    options: as for `own`; more: as for Popen.
    """
    return started(
        own(module, *options),
        patience_seconds,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        start_new_session=True,
        **more,
    )


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


def answered(module: str, task: Mapping[str, object], seconds: float) -> tuple[Any, str]:
    """What the `main` of a module of ours answers to a task, in a process of its own.

    Both are JSON, by stdin and stdout. Never raises: None and why, where there is no answer.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, on our own code
            own(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: text for name, text in os.environ.items() if not name.startswith(_OURS)},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError as exc:
        return None, f"no process could be started: {exc.strerror}"
    try:
        said, _ = process.communicate(json.dumps(task).encode("ascii"), timeout=seconds)
    except subprocess.TimeoutExpired as exc:
        end(process)
        # It may have answered, and hang in a file that it was to read.
        said = exc.output or b""
        if not said:
            return None, f"no answer within {seconds:.0f} seconds"
    try:
        return json.loads(said), ""
    except ValueError:
        return None, f"the sending process ended early, with code {process.returncode}"

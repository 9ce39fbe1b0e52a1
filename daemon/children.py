"""Child processes that may hang where no signal reaches them, in a call on a dead mount."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress

_END_SECONDS = 1.0


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

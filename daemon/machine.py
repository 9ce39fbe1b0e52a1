"""The machine: what the kernel says of its clock and its limits."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_TIMEX_BYTES = 512  # more than any kernel's struct timex
_TIME_ERROR = 5


def is_clock_synchronised() -> bool | None:
    """Whether something keeps the clock right; None: the kernel does not tell.

    Source: adjtimex(2), which only reads when asked for no mode.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    state = int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    return None if state < 0 else state != _TIME_ERROR


def inotify_watches() -> int | None:
    """How many folders one user may watch; None where that cannot be read."""
    try:
        text = Path("/proc/sys/fs/inotify/max_user_watches").read_text(encoding="ascii")
    except OSError:
        return None
    return int(text)


def count_folders(root: Path, most: int) -> int:
    """How many folders are at and below `root`; counting ends at `most`."""
    count = 0
    for _ in os.walk(root):
        count += 1
        if count >= most:
            break
    return count

"""The machine: what the kernel says of its clock and its limits."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import suppress
from pathlib import Path

_TIMEX_BYTES = 512  # more than any kernel's struct timex
_TIME_ERROR = 5
_LOWEST = 19


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


def is_on_battery(supplies: Path = Path("/sys/class/power_supply")) -> bool:
    """Whether this is a laptop that is not plugged in; False where the kernel does not tell.

    Source: Linux, Documentation/ABI/testing/sysfs-class-power.
    """
    told = [_facts(supply) for supply in supplies.glob("*")]
    if any(one["online"] == "1" for one in told if one["type"] != "Battery"):
        return False
    # A mouse has a battery, too: its scope is Device.
    own = (one for one in told if one["type"] == "Battery" and one["scope"] != "Device")
    return any(one["status"] == "Discharging" for one in own)


def _facts(supply: Path) -> dict[str, str]:
    told = dict.fromkeys(("type", "online", "status", "scope"), "")
    for name in told:
        with suppress(OSError):
            told[name] = (supply / name).read_text(encoding="ascii", errors="replace").strip()
    return told


def lower_priority() -> None:
    """Let everything else on the machine come before the calling thread; for good.

    Source: setpriority(2): on Linux a thread has a priority of its own.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))

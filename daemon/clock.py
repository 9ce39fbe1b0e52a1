"""Time, as an argument: the wall clock for people, the steady clock for waiting."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """What the daemon needs of time."""

    @property
    def boot(self) -> str:
        """Names this boot of the machine; steady times compare only within one."""

    def now(self) -> datetime:
        """Local time, aware."""

    def steady(self) -> float:
        """Seconds that only ever grow, suspend included."""


class SystemClock:
    """The machine's clocks."""

    def __init__(self, zone: ZoneInfo | None = None) -> None:
        """`zone` is the time zone of `now`; None means the system's."""
        self._zone = zone
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    @property
    def boot(self) -> str:
        return self._boot

    def now(self) -> datetime:
        return datetime.now(self._zone) if self._zone else datetime.now().astimezone()

    def steady(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

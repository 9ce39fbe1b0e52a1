"""Time, as an argument: the wall clock for people, the steady clock for waiting."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from config.settings import Settings


class Clock(Protocol):
    """What the daemon needs of time."""

    @property
    def boot(self) -> str:
        """Names this boot of the machine; steady times compare only within one."""

    def now(self) -> datetime:
        """Local time, aware."""

    def steady(self) -> float:
        """Seconds that only ever grow, suspend included."""


def local_zone() -> tzinfo:
    """The system's time zone, with its rules for summer time where the machine knows them.

    Where the process was given one by TZ, as in a container, that. Source: tzset(3).
    """
    if named := os.environ.get("TZ", "").removeprefix(":"):
        with suppress(OSError, KeyError, ValueError):  # a rule such as CET-1CEST, or no zone at all
            return ZoneInfo(named)
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC


def zone_of(settings: Settings) -> tzinfo:
    """By whose clocks days begin, and times are told: the settings', else the system's."""
    return settings.window.zone() or local_zone()


class SystemClock:
    """The machine's clocks."""

    def __init__(self, zone: tzinfo) -> None:
        """`zone` is the time zone of `now`."""
        self._zone = zone
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    @classmethod
    def of(cls, settings: Settings) -> SystemClock:
        """In the time zone of these settings."""
        return cls(zone_of(settings))

    @property
    def boot(self) -> str:
        return self._boot

    def now(self) -> datetime:
        return datetime.now(self._zone)

    def steady(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Takes the place of `daemon.domain.clock.SystemClock`."""

    def __init__(self, now: datetime = datetime(2025, 10, 13, 2, 0, tzinfo=UTC)) -> None:
        """`now` is aware; steady time begins at 1000 seconds."""
        self._now = now
        self._steady = 1000.0
        self._boot = 1

    @property
    def boot(self) -> str:
        """The name of this boot."""
        return f"boot-{self._boot}"

    def now(self) -> datetime:
        """The wall clock."""
        return self._now

    def steady(self) -> float:
        """The steady clock, in seconds."""
        return self._steady

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._steady += seconds

    def set_wall_clock(self, now: datetime) -> None:
        """What a time server or a person does: the wall clock jumps, the steady one does not."""
        self._now = now

    def reboot(self) -> None:
        """The machine starts anew: steady time begins again, and means nothing to the old one."""
        self._boot += 1
        self._steady = 10.0

"""Timetable: what the settings and the clock together say of when to drain.

`schedule` knows how windows lie; the timetable knows what time it is, and which settings hold now:
a reload gives it new ones.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from config.timing import Mode, WindowSettings
from daemon.domain.clock import Clock, local_zone
from daemon.domain.schedule import Forecast, Schedule, Window, forecast

log = structlog.get_logger()

# What a time server corrects little by little is no jump.
_JUMP_SECONDS = 30.0


def schedule_of(window: WindowSettings) -> Schedule:
    """When the windows of the settings are open, by the clocks of their people."""
    return Schedule(window.start, window.end, window.days, window.zone() or local_zone())


def nightly(window: WindowSettings) -> Schedule | None:
    """The same where the queue is drained in it; else None."""
    return schedule_of(window) if window.mode == "window" else None


class Timetable:
    """When the queue may be drained without anybody asking."""

    def __init__(self, window: WindowSettings, clock: Clock) -> None:
        self._clock = clock
        self._lead = self._wall_lead()
        self.take(window)

    def take(self, window: WindowSettings) -> None:
        """From now on these settings hold."""
        self._window = window
        self._schedule = schedule_of(window)

    @property
    def mode(self) -> Mode:
        """When the queue is drained."""
        return self._window.mode

    def is_open(self) -> bool:
        """Whether the queue may be drained now."""
        if self.mode == "window":
            return self._schedule.window_at(self._clock.now()) is not None
        return self.mode == "continuous"

    def window(self) -> Window | None:
        """The window that is open, else the next one; None where the mode knows none."""
        if self.mode != "window":
            return None
        now = self._clock.now()
        return self._schedule.window_at(now) or self._schedule.next_window(now)

    def seconds_to_change(self) -> float | None:
        """Until the window opens or closes; None where the mode knows none."""
        window = self.window()
        if window is None:
            return None
        now = self._clock.now()
        change = window.closes if window.holds(now) else window.opens
        return (change.astimezone(UTC) - now.astimezone(UTC)).total_seconds()

    def is_run_over(self, started_at: datetime, idle_seconds: float, expected: int) -> bool:
        """Whether a run in which nothing is due is to be closed.

        idle_seconds: since its last outcome; expected: photos that settle, or wait for a new try.
        In continuous mode a run lasts until it is quiet for long, or a new day; in the window
        until nothing is expected any more, so that a photo that needs another try makes no run
        of its own.
        """
        is_quiet = idle_seconds >= self._window.quiet_minutes * 60
        if self.mode == "continuous":
            return is_quiet or started_at.date() != self._clock.now().date()
        return is_quiet or expected == 0 or not self.is_open()

    def forecast(self, waiting: int, photos_per_second: float) -> Forecast | None:
        """How far the queue will get in the window; None where that cannot be known."""
        window = self.window()
        if window is None or photos_per_second <= 0:
            return None
        return forecast(waiting, photos_per_second, window, self._clock.now())

    def notice_jump(self) -> None:
        """Log when somebody, or a time server, has set the wall clock; windows follow it."""
        lead = self._wall_lead()
        jump = lead - self._lead
        if abs(jump) >= _JUMP_SECONDS:
            log.warning("clock_jumped", seconds=round(jump), now=self._clock.now().isoformat())
        self._lead = lead

    def _wall_lead(self) -> float:
        """How far the wall clock is ahead of the steady one; suspend changes nothing in it."""
        return self._clock.now().timestamp() - self._clock.steady()

"""When the nightly window is open: arithmetic on times, without a clock.

A window belongs to the day on which it starts and may end on the next. Openings and closings are
compared as instants, so that a night in which the clocks change is simply shorter or longer; a
start in the skipped hour opens when that hour would have been, one in the doubled hour opens at
its first occurrence.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Window:
    """One opening of the window."""

    opens: datetime  # aware
    closes: datetime

    def holds(self, at: datetime) -> bool:
        """Whether the window is open at `at`, an aware time."""
        return self.opens.astimezone(UTC) <= at.astimezone(UTC) < self.closes.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When windows open, in the local time of `zone`."""

    start: time
    end: time
    days: Container[str]  # "mon" … "sun": the days of the start
    zone: tzinfo

    def window_at(self, at: datetime) -> Window | None:
        """The window that is open at `at`, an aware time; None when none is."""
        today = at.astimezone(self.zone).date()
        candidates = self._windows(today - timedelta(days=1))
        return next((w for w in candidates if w.holds(at)), None)

    def next_window(self, at: datetime) -> Window:
        """The first window that opens after `at`, an aware time."""
        today = at.astimezone(self.zone).date()
        moment = at.astimezone(UTC)
        windows = self._windows(today - timedelta(days=1))
        return next(w for w in windows if w.opens.astimezone(UTC) > moment)

    def windows_between(self, begin: datetime, end: datetime) -> Iterator[Window]:
        """Those that open after `begin` and before `end`, both aware times, in order."""
        window = self.next_window(begin)
        while window.opens.astimezone(UTC) < end.astimezone(UTC):
            yield window
            window = self.next_window(window.opens)

    def _windows(self, first: date) -> Iterator[Window]:
        """The windows of ten days from `first` on: every week holds one at least."""
        for day in (first + timedelta(days=n) for n in range(10)):
            if _WEEKDAYS[day.weekday()] in self.days:
                yield self._window(day)

    def _window(self, day: date) -> Window:
        last = day if self.end > self.start else day + timedelta(days=1)
        opens = datetime.combine(day, self.start, self.zone)
        closes = datetime.combine(last, self.end, self.zone)
        if closes.astimezone(UTC) <= opens.astimezone(UTC):
            # It lies in the skipped hour: that night it gets its length all the same.
            length = closes.replace(tzinfo=None) - opens.replace(tzinfo=None)
            closes = (opens.astimezone(UTC) + length).astimezone(self.zone)
        return Window(opens, closes)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Whether the queue fits into a window."""

    waiting: int
    will_not_fit: int
    done_by: datetime  # aware: when the last photo that fits is done

    def __str__(self) -> str:
        """The forecast in a few words, such as "4,180 queued, done by 04:20"."""
        if self.waiting == 0:
            return "nothing queued"
        if self.will_not_fit:
            return f"{self.waiting:,} queued, {self.will_not_fit:,} will not fit"
        return f"{self.waiting:,} queued, done by {self.done_by:%H:%M}"


def forecast(waiting: int, photos_per_second: float, window: Window, at: datetime) -> Forecast:
    """Say how far the queue will get in a window that is open at `at` or opens later.

    photos_per_second: above 0, as measured in the last run.
    """
    begins = max(window.opens.astimezone(UTC), at.astimezone(UTC))
    seconds = (window.closes.astimezone(UTC) - begins).total_seconds()
    fits = min(waiting, max(0, int(seconds * photos_per_second)))
    done_by = begins + timedelta(seconds=fits / photos_per_second)
    return Forecast(waiting, waiting - fits, done_by.astimezone(window.opens.tzinfo))

"""Notes each call of the API, writes the notes off the requests' way, and adds up a day of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from config.errors import TransientError
from web.database import Call
from web.database.calls import HOUR_SECONDS, Calls, Times
from web.histogram import Histogram

log = structlog.get_logger()

# While the disk refuses, so many are remembered; then the oldest are lost, and that is told.
MOST_NOTED = 20_000

DAY_SECONDS = 86_400.0
KEPT_SECONDS = 60.0
# So many are added up in a few hundredths of a second.
FEW = 20_000
_LAST_HOUR = int(DAY_SECONDS / HOUR_SECONDS) - 1


class Recorder:
    """What was called since the last writing."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.seconds = Histogram()  # since the process began
        self._noted: list[Call] = []
        self._lost = 0
        self._lock = threading.Lock()

    def note(self, call: Call) -> None:
        """Note a call; costs next to nothing."""
        self.seconds.add((call.path, str(call.status)), call.milliseconds / 1000)
        with self._lock:
            self._noted.append(call)
            if len(self._noted) > MOST_NOTED:
                del self._noted[0]
                self._lost += 1

    def write(self) -> None:
        """Write what was noted; what the disk refuses is kept for the next time."""
        with self._lock:
            noted, self._noted = self._noted, []
            lost, self._lost = self._lost, 0
        if lost:
            log.warning("calls_lost", count=lost)
        try:
            if noted:
                self._calls.add(noted)
        except TransientError as exc:
            log.warning("calls_not_written", why=str(exc))
            with self._lock:
                self._noted = (noted + self._noted)[-MOST_NOTED:]


@dataclass(frozen=True, slots=True)
class Day:
    """What the calls of the last day came to."""

    began: float
    hours: Sequence[Times]  # by the hour since then, from 0 on
    paths: Sequence[Times]
    all: Times | None  # None: there was no call
    last_hour: Times | None


class LastDay:
    """Adds up the calls of the last day; where they are many, not for everybody who looks."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kept = Day(0.0, (), (), None, None)
        self._counted = 0
        self._lock = threading.Lock()

    def at(self, now: float) -> Day:
        """Of the day up to now, or up to a minute ago where no tenth of the calls came since."""
        began = now - DAY_SECONDS
        with self._lock:  # else each who looks meanwhile would add up the same
            count = self._calls.count(began)
            is_near = abs(count - self._counted) <= self._counted / 10
            if not is_near or not 0 <= began - self._kept.began < KEPT_SECONDS:
                self._kept, self._counted = self._added_up(began), count
            return self._kept

    def exactly_at(self, now: float) -> Day:
        """The same up to now, where there are few."""
        began = now - DAY_SECONDS
        return self._added_up(began) if self._calls.count(began) < FEW else self.at(now)

    def _added_up(self, began: float) -> Day:
        found = self._calls.tallied(began)
        return Day(began, found.by_hour(), found.by_path(), found.all(), found.all(_LAST_HOUR))

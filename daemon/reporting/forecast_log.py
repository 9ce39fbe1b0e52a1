"""The forecast log: says, an hour before the window opens, how far the queue will get.

When the window opens it is noted again, for the report that says in the morning whether it held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from daemon.domain.clock import Clock
from daemon.domain.timetable import Timetable

log = structlog.get_logger()

_LEAD = timedelta(hours=1)
# The fact that holds the newest forecasts, oldest first: opens, closes, waiting, will_not_fit,
# done_by.
_FORECASTS = "forecasts"
_KEPT = 100


class Memory(Protocol):
    """What the forecast_log needs of the store's facts."""

    def get(self, key: str, /) -> Any:
        """A remembered fact, or None."""

    def remember(self, key: str, value: Any, /) -> None:
        """Remember a fact."""


def forecast_for(memory: Memory, started: datetime) -> Mapping[str, Any] | None:
    """What was expected of the window in which a run began; None when nothing was."""
    for one in reversed(memory.get(_FORECASTS) or []):
        opens, closes = (datetime.fromisoformat(one[key]) for key in ("opens", "closes"))
        if opens <= started < closes:
            found: Mapping[str, Any] = one
            return found
    return None


class ForecastLog:
    """Announces each window once."""

    def __init__(self, timetable: Timetable, clock: Clock, memory: Memory) -> None:
        self._timetable = timetable
        self._clock = clock
        self._memory = memory
        self._noted: datetime | None = None  # the opening whose forecast is remembered
        self._announced: datetime | None = None  # the opening that was told

    def check(self, queued: Callable[[], int], photos_per_second: float) -> None:
        """Announce the next window when it opens within the hour; the rate is the last run's."""
        window = self._timetable.window()
        now = self._clock.now()
        if window is None or window.opens == self._announced or now < window.opens - _LEAD:
            return
        self._announced = window.opens
        if window.holds(now):
            return
        opens, waiting = window.opens.isoformat(), queued()
        seen = self._timetable.forecast(waiting, photos_per_second)
        if seen is None:
            log.info("forecast_made", opens=opens, waiting=waiting, text=f"{waiting:,} queued")
            return
        tell = log.warning if seen.will_not_fit else log.info
        tell(
            "forecast_made",
            opens=opens,
            waiting=waiting,
            will_not_fit=seen.will_not_fit,
            done_by=seen.done_by.isoformat(),
            text=str(seen),
        )

    def note_opening(self, waiting: Callable[[], int], photos_per_second: float) -> None:
        """Remember, once when the window opens, how far the queue will get in it."""
        window = self._timetable.window()
        if window is None or window.opens == self._noted or not window.holds(self._clock.now()):
            return
        self._noted = window.opens
        known = self._memory.get(_FORECASTS) or []
        opens = window.opens.isoformat()
        seen = self._timetable.forecast(waiting(), photos_per_second)
        if seen is None or any(one["opens"] == opens for one in known):
            return
        made = {
            "opens": opens,
            "closes": window.closes.isoformat(),
            "waiting": seen.waiting,
            "will_not_fit": seen.will_not_fit,
            "done_by": seen.done_by.isoformat(),
        }
        self._memory.remember(_FORECASTS, [*known[1 - _KEPT :], made])

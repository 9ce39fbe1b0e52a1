"""Heralding: says in the log, an hour before the window opens, how far the queue will get."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from daemon.clock import Clock
from daemon.timetable import Timetable

log = structlog.get_logger()

_LEAD = timedelta(hours=1)


class Herald:
    """Announces each window once."""

    def __init__(self, timetable: Timetable, clock: Clock) -> None:
        self._timetable = timetable
        self._clock = clock
        self._announced: datetime | None = None  # the opening that was told

    def check(self, waiting: int, photos_per_second: float) -> None:
        """Announce the next window when it opens within the hour; the rate is the last run's."""
        window = self._timetable.window()
        now = self._clock.now()
        if window is None or window.opens == self._announced or now < window.opens - _LEAD:
            return
        self._announced = window.opens
        if window.holds(now):
            return
        opens = window.opens.isoformat()
        seen = self._timetable.forecast(waiting, photos_per_second)
        if seen is None:
            log.info("forecast_made", opens=opens, waiting=waiting, text=f"{waiting} queued")
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

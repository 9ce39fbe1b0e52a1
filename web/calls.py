"""Notes each call of the API, and writes the notes off the requests' way, many at once."""

from __future__ import annotations

import threading

import structlog

from config.errors import TransientError
from web.database import Call
from web.database.calls import Calls
from web.histogram import Histogram

log = structlog.get_logger()

# While the disk refuses, so many are remembered; then the oldest are lost, and that is told.
MOST_NOTED = 20_000


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

"""Pulse: whether everything that must move does move, the ground on which the watchdog is fed.

Asked by the loop itself, so that a loop that stands still says nothing at all. A share that is
away, a full disk, an error that is retried are no standstill: a restart would mend none of them.
"""

from __future__ import annotations

import structlog

from daemon.availability import Availability
from daemon.examine import Workers
from daemon.store import Store
from daemon.watcher import Watcher

log = structlog.get_logger()


class Pulse:
    """Feels queue, watcher and workers."""

    def __init__(
        self,
        store: Store,
        watcher: Watcher,
        workers: Workers,
        availability: Availability,
        patience_seconds: float | None,
    ) -> None:
        """`patience_seconds` is the watchdog's; None: nobody asks."""
        self._store = store
        self._watcher = watcher
        self._workers = workers
        self._availability = availability
        self._patience_seconds = float("inf") if patience_seconds is None else patience_seconds
        self._told = ""

    def beats(self) -> bool:
        """Whether there is progress; logs, once, what keeps it."""
        stalled = self._stalled()
        if stalled and stalled != self._told:
            log.error("progress_stalled", why=stalled)
        self._told = stalled
        return not stalled

    def _stalled(self) -> str:
        """What stands still, in words; empty when nothing does."""
        if self._workers.silent_seconds() > self._patience_seconds / 2:
            return "a worker has been busy with one photo for too long"
        if "incoming" not in self._availability.absent and not self._watcher.healthy():
            return "the thread that hears of new photos has ended"
        if not self._store.is_free():
            return "another program holds the database locked"
        return ""

"""Progress: whether everything that must move does move, the ground on which the watchdog is fed.

Looked at in the status thread, so that a loop that stands still is noticed from outside. A share
that is away, a full disk, an error that is retried are no standstill: a restart would mend none of
them. While a share hangs, loop and workers may hang in it, and a restart would hang there again (a
process in such a call cannot even be killed on every kind of mount); they are given their whole
time anew once all folders answer.
"""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from daemon.folders.availability import Availability
from daemon.intake.watcher import Watcher
from daemon.reporting.report_thread import ReportThread
from daemon.sorting.workers import Workers
from daemon.store import is_free

log = structlog.get_logger()


class Liveness:
    """Looks after loop, queue, watcher, workers and reports."""

    def __init__(
        self,
        state_dir: Path,
        watcher: Watcher,
        workers: Workers,
        reports: ReportThread,
        availability: Availability,
        patience_seconds: float | None,
    ) -> None:
        """`patience_seconds` is the watchdog's; None: nobody asks."""
        self._state_dir = state_dir
        self._watcher = watcher
        self._workers = workers
        self._reports = reports
        self._availability = availability
        self._patience_seconds = float("inf") if patience_seconds is None else patience_seconds
        self._beat_at = time.monotonic()
        self._free_at = self._heard_at = self._beat_at
        self._told: set[str] = set()

    def beat(self) -> None:
        """The loop is alive; from its thread."""
        self._beat_at = time.monotonic()

    def silent_seconds(self) -> float:
        """Seconds since the loop was last alive."""
        return time.monotonic() - self._beat_at

    def still_seconds(self) -> float:
        """For how long the loop has stood still although all folders answered."""
        return min(self.silent_seconds(), self._availability.whole_seconds())

    def beats(self) -> bool:
        """Whether there is progress; logs what keeps it, each reason once until there is again."""
        stalled = self._stalled()
        if not stalled:
            self._told.clear()
        elif stalled not in self._told:
            log.error("progress_stalled", why=stalled)
            self._told.add(stalled)
        return not stalled

    def _stalled(self) -> str:
        """What stands still, in words; empty when nothing does."""
        now, longest = time.monotonic(), self._patience_seconds / 2
        if is_free(self._state_dir):
            self._free_at = now
        if self._watcher.healthy():
            self._heard_at = now
        if now - self._free_at > longest:
            return "another program holds the database locked"
        for seconds, what in (
            (self._workers.silent_seconds(), "a worker has been busy with one photo for too long"),
            (now - self._heard_at, "the thread that hears of new photos has ended"),
            (self._watcher.busy_seconds(), "the thread that hears of new photos hangs"),
            (self._reports.silent_seconds(), "the thread that writes reports hangs"),
            (self.silent_seconds(), "the sorting itself hangs"),
        ):
            if min(seconds, self._availability.whole_seconds()) > longest:
                return what
        return ""

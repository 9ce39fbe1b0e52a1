"""The report updater: has everything written that people read, and again when they spoke.

Lists for the warehouse follow a person's word soon; pages, which take longer, once nobody has said
anything more for a while. What no report was made of, and what people said since, is in the store:
after a stop or a crash the next start goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import structlog

from config.errors import RefusedError, TransientError
from daemon.domain.clock import Clock
from daemon.domain.summaries import RunSummary
from daemon.reporting.exports import Exports
from daemon.reporting.periodical import Periodical
from daemon.reporting.periods import Period
from daemon.reporting.reporter import Reporter
from daemon.reporting.retakes import Retakes
from daemon.store import Store
from daemon.store.changes import LISTS, PAGES, REPORTS

log = structlog.get_logger()

WORKBOOKS_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Writers:
    """Who writes what."""

    exports: Exports
    reporter: Reporter
    periodical: Periodical


class ReportUpdater:
    """Keeps what people read up to date; for one thread, that of its store."""

    def __init__(self, store: Store, writers: Writers, clock: Clock) -> None:
        self._store = store
        self._writers = writers
        self._clock = clock
        self._shown: dict[str, int] = {}  # by run: the newest change that its page tells of
        self._workbooks_at = float("-inf")  # steady seconds
        self._outdated: set[str] = set()  # runs of which photos were retaken in a later one

    def tell_runs(self) -> None:
        """Make the reports of closed runs that have none; one that is refused is given up."""
        for change in self._store.changes.after_cursor(REPORTS, {"run"}):
            self._make_or_warn(str(change.id))
            self._store.changes.move(REPORTS, change.seq)
            self._outdated |= self._runs_retaken_in(str(change.id))

    def make(self, run: str) -> list[Path]:
        """Write lists, page and workbook of a closed run; returns where.

        Raises TransientError when a folder does not answer, RefusedError when there is no such run.
        """
        summary = finished_run(self._store, run)
        newest_change = self._store.changes.newest()
        lists = self._write_lists(run)
        pages = self._writers.reporter.write(summary, is_newest=run == self._newest_run())
        self._shown[run] = newest_change
        return [*pages, *lists]

    def without(self, runs: Iterable[str], days: Iterable[date]) -> list[Path]:
        """Write again what there is of these runs and days: photos are in it no more.

        Returns where. Raises TransientError when a folder does not answer.
        """
        written = [path for run in runs if self._is_told(run) for path in self.make(run)]
        return written + [
            path
            for day in days
            if (path := self._writers.exports.rewrite_corrections(day, self._clock.now()))
        ]

    def _is_told(self, run: str) -> bool:
        """Whether people have anything to read of a run; [retention] may have removed it."""
        return self._store.runs.summary(run) is not None and (
            self._writers.reporter.is_there(run) or self._writers.exports.is_there(run)
        )

    def make_period(self, period: Period) -> Path:
        """Write the page on a period; returns where. Raises TransientError as `make` does."""
        return self._writers.periodical.write(period)

    def follow(self) -> bool:
        """Bring the lists up to what people said and did; False when that was refused."""
        newest = self._store.changes.newest()
        try:
            self._write_corrections()
            for run in self._store.changes.runs_touched(LISTS):
                self._write_lists(run)
        except TransientError as exc:
            log.warning("corrections_not_exported", why=str(exc))
            return False
        self._store.changes.move(LISTS, newest)
        return True

    def catch_up(self) -> None:
        """Write the pages again that people made old; gives up where refused."""
        newest = self._store.changes.newest()
        touched = self._store.changes.runs_touched(PAGES)
        old = {run for run, change in touched.items() if change > self._shown.get(run, 0)}
        for run in sorted(old | self._outdated):
            self._make_or_warn(run)
        self._outdated.clear()
        self._store.changes.move(PAGES, newest)
        self._shown.clear()

    def late_workbooks(self) -> None:
        """Write workbooks anew that somebody had open, or had just saved; looks now and then."""
        if (steady := self._clock.steady()) < self._workbooks_at:
            return
        self._workbooks_at = steady + WORKBOOKS_SECONDS
        try:
            owed = self._writers.reporter.owed(self._newest_run())
        except TransientError:
            return
        for run in owed:
            self._make_or_warn(run)

    def periods(self) -> None:
        """Tell of a week or month that is over and was not told of. Never raises for a folder."""
        self._writers.periodical.check()

    def _runs_retaken_in(self, run: str) -> set[str]:
        """Earlier runs of whose photos a run has the retakes: their pages say so."""
        found = Retakes.among(self._store.returns.of_run(run))
        earlier = {photo.run for of in found.of.values() for photo in of} - {run}
        return {one for one in earlier if self._store.runs.summary(one) is not None}

    def _make_or_warn(self, run: str) -> None:
        try:
            self.make(run)
        except TransientError as exc:
            log.warning("report_not_written", run=run, why=str(exc))

    def _write_lists(self, run: str) -> list[Path]:
        return self._writers.exports.write_lists(
            finished_run(self._store, run), self._clock.now(), is_newest=run == self._newest_run()
        )

    def _write_corrections(self) -> None:
        """Those of each day on which people said what the lists do not tell yet."""
        now = self._clock.now()
        first = self._store.changes.first_word(LISTS)
        days = 0 if first is None else (now.date() - first.astimezone(now.tzinfo).date()).days + 1
        for back in range(days):
            self._writers.exports.write_corrections(now - timedelta(days=back))

    def _newest_run(self) -> str | None:
        """The run that was closed last."""
        newest = self._store.runs.newest()
        return newest and newest["run"]


def finished_run(store: Store, run: str) -> RunSummary:
    """The summary of a closed run. Raises RefusedError when there is none of that name."""
    summary = store.runs.summary(run)
    if summary is None:
        raise RefusedError(f"{run}: no such finished run; see: nightsort history")
    return summary

"""The periodical: a page on any period, and by itself one on each week that is over."""

from __future__ import annotations

from typing import Any

import structlog

from config.errors import TransientError
from daemon.clock import Clock
from daemon.reporting.figures import Figures, figures_of
from daemon.reporting.latest import copy_as_latest
from daemon.reporting.period_page import write_period_report
from daemon.reporting.periods import Period
from daemon.store import Store
from daemon.tree import Tree
from daemon.writing import replacing

log = structlog.get_logger()

# The fact that holds the newest week of which a report was made by itself: `week` (`2026-W47`),
# `page` (its file's name; null when there was nothing to tell), `figures` (as Figures.as_json).
WEEK_TOLD = "week_told"
_TRY_AGAIN_SECONDS = 3600.0


class Periodical:
    """Writes period reports into results_dir."""

    def __init__(self, store: Store, results: Tree, clock: Clock, *, weekly: bool) -> None:
        self._store = store
        self._results = results
        self._clock = clock
        self._weekly = weekly
        self._not_before = float("-inf")  # steady seconds

    def write(self, period: Period) -> str:
        """Write the page on a period; returns the name of its file.

        Raises TransientError when the folder does not answer.
        """
        return self._write(self._figures(period))

    def check(self) -> None:
        """Tell of the last week once it is over; what cannot be written is tried again later."""
        if not self._weekly or self._clock.steady() < self._not_before:
            return
        week = Period.last_week(self._clock.now().date())
        if not self._is_due(week):
            return
        try:
            self._tell(week)
        except TransientError as exc:
            self._not_before = self._clock.steady() + _TRY_AGAIN_SECONDS
            log.warning("period_report_not_written", period=week.name, why=str(exc))

    def _is_due(self, week: Period) -> bool:
        told = self._store.fact(WEEK_TOLD)
        if told is not None and told["week"] == week.name:
            return False
        # A night that began on Sunday belongs to the week: its run is waited for.
        return not any(run.started_at.date() <= week.last for run in self._store.open_runs())

    def _tell(self, week: Period) -> None:
        page, figures = None, None
        if self._store.has_run_by(week.last):
            made = self._figures(week)
            page, figures = self._write(made), made.as_json()
            log.info("period_report_written", period=week.name, page=page)
        self._store.remember(WEEK_TOLD, {"week": week.name, "page": page, "figures": figures})

    def _figures(self, period: Period) -> Figures:
        zone = self._clock.now().tzinfo
        assert zone is not None
        return figures_of(self._store, period, zone)

    def _write(self, figures: Figures) -> str:
        self._results.require()
        folder = self._results.root
        name = f"period_report_{figures.period.name}.html"
        with replacing(folder / name) as file:
            write_period_report(file, figures, self._pages(figures.runs))
        if figures.period == Period.last_week(self._clock.now().date()):
            copy_as_latest(folder / name, "period_report_latest.html")
        return name

    def _pages(self, runs: list[dict[str, Any]]) -> dict[str, str]:
        """The reports of those runs that are still there."""
        names = {run["run"]: f"batch_report_{run['run']}.html" for run in runs}
        return {run: name for run, name in names.items() if (self._results.root / name).is_file()}

"""The periodical: a page on any period, and by itself one on each week and month that is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import structlog

from config.errors import TransientError
from config.value import UNSAID, ValueSettings
from daemon.domain.clock import Clock
from daemon.domain.effects import Effect, effect_of
from daemon.domain.schedule import Schedule
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import RunSummary
from daemon.folders.tree import Tree
from daemon.folders.writing import replacing
from daemon.reporting.accuracy import accuracy_of
from daemon.reporting.figures import Figures, figures_of
from daemon.reporting.latest import copy_as_latest
from daemon.reporting.period_page import Told, write_period_report
from daemon.reporting.periods import Period
from daemon.reporting.trends import trends_of
from daemon.reporting.value import measured_until, of_period
from daemon.store import Store
from daemon.store.facts import MONTH_TOLD, WEEK_TOLD

log = structlog.get_logger()

_TRY_AGAIN_SECONDS = 3600.0
_RUNS_LOOKED_AT = 60


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a period is told of by itself."""

    # The fact that holds the newest one that was told of: its name under `key` (`2026-W47`),
    # `page` (its file's name; null when there was nothing to tell), `figures` (as
    # Figures.as_json, with `value` and `accuracy`).
    fact: str
    key: str
    last: Callable[[date], Period]  # the newest that was over when a day began
    latest: str  # what a copy of the newest page is called


WEEKLY = Rhythm(WEEK_TOLD, "week", Period.last_week, "period_report_latest.html")
MONTHLY = Rhythm(MONTH_TOLD, "month", Period.last_month, "month_report_latest.html")


@dataclass(frozen=True, slots=True)
class Shop:
    """What its settings say that the pages tell, too."""

    assumed: ValueSettings = UNSAID  # where it is told what was saved
    schedule: Schedule | None = None  # of the nightly window, if there is one
    ask: str = ""  # whom people ask


NO_SHOP = Shop()


class Periodical:
    """Writes period reports into results_dir."""

    def __init__(
        self,
        store: Store,
        results: Tree,
        clock: Clock,
        rhythms: Iterable[Rhythm],
        shop: Shop = NO_SHOP,
        say: Speech = ENGLISH,
    ) -> None:
        """rhythms: those that are wanted."""
        self._shop = shop
        self._say = say
        self._store = store
        self._results = results
        self._clock = clock
        self._rhythms = tuple(rhythms)
        self._not_before = float("-inf")  # steady seconds

    def write(self, period: Period) -> Path:
        """Write the page on a period; returns where.

        Raises TransientError when the folder does not answer.
        """
        return self._results.root / self._write(*self._gathered(period))

    def check(self) -> None:
        """Tell of what is over by now; what cannot be written is tried again later."""
        if self._clock.steady() < self._not_before:
            return
        for rhythm in self._rhythms:
            period = rhythm.last(self._clock.now().date())
            if not self._is_due(rhythm, period):
                continue
            try:
                self._tell(rhythm, period)
            except TransientError as exc:
                self._not_before = self._clock.steady() + _TRY_AGAIN_SECONDS
                log.warning("period_report_not_written", period=period.name, why=str(exc))

    def _is_due(self, rhythm: Rhythm, period: Period) -> bool:
        told = self._store.facts.get(rhythm.fact)
        if told is not None and told[rhythm.key] == period.name:
            return False
        # A night that began on Sunday belongs to the week: its window and its run are waited for.
        began = [run.started_at.date() for run in self._store.runs.unclosed()]
        schedule = self._shop.schedule
        window = schedule.window_at(self._clock.now()) if schedule else None
        if window is not None:
            began.append(window.opens.date())
        return all(day > period.last for day in began)

    def _tell(self, rhythm: Rhythm, period: Period) -> None:
        told: dict[str, object] = {rhythm.key: period.name, "page": None, "figures": None}
        if self._store.runs.has_run_by(period.last):
            made, more = self._gathered(period)
            told["page"] = self._write(made, more)
            told["figures"] = {
                **made.as_json(),
                "value": more.value.as_json(),
                "accuracy": more.accuracy.as_json(),
            }
            log.info("period_report_written", period=period.name, page=told["page"])
        self._store.facts.remember(rhythm.fact, told)

    def _gathered(self, period: Period) -> tuple[Figures, Told]:
        now = self._clock.now()
        shop = self._shop
        return gathered(self._store, period, now, shop.assumed, self._pages, shop.schedule)

    def _write(self, figures: Figures, told: Told) -> str:
        self._results.require()
        folder = self._results.root
        name = f"period_report_{figures.period.name}.html"
        with replacing(folder / name) as file:
            write_period_report(file, figures, told, self._say, ask=self._shop.ask)
        for rhythm in (WEEKLY, MONTHLY):
            if figures.period == rhythm.last(self._clock.now().date()):
                copy_as_latest(folder / name, rhythm.latest)
        return name

    def _pages(self, runs: list[RunSummary]) -> dict[str, str]:
        """The reports of those runs that are still there."""
        names = {run["run"]: f"batch_report_{run['run']}.html" for run in runs}
        return {run: name for run, name in names.items() if (self._results.root / name).is_file()}


def gathered(
    store: Store,
    period: Period,
    now: datetime,
    assumed: ValueSettings,
    pages: Callable[[list[RunSummary]], dict[str, str]],
    schedule: Schedule | None = None,
) -> tuple[Figures, Told]:
    """All that the page on a period tells. pages: of runs, those that have a page of their own.

    schedule: of the nightly window, if there is one.
    """
    assert now.tzinfo is not None
    figures, today = figures_of(store, period, now.tzinfo), now.date()
    measured = measured_until(store, assumed, min(period.last, today))
    told = Told(
        of_period(figures, assumed, today, measured),
        accuracy_of(store, period),
        pages(figures.runs),
        trends_of(store, period, now, schedule),
        _effect(store, period),
    )
    return figures, told


def _effect(store: Store, period: Period) -> Effect | None:
    """What the model brought that judged last in it."""
    newest = store.runs.summaries(limit=_RUNS_LOOKED_AT)[::-1]
    runs = [one for one in newest if one["started"][:10] <= period.last.isoformat()]
    return effect_of(runs, runs[-1]["model"]) if runs else None

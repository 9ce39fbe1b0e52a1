"""Reports, made for who asks from the history: what lies in results_dir anybody may have changed.

Pictures are those that were kept when the photos were judged; the share is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from threading import BoundedSemaphore
from typing import BinaryIO

from config.settings import Settings
from daemon.domain.photos import Story
from daemon.domain.speech import speech
from daemon.domain.summaries import RunSummary
from daemon.domain.timetable import nightly
from daemon.reporting.forecast_log import forecast_for
from daemon.reporting.kept_pictures import KeptPictures
from daemon.reporting.period_page import write_period_report
from daemon.reporting.periodical import gathered
from daemon.reporting.periods import Period
from daemon.reporting.run_data import RunData, gather
from daemon.reporting.run_files import RunResults, summary_text
from daemon.reporting.run_page import Reach, write_report
from daemon.reporting.value import facts_of_run
from daemon.store import Store
from web.problems import Problem, a_place, busy
from web.reading.categories import judged_into
from web.reading.history import zone_of

__all__ = ["Periods", "RunSummary", "days_of", "period_of", "periods_of", "run_of"]

_SIDE = 260
_MOST_DAYS = 1100
# Days of so many runs are looked at for the list.
_RUNS_LOOKED_AT = 400
_MOST_LISTED = 12
# Each may take seconds, and a file that is as large as the run.
_PATIENCE_SECONDS = 10.0
_places = BoundedSemaphore(2)


def place() -> AbstractContextManager[None]:
    """Make one report. Raises Problem 503 where others are being made."""
    others = busy("other reports are being made just now; try again in a moment", 5)
    return a_place(_places, others, _PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Periods:
    """The weeks and months in which there were runs, newest first."""

    weeks: list[Period]
    months: list[Period]


def periods_of(store: Store) -> Periods:
    """Those of the newest runs."""
    runs = store.runs.summaries(limit=_RUNS_LOOKED_AT)
    days = [date.fromisoformat(run["started"][:10]) for run in runs]
    return Periods(_distinct(map(Period.week_of, days)), _distinct(map(Period.month_of, days)))


def _distinct(periods: Iterable[Period]) -> list[Period]:
    return list(dict.fromkeys(periods))[:_MOST_LISTED]


def period_of(name: str) -> Period:
    """The period that a report is called after. Raises Problem 404."""
    for read in (Period.week, Period.month, _days):
        try:
            period = read(name)
        except ValueError:
            continue
        if period.days <= _MOST_DAYS and period.name == name:
            return period
    raise Problem(404, "not_found", "there is no such period")


def days_of(first: str, last: str) -> Period:
    """The days that somebody asks for. Raises Problem 400."""
    try:
        period = _days(f"{first}_{last}")
    except ValueError as exc:
        raise Problem(400, "malformed", str(exc)) from exc
    if period.days > _MOST_DAYS:
        raise Problem(400, "malformed", f"a report tells of {_MOST_DAYS} days at most")
    return period


def _days(name: str) -> Period:
    first, _, last = name.partition("_")
    return Period.asked_for(date.fromisoformat(first), date.fromisoformat(last))


def run_of(store: Store, run: str) -> RunSummary:
    """What became of a run that has ended. Raises Problem 404."""
    summary = store.runs.summary(run)
    if summary is None:
        raise Problem(404, "not_found", "there is no such run, or it goes on still")
    return summary


def write_run(file: BinaryIO, store: Store, settings: Settings, run: str, language: str) -> None:
    """The page of a run, as it lies in results_dir. Raises Problem 404."""
    say = speech(language)
    data = gather(store, run_of(store, run), say)
    facts = facts_of_run(store, data.summary, settings.value, say)
    reach = Reach(settings.links.sorted, str(settings.sorted_dir))
    expected = forecast_for(store.facts, data.started)
    write_report(file, data, _pictures(settings, data), reach, facts, expected, say)


def write_period(
    file: BinaryIO, store: Store, settings: Settings, period: Period, language: str
) -> None:
    """The page of a period."""
    now = datetime.now(zone_of(settings))
    figures, told = gathered(store, period, now, settings.value, _pages, nightly(settings.window))
    write_period_report(file, figures, told, speech(language), ask=settings.contact.line)


def write_rows(file: BinaryIO, store: Store, settings: Settings, run: str) -> None:
    """The CSV of a run, byte for byte as it was written. Raises Problem 404."""
    run_of(store, run)
    results = RunResults(settings.results_dir, run, settings.incoming_dir, settings.sorted_dir)
    file.writelines(results.lines(store.runs.rows(run)))


def write_summary(file: BinaryIO, store: Store, _: Settings, run: str) -> None:
    """The summary of a run. Raises Problem 404."""
    file.write(summary_text(run_of(store, run)).encode("utf-8"))


def write_book(file: BinaryIO, store: Store, settings: Settings, run: str, language: str) -> None:
    """The workbook of a run. Raises Problem 404."""
    from daemon.reporting.workbook import write_workbook  # noqa: PLC0415 - few pages need it

    say = speech(language)
    data = gather(store, run_of(store, run), say)
    known, _ = judged_into(settings)
    categories = tuple(dict.fromkeys((*known, *settings.categories)))
    rows, pictures = store.runs.rows(run), _pictures(settings, data)
    write_workbook(file, rows, data, pictures, settings.links.sorted, categories, say)


def _pages(runs: list[RunSummary]) -> dict[str, str]:
    return {run["run"]: f"batch_report_{run['run']}.html" for run in runs}


def _pictures(settings: Settings, data: RunData) -> dict[str, bytes]:
    """By place in sorted."""
    kept = KeptPictures(settings.state_dir)
    shown: Iterable[Story] = chain(data.review, *data.samples.values())
    found = ((story.place, kept.get(story.sha256_now, _SIDE)) for story in shown)
    return {place: jpeg for place, jpeg in found if jpeg is not None}

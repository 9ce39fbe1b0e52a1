"""How a shop develops: four weeks, the months and the year so far, windows kept, failures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from daemon.domain.photos import Status
from daemon.domain.schedule import Schedule, Window
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.status import UndecidedStatus
from daemon.domain.summaries import RunSummary
from daemon.reporting.figures import Counts, categories_of, steps_of
from daemon.reporting.periods import Period
from daemon.store import Store
from daemon.store.facts import ATTENDED, WINDOWS_MISSED

Word = Literal["rises", "falls", "steady"]

_WEEKS = 4
_MONTHS = 12
_WEEK = timedelta(days=7)
_FAILURES = ("run_failed", "model_failed")
# A share moves when it is so many deviations of chance away, and so many points; nights vary by
# more than chance, here as if a photo in two counted.
_DEVIATIONS = 3.0
_POINTS = 0.01


@dataclass(frozen=True, slots=True)
class Weekly:
    """One week."""

    period: Period
    counts: Counts
    reasons: Counter[str]  # why people had to decide


@dataclass(frozen=True, slots=True)
class Moving:
    """A category's share of each week, 0..1; None for one without photos."""

    category: str
    shares: Sequence[float | None]
    word: Word


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a period that are past."""

    due: int
    missed: int

    @property
    def kept(self) -> int:
        """Those in which the service was at work."""
        return self.due - self.missed


@dataclass(frozen=True, slots=True)
class Course:
    """What runs alone tell of the time up to a period's end: the same until another one ends."""

    weeks: list[Weekly]
    mix: list[Moving]  # largest first
    months: list[tuple[Period, Counts]]  # those before the first run left out
    year: tuple[Period, Counts] | None  # so far; None where the period is all of it


@dataclass(frozen=True, slots=True)
class Trends:
    """All of it."""

    course: Course
    windows: Windows | None  # None: there is no nightly window
    failures: int  # how often sorting began to fail
    undecided: UndecidedStatus  # now


def trends_of(
    store: Store,
    period: Period,
    now: datetime,
    schedule: Schedule | None = None,
    course: Course | None = None,
) -> Trends:
    """What led to a period. schedule: of the nightly window, if there is one.

    course: of that period, where it is known; else a month's is told with the months before it.
    """
    return Trends(
        course or course_of(store, period, period if period.is_month else None),
        windows=_windows(store, period, now, schedule) if schedule else None,
        failures=_failures(store, period, now),
        undecided=store.history.undecided(),
    )


def course_of(store: Store, period: Period, month: Period | None) -> Course:
    """The four weeks and the year up to a period's end. month: up to which months are told."""
    weeks = weeks_until(period.last)
    year = Period(period.last.replace(month=1, day=1), period.last)
    months = _months_until(month) if month else []
    first = min(weeks[0].first, year.first, *(month.first for month in months))
    runs = store.runs.summaries_of_days(first, period.last)
    told = [
        Weekly(week, counts, _reasons(store, week))
        for (week, counts) in steps_of(weeks, _within(runs, Period(weeks[0].first, period.last)))
    ]
    return Course(
        weeks=told,
        mix=moving([categories_of(_within(runs, week)) for week in weeks]),
        months=_of_months(months, runs),
        year=None if year == period else (year, Counts.of(_within(runs, year))),
    )


def weeks_until(last: date) -> list[Period]:
    """Four weeks of seven days, the last ending on that day."""
    ends = [last - number * _WEEK for number in reversed(range(_WEEKS))]
    return [Period(end - timedelta(days=6), end) for end in ends]


def moving(weeks: Sequence[Counter[str]]) -> list[Moving]:
    """How the share of each category moves from the first weeks to the last."""
    categories: Counter[str] = Counter()
    for week in weeks:
        categories.update(week)
    half = len(weeks) // 2
    before, after = _together(weeks[:half]), _together(weeks[half:])
    return [
        Moving(
            name,
            [week[name] / week.total() if week.total() else None for week in weeks],
            word_of(before[name], before.total(), after[name], after.total()),
        )
        for name, _ in sorted(categories.items(), key=lambda one: (-one[1], one[0]))
    ]


def word_of(before: int, of_before: int, after: int, of_after: int) -> Word:
    """Whether a share of photos rose, fell, or is as it was but for chance."""
    if not of_before or not of_after:
        return "steady"
    share = (before + after) / (of_before + of_after)
    chance = math.sqrt(2 * share * (1 - share) * (1 / of_before + 1 / of_after))
    change = after / of_after - before / of_before
    if abs(change) < max(_POINTS, _DEVIATIONS * chance):
        return "steady"
    return "rises" if change > 0 else "falls"


def in_words(trends: Trends, say: Speech = ENGLISH) -> list[tuple[str, str]]:
    """Label and text of what fits into a line each."""
    facts = []
    if trends.course.year is not None:
        counts = trends.course.year[1]
        told = {
            "photos": say.count(counts.photos, "photo"),
            "runs": say.count(counts.runs, "run"),
            "decided": say.number(counts.review),
        }
        facts.append((say("period.trend.year"), say("period.trend.year_told", **told)))
    if trends.windows is not None:
        due, kept = say.number(trends.windows.due), say.number(trends.windows.kept)
        facts.append((say("period.trend.windows"), say("period.trend.kept", kept=kept, due=due)))
    facts.append((say("period.trend.failures"), say.number(trends.failures)))
    return [*facts, (say("period.trend.undecided"), _waiting(trends.undecided, say))]


def _waiting(undecided: UndecidedStatus, say: Speech) -> str:
    if undecided["oldest"] is None:
        return say("period.trend.none_wait")
    since = say.when("plain_day", datetime.fromisoformat(undecided["oldest"]))
    photos = say.count(undecided["photos"], "photo")
    return say("period.trend.wait", photos=photos, since=since)


# --- counting ------------------------------------------------------------------------------------


def _within(runs: Iterable[RunSummary], period: Period) -> list[RunSummary]:
    days = (period.first.isoformat(), period.last.isoformat())
    return [run for run in runs if days[0] <= run["started"][:10] <= days[1]]


def _together(weeks: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for week in weeks:
        total.update(week)
    return total


def _reasons(store: Store, week: Period) -> Counter[str]:
    return Counter(store.runs.reasons_of_days(week.first, week.last).get(Status.REVIEW, {}))


def _months_until(period: Period) -> list[Period]:
    months = [period]
    while len(months) < _MONTHS:
        months.insert(0, months[0].before)
    return months


def _of_months(months: Sequence[Period], runs: Sequence[RunSummary]) -> list[tuple[Period, Counts]]:
    told = [(month, Counts.of(_within(runs, month))) for month in months]
    while told and not told[0][1].runs:
        told.pop(0)
    return told


def _failures(store: Store, period: Period, now: datetime) -> int:
    begin, end = period.limits(now.tzinfo or UTC)
    return sum(
        begin <= one.raised_at < end for one, _ in store.alerts.incidents_since(begin, _FAILURES)
    )


def _windows(store: Store, period: Period, now: datetime, schedule: Schedule) -> Windows | None:
    first = store.runs.first_day()
    if first is None:
        return None
    begin, end = period.limits(now.tzinfo or UTC)
    due = [
        window
        for window in schedule.windows_between(begin - timedelta(seconds=1), end)
        if window.closes <= now and window.opens.date() >= first
    ]
    is_missed = _missing(store, begin, now)
    return Windows(len(due), sum(map(is_missed, due)))


def _missing(store: Store, begin: datetime, now: datetime) -> Callable[[Window], bool]:
    """Whether nobody attended to a window: noted, or told, or since the service was last there."""
    noted = {datetime.fromisoformat(one) for one in store.facts.get(WINDOWS_MISSED) or ()}
    attended = datetime.fromisoformat(store.facts.get(ATTENDED) or now.isoformat())
    gaps = [
        (datetime.fromisoformat(one.facts["opened"]), over or now)
        for one, over in store.alerts.incidents_since(begin, ("window_missed",))
    ]
    return lambda window: (
        window.opens in noted
        or window.opens > attended
        or any(since <= window.opens and window.closes <= until for since, until in gaps)
    )

"""How it goes: the days, weeks, confidences, failures and alerts that the first page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from classifier.verdict import Band
from config.settings import Settings
from daemon.domain.accuracy import Rate
from daemon.domain.alerts import IncidentDocument
from daemon.domain.photos import Status
from daemon.domain.reasons import in_words as reason
from daemon.domain.speech import speech
from daemon.domain.status import UndecidedStatus
from daemon.domain.summaries import RunSummary
from daemon.domain.timetable import nightly
from daemon.domain.value import Value as Worth
from daemon.domain.value import made_of
from daemon.reporting.accuracy import Accuracy, added_up
from daemon.reporting.figures import Counts, Figures, categories_of, figures_of, steps_of
from daemon.reporting.periods import Period
from daemon.reporting.trends import Course, Trends, course_of, in_words, trends_of
from daemon.reporting.value import measured_until, of_period
from daemon.store import Store
from web.reading.history import zone_of

__all__ = [
    "Accuracy", "Board", "Boards", "Counts", "Glance", "Period", "Rate", "Trends", "Worth",
    "glance", "reason_words", "trend_word", "trend_words", "worth_words",
]  # fmt: skip

CONFIDENCE_BINS = 20
# Weeks are compared with some before, also where fewer days are asked for.
_FEWEST_WEEKS = 6
_MOST_ALERTS = 12
# As the reports tell it: few people look, so it takes weeks to say anything.
ACCURACY_WEEKS = 12
_MOST_KEPT = 7
# Shares of more days than these are told week by week.
MOST_BY_DAY = 31


@dataclass(frozen=True, slots=True)
class Counted:
    """What the runs did; the same until another one ends."""

    figures: Figures  # of the days that were asked for, day by day
    rates: list[tuple[Period, Counts]]  # the same days, or their weeks where those are many
    weeks: list[tuple[Period, Counter[str]]]  # photos of each category, oldest first
    confidences: list[Counter[Band]]  # by bin, from 0 to 1
    course: Course | None = None  # up to the last of these days


@dataclass(frozen=True, slots=True)
class Glance:
    """What changes by the minute."""

    undecided: UndecidedStatus
    last_run: RunSummary | None


def glance(store: Store) -> Glance:
    """As it is now."""
    return Glance(store.history.undecided(), store.runs.newest())


@dataclass(frozen=True, slots=True)
class Board:
    """The history in figures, as of now."""

    counted: Counted
    alerts: list[IncidentDocument]  # newest first
    accuracy: Accuracy  # by the spot checks of the last weeks, whatever days were asked for
    value: Worth  # of the days that were asked for
    values: list[tuple[Period, Worth]]  # of their parts, as `Counted.rates`
    trends: Trends | None = None

    @property
    def reasons(self) -> list[tuple[str, str, int]]:
        """Why photos could not be read, and why people were asked: status, code, photos."""
        figures = self.counted.figures
        return [
            (status, code, number)
            for status, those in ((Status.ERROR, figures.failures), (Status.REVIEW, figures.doubts))
            for code, number in those.most_common()
        ]


class Boards:
    """Counts, and keeps what it counted last: a page that many look at is counted once a run."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Counted] = {}
        self._courses: dict[tuple[object, ...], Course] = {}  # the newest alone

    def of(self, store: Store, settings: Settings, period: Period, now: datetime) -> Board:
        """The board of these days, none of which is after today; in any thread."""
        today = now.date()
        mark = (period, today, *store.runs.closed())
        counted = self._kept.get(mark)
        if counted is None:
            counted = _count(store, settings, period, self._course(store, mark))
            others = [one for one in [*self._kept.items()] if one[0][1:] == mark[1:]]
            self._kept = {**dict(others[-_MOST_KEPT:]), mark: counted}
        measured = measured_until(store, settings.value, min(period.last, today))
        value = of_period(counted.figures, settings.value, today, measured)
        return Board(
            counted,
            alerts=store.alerts.history(_MOST_ALERTS),
            accuracy=_accuracy(store, today),
            value=value,
            values=_values(counted, value, today),
            trends=trends_of(store, period, now, nightly(settings.window), counted.course),
        )

    def _course(self, store: Store, mark: tuple[Period, date, int, int]) -> Course:
        """Of all spans that end on the same day the same."""
        period, _, *closed = mark
        key = (period.last, *closed)
        course = self._courses.get(key)
        if course is None:
            course = course_of(store, period, Period.month_of(period.last))
            self._courses = {key: course}
        return course


def trend_words(trends: Trends, language: str) -> list[tuple[str, str]]:
    """Label and text of what fits into a line each."""
    return in_words(trends, speech(language))


def trend_word(word: str, language: str) -> str:
    """Whether a share rises."""
    return speech(language)(f"period.trend.{word}")


def reason_words(code: str, language: str) -> str:
    """Why people had to decide, in a few words."""
    return reason(code, speech(language))


def worth_words(worth: Worth, language: str) -> list[str]:
    """What it is made of, a sentence each."""
    return made_of(worth, speech(language))


def _accuracy(store: Store, today: date) -> Accuracy:
    """By spot checks alone: what else people said was not chosen by lot."""
    period = Period(today - timedelta(weeks=ACCURACY_WEEKS) + timedelta(days=1), today)
    return added_up(period, store.spot_checks.newest(period.first))


def _values(counted: Counted, whole: Worth, today: date) -> list[tuple[Period, Worth]]:
    """What the parts of these days were worth, each with its own part of the monthly cost."""
    looks: Counter[date] = Counter()
    for run in counted.figures.runs:
        began = date.fromisoformat(run["started"][:10])
        looks[began] += run["confidence_distribution"].get(Band.CHECK, 0)
    return [
        (step, Worth(
            counts.judged, counts.review, sum(looks[day] for day in step.each_day()),
            whole.assumed, step.months_until(today), whole.measured,
        ))
        for step, counts in counted.rates
    ]  # fmt: skip


def _count(store: Store, settings: Settings, period: Period, course: Course) -> Counted:
    figures = figures_of(store, period, zone_of(settings), by_day=True, with_words=False)
    bins: list[Counter[Band]] = [Counter() for _ in range(CONFIDENCE_BINS)]
    for number, band, photos in store.runs.confidences_of_days(
        period.first, period.last, CONFIDENCE_BINS
    ):
        bins[number][band] += photos
    is_long = period.days > MOST_BY_DAY
    runs = store.runs.summaries_of_days(weeks_of(period)[0].first, period.last)
    days = ((date.fromisoformat(run["started"][:10]), categories_of([run])) for run in runs)
    return Counted(
        figures=figures,
        rates=steps_of(period.steps(), figures.runs) if is_long else figures.steps,
        weeks=by_week(period, days),
        confidences=bins,
        course=course,
    )


def weeks_of(period: Period) -> list[Period]:
    """Those that are shown of it: up to the one in which it ends."""
    number = max(_FEWEST_WEEKS, -(-period.days // 7))
    return [Period.week_of(period.last - timedelta(weeks=n)) for n in reversed(range(number))]


def by_week(
    period: Period, days: Iterable[tuple[date, Counter[str]]]
) -> list[tuple[Period, Counter[str]]]:
    """The photos of each category in these weeks. days: in each of them, or in others."""
    weeks = {week: Counter[str]() for week in weeks_of(period)}
    for day, mix in days:
        if (week := Period.week_of(day)) in weeks:
            weeks[week] += mix
    return [*weeks.items()]

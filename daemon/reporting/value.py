"""The value of runs and periods: counted from figures, measured in the store.

What it is, and its words, are `daemon.domain.value`'s.
"""

from __future__ import annotations

from datetime import date

from classifier.verdict import Band
from config.value import ValueSettings
from daemon.domain.speech import Speech
from daemon.domain.summaries import RunSummary
from daemon.domain.value import Measured, Value, in_words, of_run
from daemon.reporting.figures import Figures
from daemon.reporting.periods import Period
from daemon.store import Store


def of_period(
    figures: Figures, assumed: ValueSettings, today: date, measured: Measured | None = None
) -> Value:
    """The value of a period. today: up to which its cost is counted."""
    return Value(
        judged=figures.total.judged,
        reviews=figures.total.review,
        looks=figures.bands[Band.CHECK],
        assumed=assumed,
        months=figures.period.months_until(today),
        measured=measured or {},
    )


def measured_until(store: Store, assumed: ValueSettings, day: date) -> Measured:
    """What decisions and looks took in the weeks up to that day, where that is to be told."""
    return store.looks.until(day) if assumed.measure else {}


def facts_of_run(
    store: Store, summary: RunSummary, assumed: ValueSettings, say: Speech
) -> list[tuple[str, str]]:
    """The same of a run, for its page, by the settings that hold now."""
    day = date.fromisoformat(summary["started"][:10])
    return in_words(of_run(summary, assumed, measured_until(store, assumed, day)), say)


def by_time(period: Period, today: date) -> str:
    """Which time is told, in a sentence's words."""
    title = period.title()
    return title if period.last < today else f"{title}, up to now"

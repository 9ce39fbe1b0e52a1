"""How right it was here, by what people said: for the pages of weeks and months.

The share of what was filed without a look is of spot checks alone, as what people correct by
themselves was not chosen by lot. Few people look: it is told over twelve weeks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from daemon.domain.accuracy import Answer, Rate, rate_of
from daemon.domain.photos import Status
from daemon.domain.speech import ENGLISH, Speech
from daemon.reporting.periods import Period
from daemon.store import Store

_WEEKS = 12
_MOST_MISTAKES = 30


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What people said, added up."""

    period: Period
    filed: Rate  # spot checks of what was filed without a look
    decided: Rate  # guesses of what people were to decide
    by_category: list[tuple[str, Rate]]  # spot checks, by the category that was guessed
    by_week: list[tuple[str, Rate]]
    by_version: list[tuple[str, Rate]]
    mistakes: list[tuple[str, str, int]]  # guess, truth, photos; the most frequent first
    unasked: int  # wrong ones among what was filed, that people found beside spot checks

    @property
    def tables(self) -> list[tuple[str, list[tuple[str, Rate]]]]:
        """What each table tells apart, and its rows."""
        tables = (
            ("category", self.by_category),
            ("week", self.by_week),
            ("version", self.by_version),
        )
        return [(by, rows) for by, rows in tables if len(rows) > 1 or by == "category"]

    def as_json(self) -> dict[str, object]:
        """For programs and alerts."""
        return {
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "filed": self.filed.as_json(),
            "decided": self.decided.as_json(),
        }


def accuracy_of(store: Store, period: Period) -> Accuracy:
    """Of a period, and of the weeks before it where it is shorter than twelve of them."""
    first = min(period.first, period.last - timedelta(days=7 * _WEEKS - 1))
    told = Period(first, period.last)
    return added_up(told, store.spot_checks.answers(told.first, told.last))


def added_up(period: Period, answers: Iterable[Answer]) -> Accuracy:
    """What these answers say."""
    said = [*answers]
    spots = [one for one in said if one.is_spot_check]
    wrong = [one for one in said if one.truth not in (None, one.guess)]
    mistakes = Counter((one.guess, str(one.truth)) for one in wrong)
    return Accuracy(
        period,
        filed=_sum(spots),
        decided=_sum(one for one in said if one.status == Status.REVIEW),
        by_category=_by(spots, lambda one: one.guess),
        by_week=_by(spots, _week),
        by_version=_by(spots, lambda one: one.model or "–"),
        mistakes=[
            (*pair, photos)
            for pair, photos in sorted(mistakes.items(), key=lambda item: (-item[1], item[0]))
        ][:_MOST_MISTAKES],
        unasked=sum(one.status == Status.SUCCESS and not one.is_spot_check for one in wrong),
    )


def in_words(rate: Rate, say: Speech = ENGLISH) -> str:
    """Such as `99.1 % right (97.0–99.8), 312 checked`."""
    if rate.share is None:
        nobody = say("period.accuracy.nobody")
        shown = say.number(rate.shown)
        return say("period.accuracy.nobody_of", shown=shown) if rate.shown else nobody
    share, low, high = (say.number(100 * one, 1) for one in (rate.share, *rate.interval))
    checked = say.number(rate.checked)
    text = say("period.accuracy.right", share=share, low=low, high=high, checked=checked)
    if not (left := rate.shown - rate.checked):
        return text
    return say("period.accuracy.left", text=text, left=say.number(left))


def unasked_words(accuracy: Accuracy, say: Speech = ENGLISH) -> str:
    """What people found beside spot checks; empty for nothing."""
    if not accuracy.unasked:
        return ""
    return say("period.accuracy.unasked", photos=say.count(accuracy.unasked, "photo"))


def _sum(answers: Iterable[Answer]) -> Rate:
    return sum(map(rate_of, answers), Rate())


def _by(answers: Iterable[Answer], key: Callable[[Answer], str]) -> list[tuple[str, Rate]]:
    rates: dict[str, Rate] = {}
    for one in answers:
        rates[key(one)] = rates.get(key(one), Rate()) + rate_of(one)
    return sorted(rates.items())


def _week(answer: Answer) -> str:
    return Period.week_of(date.fromisoformat(answer.day)).name

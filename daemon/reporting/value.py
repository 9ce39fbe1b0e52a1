"""What nightsort is worth: the time that it saved, and money where a wage is known.

Saved is what sorting by hand would have taken, less what people still did: decisions, and quick
looks. Each figure is told with all that was assumed, and one below nothing is told as what it cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from classifier.verdict import Band
from config.value import ValueSettings
from daemon.domain.speech import ENGLISH, Speech
from daemon.reporting.figures import Figures
from daemon.reporting.periods import Period

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Value:
    """What was counted, and what is assumed."""

    judged: int  # photos with a verdict
    reviews: int  # of these, for a person to decide
    looks: int  # of these, filed and worth a quick look
    assumed: ValueSettings
    months: float = 0.0  # to which the monthly cost belongs

    @property
    def saved_seconds(self) -> float:
        """Of people's time; below 0 when it took them longer than by hand."""
        by_hand = self.judged * self.assumed.seconds_by_hand
        decided = self.reviews * self.assumed.review_seconds
        return by_hand - decided - self.looks * self.assumed.check_seconds

    @property
    def cost(self) -> float:
        """Of nightsort itself, in that time."""
        return self.months * self.assumed.monthly_cost

    @property
    def saved_money(self) -> float | None:
        """What that time is worth, less the cost; None without a wage."""
        if self.assumed.wage_per_hour is None:
            return None
        return self.saved_seconds / _HOUR * self.assumed.wage_per_hour - self.cost

    def as_json(self) -> dict[str, Any]:
        """For programs and alerts: the figures, and all that they are made of."""
        money = self.saved_money
        return {
            "saved_seconds": round(self.saved_seconds, 1),
            "saved_hours": round(self.saved_seconds / _HOUR, 2),
            "saved_money": None if money is None else round(money, 2),
            "judged": self.judged,
            "reviews": self.reviews,
            "looks": self.looks,
            "cost": round(self.cost, 2),
            "assumed": self.assumed.model_dump(),
        }


def of_period(figures: Figures, assumed: ValueSettings, today: date) -> Value:
    """The value of a period. today: up to which its cost is counted."""
    return Value(
        judged=figures.total.judged,
        reviews=figures.total.review,
        looks=figures.bands[Band.CHECK],
        assumed=assumed,
        months=figures.period.months_until(today),
    )


def of_run(summary: Mapping[str, Any], assumed: ValueSettings) -> Value:
    """The value of a run; the monthly cost belongs to no single one."""
    return Value(
        judged=summary["successful"] + summary["review"],
        reviews=summary["review"],
        looks=summary["confidence_distribution"].get(Band.CHECK, 0),
        assumed=assumed,
    )


def in_words(value: Value, say: Speech = ENGLISH) -> list[tuple[str, str]]:
    """Label and text of what there is to tell, each with what is assumed."""
    time = "value.time_saved" if value.saved_seconds >= 0 else "value.time_lost"
    lines = [(say(time), _of_time(value, say))]
    if (money := value.saved_money) is not None:
        label = "value.money_saved" if money >= 0 else "value.money_lost"
        amount, how = say.number(abs(money), 2), _of_money(value, say)
        text = say("value.money", money=amount, currency=value.assumed.currency, how=how)
        lines.append((say(label), text))
    return lines


def by_time(period: Period, today: date) -> str:
    """Which time is told, in a sentence's words."""
    title = period.title()
    return title if period.last < today else f"{title}, up to now"


def _of_time(value: Value, say: Speech) -> str:
    """How the time comes about."""
    assumed = value.assumed
    by_hand, review, check = (
        say.figures(f"{seconds:g}")
        for seconds in (assumed.seconds_by_hand, assumed.review_seconds, assumed.check_seconds)
    )
    return say(
        "value.time",
        time=say.duration(abs(value.saved_seconds), 0),
        photos=say.count(value.judged, "photo"),
        by_hand=by_hand,
        decisions=say.count(value.reviews, "decision"),
        review=review,
        looks=say.count(value.looks, "quick_look"),
        check=check,
    )


def _of_money(value: Value, say: Speech) -> str:
    assumed = value.assumed
    rate = say("value.rate", wage=say.number(assumed.wage_per_hour or 0.0, 2))
    if not value.months:
        return say("value.before_cost", rate=rate) if assumed.monthly_cost else rate
    if not assumed.monthly_cost:
        return say("value.no_cost", rate=rate)
    cost, monthly = say.number(value.cost, 2), say.number(assumed.monthly_cost, 2)
    return say("value.less_cost", rate=rate, cost=cost, monthly=monthly)

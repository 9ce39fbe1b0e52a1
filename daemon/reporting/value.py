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
from config.units import duration
from config.value import ValueSettings
from daemon.domain.phrases import count
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


def in_words(value: Value) -> list[tuple[str, str]]:
    """Label and text of what there is to tell, each with what is assumed."""
    time = f"{duration(abs(value.saved_seconds), 0)}: {_of_time(value)}"
    lines = [("Time saved" if value.saved_seconds >= 0 else "Time lost", time)]
    if (money := value.saved_money) is not None:
        text = f"{abs(money):,.2f} {value.assumed.currency}: {_of_money(value)}"
        lines.append(("Money saved" if money >= 0 else "Money lost", text))
    return lines


def by_time(period: Period, today: date) -> str:
    """Which time is told, in a sentence's words."""
    return period.title if period.last < today else f"{period.title}, up to now"


def _of_time(value: Value) -> str:
    """How the time comes about."""
    assumed = value.assumed
    return (
        f"{count(value.judged, 'photo')} at {assumed.seconds_by_hand:g} s by hand, less "
        f"{count(value.reviews, 'decision')} at {assumed.review_seconds:g} s and "
        f"{count(value.looks, 'quick look')} at {assumed.check_seconds:g} s"
    )


def _of_money(value: Value) -> str:
    assumed = value.assumed
    text = f"that time at {assumed.wage_per_hour:,.2f} an hour"
    if not value.months:
        return text if not assumed.monthly_cost else f"{text}, before what nightsort costs"
    if not assumed.monthly_cost:
        return f"{text}; no cost of nightsort is set"
    return (
        f"{text}, less {value.cost:,.2f} that nightsort cost at {assumed.monthly_cost:,.2f} a month"
    )

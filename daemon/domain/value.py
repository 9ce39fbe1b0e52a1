"""What nightsort is worth: the time that it saved, and money where a wage is known.

Saved is what sorting by hand would have taken, less what people still did: decisions, and quick
looks. What these take is measured on the page where it is used, else assumed; each figure is told
with all that it is made of, and one below nothing is told as what it cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from classifier.verdict import Band
from config.value import ValueSettings
from daemon.domain.looking import WEEKS, Looked
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import DrainSummary, ValueDocument, with_verdict

_HOUR = 3600.0
Measured = Mapping[Band, Looked]


@dataclass(frozen=True, slots=True)
class Value:
    """What was counted, what was measured, and what is assumed."""

    judged: int  # photos with a verdict
    reviews: int  # of these, for a person to decide
    looks: int  # of these, filed and worth a quick look
    assumed: ValueSettings
    months: float = 0.0  # to which the monthly cost belongs
    measured: Measured = field(default_factory=dict)  # what is not in it is assumed

    @property
    def review_seconds(self) -> float:
        """What a decision takes."""
        known = self.measured.get(Band.REVIEW)
        return known.seconds if known else self.assumed.review_seconds

    @property
    def check_seconds(self) -> float:
        """What a quick look takes."""
        known = self.measured.get(Band.CHECK)
        return known.seconds if known else self.assumed.check_seconds

    @property
    def seconds(self) -> dict[str, float]:
        """All three that it is reckoned with."""
        by_hand = self.assumed.seconds_by_hand
        return {"by_hand": by_hand, "review": self.review_seconds, "check": self.check_seconds}

    @property
    def saved_seconds(self) -> float:
        """Of people's time; below 0 when it took them longer than by hand."""
        by_hand = self.judged * self.assumed.seconds_by_hand
        return by_hand - self.reviews * self.review_seconds - self.looks * self.check_seconds

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

    def as_json(self) -> ValueDocument:
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
            "months": self.months,
            "seconds": self.seconds,
            "measured": {
                band.value: {"seconds": one.seconds, "photos": one.photos, "weeks": WEEKS}
                for band, one in self.measured.items()
            },
            "assumed": self.assumed.model_dump(),
        }


def of_run(
    summary: DrainSummary, assumed: ValueSettings, measured: Measured | None = None
) -> Value:
    """The value of a run; the monthly cost belongs to no single one."""
    return Value(
        judged=with_verdict(summary),
        reviews=summary["review"],
        looks=summary["confidence_distribution"].get(Band.CHECK, 0),
        assumed=assumed,
        measured=measured or {},
    )


def added(documents: Iterable[ValueDocument | None]) -> ValueDocument | None:
    """The value of runs, by the newest settings and what was measured until then.

    None where one of them, of an older nightsort, does not say.
    """
    told = [*documents]
    values = [of_json(one) for one in told if one is not None]
    if len(values) < len(told):
        return None
    last = values[-1]
    return Value(
        sum(one.judged for one in values),
        sum(one.reviews for one in values),
        sum(one.looks for one in values),
        last.assumed,
        measured=last.measured,
    ).as_json()


def of_json(document: ValueDocument) -> Value:
    """As it was told; an older nightsort measured nothing, and said no months."""
    assumed = ValueSettings.model_validate(document["assumed"])
    cost = document["cost"] / assumed.monthly_cost if assumed.monthly_cost else 0.0
    return Value(
        document["judged"],
        document["reviews"],
        document["looks"],
        assumed,
        document.get("months", cost),
        {
            Band(band): Looked(one["seconds"], one["photos"])
            for band, one in document.get("measured", {}).items()
        },
    )


def in_words(value: Value, say: Speech = ENGLISH) -> list[tuple[str, str]]:
    """Label and text of what there is to tell, and last where its seconds are from."""
    label = "value.time_saved" if value.saved_seconds >= 0 else "value.time_lost"
    time = say.duration(abs(value.saved_seconds), 0)
    lines = [(say(label), say("value.time", time=time, how=_how_time(value, say)))]
    if (money := value.saved_money) is not None:
        label = "value.money_saved" if money >= 0 else "value.money_lost"
        amount, how = say.number(abs(money), 2), _how_money(value, say)
        text = say("value.money", money=amount, currency=value.assumed.currency, how=how)
        lines.append((say(label), text))
    return [*lines, (say("value.seconds"), _sources(value, say))]


def made_of(value: Value, say: Speech) -> list[str]:
    """How these figures come about, for who shows them by themselves."""
    money = [] if value.saved_money is None else [_how_money(value, say)]
    sources = say("value.seconds_are", sources=_sources(value, say))
    return [_how_time(value, say), *money, sources]


def _sources(value: Value, say: Speech) -> str:
    """Where the seconds are from: measured, of how many decisions, or which setting."""
    by_hand = say("value.assumed", setting="seconds_by_hand")
    review = _source(value, Band.REVIEW, "review_seconds", say)
    check = _source(value, Band.CHECK, "check_seconds", say)
    return say("value.sources", by_hand=by_hand, review=review, check=check)


def _source(value: Value, band: Band, setting: str, say: Speech) -> str:
    known = value.measured.get(band)
    if known is None:
        return say("value.assumed", setting=setting)
    what = "decision" if band is Band.REVIEW else "quick_look"
    return say("value.measured", photos=say.count(known.photos, what), weeks=WEEKS)


def _how_time(value: Value, say: Speech) -> str:
    by_hand, review, check = (
        say.figures(f"{seconds:g}")
        for seconds in (value.assumed.seconds_by_hand, value.review_seconds, value.check_seconds)
    )
    return say(
        "value.how_time",
        photos=say.count(value.judged, "photo"),
        by_hand=by_hand,
        decisions=say.count(value.reviews, "decision"),
        review=review,
        looks=say.count(value.looks, "quick_look"),
        check=check,
    )


def _how_money(value: Value, say: Speech) -> str:
    assumed = value.assumed
    rate = say("value.rate", wage=say.number(assumed.wage_per_hour or 0.0, 2))
    if not value.months:
        return say("value.before_cost", rate=rate) if assumed.monthly_cost else rate
    if not assumed.monthly_cost:
        return say("value.no_cost", rate=rate)
    cost, monthly = say.number(value.cost, 2), say.number(assumed.monthly_cost, 2)
    return say("value.less_cost", rate=rate, cost=cost, monthly=monthly)

"""Nights in figures: what came from one morning to the next, and what was said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from classifier.verdict import Band
from daemon.domain.summaries import RunSummary

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Night:
    """What the runs did that ended between the morning before and this day's."""

    day: date
    photos: int = 0  # processed
    left: int = 0  # waiting when the last of them ended
    judged: int = 0  # with a verdict
    auto: int = 0  # of these, filed without a look
    review: int = 0  # of these, for a person to decide
    confidence: float = 0.0  # the sum over all with a verdict
    categories: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)  # of review and quarantine, by code
    model: str = ""  # that gave the verdicts; empty where that is not known

    def as_json(self) -> dict[str, object]:
        """To be kept."""
        return {**asdict(self), "day": self.day.isoformat()}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Night:
        """As it was kept."""
        return cls(**{**kept, "day": date.fromisoformat(kept["day"])})


def night_of(day: date, runs: Iterable[RunSummary], reasons: Mapping[str, int], left: int) -> Night:
    """Add up runs. reasons: of all of them; left: photos that waited at the morning before."""
    runs = [*runs]
    categories: Counter[str] = Counter()
    bands: Counter[str] = Counter()
    photos, judged, confidence = 0, 0, 0.0
    for run in runs:
        categories.update(run["categories"])
        bands.update(run["confidence_distribution"])
        with_verdict = sum(run["categories"].values())
        photos, judged = photos + run["total_processed"], judged + with_verdict
        confidence += (run["average_confidence"] or 0.0) * with_verdict
        left = run["waiting_after"]
    return Night(
        day=day,
        photos=photos,
        left=left,
        judged=judged,
        auto=bands[Band.AUTO],
        review=bands[Band.REVIEW],
        confidence=round(confidence, 4),
        categories=dict(categories),
        reasons=dict(reasons),
        model=model_of(runs),
    )


def model_of(runs: Iterable[RunSummary]) -> str:
    """What gave the verdicts of these runs: one after the other where it changed."""
    return ", then ".join(dict.fromkeys(run["model"] for run in runs if run["categories"]))


def came(nights: Sequence[Night]) -> list[int]:
    """How many photos came for each night: what it left was for it, what it found was not."""
    left = [nights[0].left if nights else 0, *(night.left for night in nights)]
    return [
        max(0, night.photos + night.left - before)
        for night, before in zip(nights, left, strict=False)
    ]


def judged_since(nights: Sequence[Night]) -> date | None:
    """Since which of these nights the model of the last one judges; None where no other did."""
    model = nights[-1].model
    others = [number for number, night in enumerate(nights) if night.model not in ("", model)]
    if not model or not others:
        return None
    return next(night.day for night in nights[others[-1] + 1 :] if night.model == model)


def mix_of(nights: Iterable[Night]) -> Counter[str]:
    """How many photos of each category they had."""
    mix: Counter[str] = Counter()
    for night in nights:
        mix.update(night.categories)
    return mix


def day_of_morning(moment: datetime, morning: datetime) -> date:
    """The day whose morning is the first after that moment.

    morning: of any day, in the zone of people's clocks.
    """
    local = moment.astimezone(morning.tzinfo)
    return local.date() if local.time() <= morning.time() else local.date() + _DAY

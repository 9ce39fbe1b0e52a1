"""Nights of a shop that does not exist: busy and quiet weekdays, days off, trends, and chance.

Nights vary by more than a fair lot would make them: volume by 15 %, each category's share and
each reason's too; shares and volume follow the seasons; on a day off nothing comes, and the more
on the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from daemon.domain.days_off import is_day_off
from daemon.domain.nights import Night

_FIRST = date(2024, 1, 1)
_DAY = timedelta(days=1)
_OF_WEEKDAY = (0.0, 1.25, 1.1, 1.0, 1.0, 0.9, 0.45)  # of the day before: none on Sundays
_LOCAL_DAYS_OFF = ("10-03", "11-01")  # that nobody has set
_MIX = {
    "Tshirts": 0.27, "Shirts": 0.2, "Casual Shoes": 0.14, "Watches": 0.1, "Sports Shoes": 0.08,
    "Handbags": 0.06, "Heels": 0.05, "Tops": 0.05, "Kurtas": 0.03, "Sunglasses": 0.02,
}  # fmt: skip
_REASONS = {"unsure": 0.07, "unknown": 0.03, "too_dark": 0.004, "too_blurred": 0.006}

Change = Callable[[Night, Random], Night]


def ordinary_nights(seed: int, nights: int, photos: int = 400) -> Iterator[Night]:
    """One after another, from Monday, 1 January 2024 on. photos: of a day in the middle."""
    random = Random(seed)
    phases = [random.uniform(0, 2 * math.pi) for _ in range(len(_MIX) + 1)]
    level, was_off = 0.0, False
    for number in range(nights):
        day = _FIRST + number * _DAY
        level = 0.99 * level + random.gauss(0, 0.02)
        seasons = [0.3 * math.sin(2 * math.pi * number / 365 + phase) for phase in phases]
        is_off = is_day_off(day - _DAY, _LOCAL_DAYS_OFF)
        expected = photos * _OF_WEEKDAY[day.weekday()] * math.exp(level + seasons[-1])
        expected *= 0.0 if is_off else 1.7 if was_off else 1.0
        was_off = is_off
        mix = zip(_MIX.values(), seasons, strict=False)
        shares = [share * math.exp(season) for share, season in mix]
        yield _night(random, day, expected * random.lognormvariate(0, 0.15), shares)


def half_as_many(night: Night, random: Random) -> Night:
    """Of each kind half of the photos."""
    return _thinned(night, dict.fromkeys(night.categories, 0.5), random)


def twice_of(category: str) -> Change:
    """As many photos of it more as there were."""

    def changed(night: Night, random: Random) -> Night:
        more = night.categories[category]
        return replace(
            night,
            photos=night.photos + more,
            judged=night.judged + more,
            auto=night.auto + round(0.75 * more),
            confidence=night.confidence + 0.93 * more,
            categories={**night.categories, category: 2 * more},
        )

    return changed


def blurred(night: Night, random: Random) -> Night:
    """A camera that is out of focus: of ten photos one is not judged but sent to people."""
    return _doubted(night, "too_blurred", _binomial(random, night.auto, 0.1))


def novel(night: Night, random: Random) -> Night:
    """A kind of goods that nobody taught: 8 % more are unknown."""
    return _doubted(night, "unknown", _binomial(random, night.auto, 0.08))


CHANGES: dict[str, Change] = {
    "half the volume": half_as_many,
    "a category of 14 % doubles": twice_of("Casual Shoes"),
    "a category of 6 % doubles": twice_of("Handbags"),
    "a blurred camera: 10 %": blurred,
    "a new kind of goods: 8 %": novel,
}


def _night(random: Random, day: date, expected: float, mix: Sequence[float]) -> Night:
    """Its mix and doubts vary by more than chance."""
    number = _poisson(random, expected)
    shares = [share * random.lognormvariate(0, 0.15) for share in mix]
    shares[0] *= 1.25 if day.weekday() == 6 else 1.0
    drawn = random.choices([*_MIX], shares, k=number)
    doubt = random.lognormvariate(0, 0.2)
    reasons = {
        code: _binomial(random, number, share * doubt * random.lognormvariate(0, 0.15))
        for code, share in _REASONS.items()
    }
    review = sum(reasons.values())
    return Night(
        day,
        photos=number,
        judged=number,
        auto=_binomial(random, number - review, min(0.95, 0.85 / doubt**0.15)),
        review=review,
        confidence=_sureness(random, number, 0.93 - 0.02 * (doubt - 1)),
        categories={name: drawn.count(name) for name in _MIX},
        reasons=reasons,
    )


def _doubted(night: Night, reason: str, photos: int) -> Night:
    reasons = {**night.reasons, reason: night.reasons.get(reason, 0) + photos}
    return replace(
        night,
        auto=night.auto - photos,
        review=night.review + photos,
        confidence=night.confidence - 0.3 * photos,
        reasons=reasons,
    )


def _thinned(night: Night, keep: dict[str, float], random: Random) -> Night:
    categories = {
        name: _binomial(random, photos, keep[name]) for name, photos in night.categories.items()
    }
    judged = sum(categories.values())
    part = judged / night.judged if night.judged else 0.0
    return replace(
        night,
        photos=judged,
        judged=judged,
        auto=round(part * night.auto),
        review=round(part * night.review),
        confidence=part * night.confidence,
        categories=categories,
        reasons={code: round(part * photos) for code, photos in night.reasons.items()},
    )


def _sureness(random: Random, photos: int, mean: float) -> float:
    """The sum of that many confidences of that mean, each 0.12 beside it."""
    return min(0.999, mean + random.gauss(0, 0.12 / math.sqrt(max(1, photos)))) * photos


def _binomial(random: Random, photos: int, share: float) -> int:
    return sum(random.random() < share for _ in range(photos))


def _poisson(random: Random, mean: float) -> int:
    return max(0, round(random.gauss(mean, math.sqrt(mean)))) if mean else 0

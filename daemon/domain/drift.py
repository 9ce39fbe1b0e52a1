"""Whether a night is unlike a shop's own last weeks: mix, sureness, quality, novelty, volume.

Nights of a shop vary by more than chance; by how much is estimated from the nights themselves. A
figure is unusual where it is beyond its limits against all nights, against those of its weekday,
and against the newest; how sure the model is, only against nights of the same model.
docs/decisions/0028-drift.md has what that costs and finds. No clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache, partial
from statistics import NormalDist, fmean, median

from daemon.domain.days_off import is_day_off
from daemon.domain.nights import Night, came

NIGHTS = 56  # that a night is compared with
LEAST_NIGHTS = 20  # of them with photos; before nothing is said
_TOGETHER = (1, 4, 7)  # of the newest nights, judged as one
_ALIKE = 0.2  # correlation of nights in a row, that trends bring
# False alarms a quarter that the limits of each family are set for, were nights as they suppose.
_A_QUARTER = {"mix": 0.3, "sureness": 0.2, "quality": 0.1, "novelty": 0.1, "volume": 0.05}
_NIGHTS_A_QUARTER = 91
_NEWEST = 14
_LEAST_PHOTOS = 20  # with a verdict; of fewer no share is judged
_LEAST = 4
_USUAL_AGAIN = 5  # of the newest nights beyond the limits: that is how it is now
_QUALITY = ("too_dark", "too_blurred", "too_small", "corrupt", "truncated", "unreadable")
_MEDIAN_OF_SQUARES = 0.4549  # of a standard normal variable
_CLIPPED = 3.0  # standard deviations, where the spread is estimated
_MOSTLY = 0.75  # of the nights of a weekday bring photos: then it is one that usually does
_DAY = timedelta(days=1)

Point = tuple[float, float]  # a figure on a scale where chance is even, and chance's variance
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is beyond what is usual; shares and confidence are 0..1, volume photos."""

    what: str  # mix, confidence, auto, review, reason, unknown, volume, no_arrivals
    name: str  # the category, the reason's code; empty where there is but one
    now: float
    usual: float
    low: float  # within these it would have been usual
    high: float
    nights: int = 1  # that `now` is of: the last one, or some of the last together

    def as_json(self) -> dict[str, object]:
        """For alerts."""
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class _Figure:
    """A share that is followed from night to night."""

    what: str
    name: str
    part: Callable[[Night], float]  # of a night's photos with a verdict; need not be whole
    false_alarms: float  # a night
    only_more: bool = False
    of_model: bool = False  # another model has another usual

    def point(self, night: Night) -> Point:
        """Freeman and Tukey's: its variance is 1/n, whatever the share."""
        part = (self.part(night) + 0.375) / (night.judged + 0.75)
        return 2 * math.asin(math.sqrt(min(1.0, part))), 1 / (night.judged + 0.5)

    def share(self, nights: Sequence[Night]) -> float:
        """Of all of them together."""
        return sum(map(self.part, nights)) / sum(night.judged for night in nights)


def unusual(
    nights: Sequence[Night], days_off: Collection[str] = (), *, is_waiting: bool = False
) -> list[Change] | None:
    """What is unlike usual in the last of these nights; None while too little is known.

    nights: one for each day. is_waiting: photos wait, or may, so that nothing can be said of none.
    """
    before = nights[-NIGHTS - 1 : -1]
    with_photos = [one for one in before if one.judged >= _LEAST_PHOTOS]
    if len(with_photos) < LEAST_NIGHTS:
        return None
    night = nights[-1]
    found = [_volume([*before, night], days_off, is_waiting=is_waiting)]
    if night.judged >= _LEAST_PHOTOS:
        judged = [*with_photos, night]
        alike = [one for one in judged if one.model == night.model]
        found += [
            _judged(figure, alike if figure.of_model else judged) for figure in _figures_of(judged)
        ]
    return [change for change in found if change is not None]


def stability(now: Mapping[str, float], usual: Mapping[str, float]) -> float:
    """The population stability index of two mixes; above 0.25 they are said to differ much."""
    total, before = sum(now.values()), sum(usual.values())
    if not total or not before:
        return 0.0
    names = {*now, *usual}
    index = 0.0
    for name in names:
        share = (now.get(name, 0.0) + 0.5) / (total + 0.5 * len(names))
        once = (usual.get(name, 0.0) + 0.5) / (before + 0.5 * len(names))
        index += (share - once) * math.log(share / once)
    return index


# --- the figures ---------------------------------------------------------------------------------


_SURENESS: Mapping[str, Callable[[Night], float]] = {
    "confidence": lambda night: night.confidence,
    "auto": lambda night: night.auto,
    "review": lambda night: night.review,
}


def _figures_of(nights: Sequence[Night]) -> Iterator[_Figure]:
    categories = sorted({name for night in nights for name in night.categories})
    of_mix = _allowed("mix", len(categories))
    for name in categories:
        yield _Figure("mix", name, partial(_of_category, name), of_mix)
    for name, sure in _SURENESS.items():
        yield _Figure(name, "", sure, _allowed("sureness", len(_SURENESS)), of_model=True)
    of_quality = _allowed("quality", len(_QUALITY))
    for code in _QUALITY:
        yield _Figure("reason", code, partial(_of_reason, code), of_quality, only_more=True)
    novel = partial(_of_reason, "unknown")
    yield _Figure("unknown", "", novel, _allowed("novelty", 1), only_more=True, of_model=True)


def _of_category(name: str, night: Night) -> float:
    return night.categories.get(name, 0)


def _of_reason(code: str, night: Night) -> float:
    # Of what cannot be read there is no verdict: the share is at most all of them.
    return min(night.judged, night.reasons.get(code, 0))


def _as_share(point: float) -> float:
    return math.sin(min(math.pi, max(0.0, point)) / 2) ** 2


def _judged(figure: _Figure, nights: Sequence[Night]) -> Change | None:
    """Of the last of these nights, alone and with those before it; None where they are few."""
    if len(nights) <= LEAST_NIGHTS:
        return None
    points = [(night.day.weekday(), figure.point(night)) for night in nights]
    usual = _as_share(fmean(point for _, (point, _) in points[:-1]))
    for together in _TOGETHER:
        beyond = _beyond(points, together, figure.false_alarms)
        if beyond and (beyond.is_more or not figure.only_more):
            now = figure.share(nights[-together:])
            low, high = _as_share(beyond.low), _as_share(beyond.high)
            return Change(figure.what, figure.name, now, usual, low, high, together)
    return None


# --- volume --------------------------------------------------------------------------------------


def _volume(
    nights: Sequence[Night], days_off: Collection[str], *, is_waiting: bool
) -> Change | None:
    """Whether as many came for the last night as for others of its weekday, or lately."""
    photos = came(nights)
    usual = _usual_of_weekdays(nights, photos, days_off)
    *before, night = _against_usual(nights, photos, usual, days_off)
    if night is None:
        return None
    plain = [one for one in before if one and one.photos and not one.is_after_rest]
    points = [(one.weekday, one.point) for one in plain]
    if len(points) < LEAST_NIGHTS:
        return None
    if not night.photos:
        is_missed = not is_waiting and night.usual >= _LEAST_PHOTOS
        return Change("no_arrivals", "", 0, night.usual, 1, night.usual) if is_missed else None
    points.append((night.weekday, night.point))
    for together in _TOGETHER:
        beyond = _beyond(points, together, _allowed("volume", 1))
        if beyond and not (beyond.is_more and night.is_after_rest):
            low, high = (night.usual * math.exp(one) for one in (beyond.low, beyond.high))
            now = night.usual * math.exp(beyond.at)
            return Change("volume", "", now, night.usual, low, high, together)
    return None


@dataclass(frozen=True, slots=True)
class _Came:
    weekday: int
    photos: int
    usual: float  # on its weekday
    is_after_rest: bool  # what a day without work left undone comes then

    @property
    def point(self) -> Point:
        return math.log(self.photos / self.usual), 1 / self.photos


def _against_usual(
    nights: Sequence[Night],
    photos: Sequence[int],
    usual: Mapping[int, float],
    days_off: Collection[str],
) -> Iterator[_Came | None]:
    """None for nights before which nobody is known to work."""
    has_rested = False
    for night, number in zip(nights, photos, strict=True):
        expected = usual[night.day.weekday()]
        is_off = _is_off(night, days_off)
        yield (
            _Came(night.day.weekday(), number, expected, has_rested)
            if expected and not is_off
            else None
        )
        if expected:
            has_rested = is_off or not number


def _usual_of_weekdays(
    nights: Sequence[Night], photos: Sequence[int], days_off: Collection[str]
) -> dict[int, float]:
    """The photos that mostly come, by weekday; 0 where often none do, or too little is known."""
    found: dict[int, list[int]] = {weekday: [] for weekday in range(7)}
    for night, number in zip(nights[:-1], photos, strict=False):
        if not _is_off(night, days_off):
            found[night.day.weekday()].append(number)
    return {weekday: _usual(numbers) for weekday, numbers in found.items()}


def _usual(numbers: Sequence[int]) -> float:
    some = [number for number in numbers if number]
    is_known = len(numbers) >= _LEAST and len(some) >= _MOSTLY * len(numbers)
    return median(some) if is_known else 0.0


def _is_off(night: Night, days_off: Collection[str]) -> bool:
    return is_day_off(night.day - _DAY, days_off)


# --- limits --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Beyond:
    at: float
    low: float
    high: float

    @property
    def is_more(self) -> bool:
        return self.at > self.high


def _beyond(
    points: Sequence[tuple[int, Point]], together: int, false_alarms: float
) -> _Beyond | None:
    """Whether the last of these points is out of its limits; None where it is not.

    points: each with its weekday. together: so many of the last are judged as their mean.
    """
    before, newest = [*points[:-together]], [point for _, point in points[-together:]]
    known = [point for _, point in before]
    spread = _spread(known)
    reach = _deviations(false_alarms, len(known) - 1)
    at = fmean(one for one, _ in newest)
    own = fmean(chance for _, chance in newest) / together
    own += spread * (1 + (together - 1) * _ALIKE) / together
    views = [known, known[-_NEWEST:]]
    if together == 1:
        views.append([point for weekday, point in before if weekday == points[-1][0]])
    limits = [
        (middle - reach * math.sqrt(own + variance), middle + reach * math.sqrt(own + variance))
        for middle, variance in (_middle(view, spread) for view in views if len(view) >= _LEAST)
    ]
    low, high = min(one for one, _ in limits), max(one for _, one in limits)
    if (
        low <= at <= high
        or _is_usual_now(known, low, high, at)
        or not _goes_on(newest[-1], low, high, is_more=at > high)
    ):
        return None
    return _Beyond(at, low, high)


def _goes_on(last: Point, low: float, high: float, *, is_more: bool) -> bool:
    """Whether the last of them is at least half as far out: else it is over."""
    middle, half = (low + high) / 2, (high - low) / 4
    return last[0] > middle + half if is_more else last[0] < middle - half


def _is_usual_now(known: Sequence[Point], low: float, high: float, at: float) -> bool:
    """Whether enough of the newest points were beyond the same limit."""
    newest = [one for one, _ in known[-_NEWEST:]]
    beyond = (one > high for one in newest) if at > high else (one < low for one in newest)
    return sum(beyond) >= _USUAL_AGAIN


def _middle(points: Sequence[Point], spread: float) -> Point:
    """The mean by weight, and its own variance."""
    weights = [1 / (chance + spread) for _, chance in points]
    parts = (one * weight for (one, _), weight in zip(points, weights, strict=True))
    return sum(parts) / sum(weights), 1 / sum(weights)


def _spread(points: Sequence[Point]) -> float:
    """By how much nights vary beyond chance, as variance; single ones that stick out are bent."""
    middle = median(one for one, _ in points)
    usual = median((one - middle) ** 2 for one, _ in points) / _MEDIAN_OF_SQUARES
    bent = [min((one - middle) ** 2, _CLIPPED**2 * max(usual, chance)) for one, chance in points]
    free = len(points) / (len(points) - 1)
    return max(0.0, fmean(bent) * free - fmean(chance for _, chance in points))


def _allowed(family: str, tests: int) -> float:
    """The false alarms of one of a family's figures in a night, alone and with those before."""
    return _A_QUARTER[family] / _NIGHTS_A_QUARTER / tests / len(_TOGETHER)


@cache
def _deviations(false_alarms: float, free: int) -> float:
    """How many, of Student's t: what is beyond on either side has that probability.

    free: degrees of freedom. Source: Abramowitz and Stegun, 26.7.5.
    """
    z = NormalDist().inv_cdf(1 - false_alarms / 2)
    first = (z**3 + z) / (4 * free)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
    return z + first + second

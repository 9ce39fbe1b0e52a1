"""What a model brought: the share of photos that people decide on, since it judges and before.

It is only said in photos a night where there are enough nights, and it is beyond chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import sqrt

from typing_extensions import TypedDict

from daemon.domain.summaries import RunSummary

RUNS_BEFORE = 7
FEWEST_PHOTOS = 100  # on either side: of fewer nothing can be said
FEWEST_NIGHTS = 3
# So many standard errors are no chance, for the few nights that there may be: Student's t of three
# nights on either side is 2.8 at 95 %.
_NO_CHANCE = 2.8


class Effect(TypedDict):
    """Shares of the photos that went to review, 0..1."""

    since: str  # when the first run of it began: ISO 8601
    before: float
    after: float
    nights: int  # since then
    fewer_a_night: float  # photos that people need not decide on any more; below 0: more
    is_certain: bool  # enough nights, and beyond chance


def effect_of(summaries: Sequence[RunSummary], model: str) -> Effect | None:
    """What the model in use has brought since it took over; None where that cannot be said yet.

    summaries: of the last runs, oldest first.
    """
    first = len(summaries)
    while first and summaries[first - 1]["model"] == model:
        first -= 1
    before, after = summaries[max(0, first - RUNS_BEFORE) : first], summaries[first:]
    if min(_photos(before), _photos(after)) < FEWEST_PHOTOS:
        return None
    nights = _nights(before), _nights(after)
    fewer = _share(before) - _share(after)
    is_enough = min(map(len, nights)) >= FEWEST_NIGHTS
    return {
        "since": after[0]["started"],
        "before": round(_share(before), 4),
        "after": round(_share(after), 4),
        "nights": len(nights[1]),
        "fewer_a_night": round(fewer * _photos(after) / len(nights[1]), 1),
        "is_certain": is_enough and abs(fewer) > _NO_CHANCE * _error(*nights),
    }


Night = tuple[int, int]  # photos that went to review, and all


def _nights(summaries: Sequence[RunSummary]) -> list[Night]:
    """By the day on which its runs began."""
    found: defaultdict[str, list[RunSummary]] = defaultdict(list)
    for one in summaries:
        found[one["started"][:10]].append(one)
    return [(sum(one["review"] for one in runs), _photos(runs)) for runs in found.values()]


def _error(before: Sequence[Night], after: Sequence[Night]) -> float:
    """The standard error of the difference of both shares."""
    return sqrt(_variance(before) + _variance(after))


def _variance(nights: Sequence[Night]) -> float:
    """Of a share: by how much nights differ, and at least as if each photo came by itself.

    Source: the linearised variance of a ratio over clusters, Cochran 1977, 6.3.
    """
    count, photos = len(nights), sum(night for _, night in nights)
    share = sum(review for review, _ in nights) / photos
    apart = sum((review - share * night) ** 2 for review, night in nights)
    by_night = apart / photos**2 * count / max(1, count - 1)
    return max(by_night, share * (1 - share) / photos)


def _photos(summaries: Sequence[RunSummary]) -> int:
    return sum(one["successful"] + one["review"] for one in summaries)


def _share(summaries: Sequence[RunSummary]) -> float:
    return sum(one["review"] for one in summaries) / _photos(summaries)

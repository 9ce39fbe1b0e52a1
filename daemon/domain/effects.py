"""What a model brought: the share of photos that people decide on, since it judges and before."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import TypedDict

from daemon.domain.summaries import RunSummary

RUNS_BEFORE = 7
FEWEST_PHOTOS = 100  # on either side: of fewer nothing can be said


class Effect(TypedDict):
    """Shares of the photos that went to review, 0..1."""

    since: str  # when the first run of it began: ISO 8601
    before: float
    after: float


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
    return {"since": after[0]["started"], "before": _share(before), "after": _share(after)}


def _photos(summaries: Sequence[RunSummary]) -> int:
    return sum(one["successful"] + one["review"] for one in summaries)


def _share(summaries: Sequence[RunSummary]) -> float:
    return round(sum(one["review"] for one in summaries) / _photos(summaries), 4)

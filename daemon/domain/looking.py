"""How long people look at a photo until they have decided, as the page measures it. Pure.

No name and no photo is in it: how many took how long in a week, and of these the median, which
neither breaks nor single hard photos move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

WEEKS = 12  # that are told together
LEAST = 30  # decisions; of fewer nothing is told
LONGEST_MS = 600_000  # who takes longer has done something else meanwhile


@dataclass(frozen=True, slots=True)
class Looked:
    """What a decision, or a quick look, takes."""

    seconds: float  # the median
    photos: int  # of which it is


def looked(times: Mapping[float, int]) -> Looked | None:
    """What these say; None while they are too few. times: photos by the seconds each took."""
    photos = sum(times.values())
    return Looked(round(median(times), 1), photos) if photos >= LEAST else None


def median(times: Mapping[float, int]) -> float:
    """As `statistics.median` of all of them, one after the other; there must be some."""
    ordered = sorted(time for time, photos in times.items() if photos)
    until = [*accumulate(times[time] for time in ordered)]
    middles = ((until[-1] - 1) // 2, until[-1] // 2)
    low, high = (
        next(time for time, end in zip(ordered, until, strict=True) if middle < end)
        for middle in middles
    )
    return (low + high) / 2


def monday_of(day: date) -> date:
    """The day on which its week began."""
    return day - timedelta(days=day.weekday())

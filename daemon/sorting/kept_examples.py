"""What a lesson takes of the examples that are kept, and when that is too little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from classifier.learning.examples import Example
from daemon.domain.examples import Kept

# docs/decisions/0016 says what a lesson of so many takes.
MOST_IN_A_LESSON = 3000


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is learnt from."""

    examples: tuple[Example, ...]
    names: Mapping[str, str]  # by the examples' ids: how people know the photo
    too_few: tuple[str, ...] = ()  # labels that are left out, in sentences


def choose(kept: Sequence[Kept], known: Collection[str], fewest: int) -> Chosen:
    """Of all that is kept, oldest first, what a lesson takes.

    known: categories that need no number of photos. fewest: photos of another label. Of one photo
    the latest word counts; where there are too many, the newest of each label.
    """
    latest = list({one.sha256: one for one in kept}.values())
    counts = Counter(one.label for one in latest)
    few = {
        label: count
        for label, count in sorted(counts.items())
        if label not in known and count < fewest
    }
    taken = _newest([one for one in latest if one.label not in few], MOST_IN_A_LESSON)
    return Chosen(
        tuple(_example(one) for one in taken),
        {one.sha256: name_of(one) for one in taken},
        too_few(few, fewest),
    )


def too_few(counts: Mapping[str, int], fewest: int) -> tuple[str, ...]:
    """What is said of new categories of so few photos."""
    return tuple(
        f"{label}: {count} photos, and a new category needs {fewest}"
        for label, count in counts.items()
        if count < fewest
    )


def _newest(kept: Sequence[Kept], most: int) -> list[Kept]:
    """At most so many: as many of each label as all can have, the newest."""
    counts = Counter(one.label for one in kept)
    share = max(counts.values(), default=0)
    while sum(min(count, share) for count in counts.values()) > most:
        share -= 1
    left = {label: max(0, count - share) for label, count in counts.items()}
    chosen = []
    for one in kept:
        if left[one.label]:
            left[one.label] -= 1
        else:
            chosen.append(one)
    return chosen


def _example(one: Kept) -> Example:
    return Example(
        id=one.sha256,
        features=np.frombuffer(one.features, np.uint8),
        label=one.label,
        group=one.return_id,
        source=one.source,
        said=one.at,
    )


def name_of(one: Kept) -> str:
    """How people know a photo."""
    return one.name if one.photo is None else f"#{one.photo} {one.name}"

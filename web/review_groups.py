"""Photos that wait, in groups of alike ones. Pure.

Alike is what the network sees as alike, whatever it takes them for: a kind that it does not know
gets all sorts of guesses. Of photos that it was not asked about, and of those that resemble no
other, the ones with the same guess stand together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from web.reading.photos import Seen, Story

# Mean cosine between what was seen of two groups, each less the mean of all, from which on they are
# one. Measured on 748 photos of 36 kinds that went to review, 120 at a time: groups of three and
# more held 90 % of them, and 90 % of those were of the group's main kind; by guess alone, 48 %.
ALIKE = 0.4
# Fewer say little of what is usual among them.
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that look alike, or are taken for the same."""

    category: str  # what most of them are taken for
    photos: Sequence[Seen]
    is_of_one_guess: bool = True


def groups(photos: Iterable[Seen], sights: Mapping[int, bytes]) -> list[Group]:
    """The largest first; within one, photos that may be the same other thing beside each other.

    sights: what the network saw, by the photos' numbers; of some, or none.
    """
    alone: dict[str, list[Seen]] = {}
    made = []
    for some in _alike([*photos], sights):
        if len(some) > 1:
            made.append(_group(some))
        else:
            alone.setdefault(some[0].story.category, []).extend(some)
    made += [_group(some) for some in alone.values()]
    return sorted(made, key=lambda group: (-len(group.photos), group.category))


def _group(photos: list[Seen]) -> Group:
    guesses = Counter(one.story.category for one in photos)
    most = max(sorted(guesses), key=lambda guess: guesses[guess])
    in_order = sorted(photos, key=lambda one: (one.story.category != most, *_likeness(one)))
    return Group(most, in_order, is_of_one_guess=len(guesses) == 1)


def _likeness(photo: Seen) -> tuple[str, str, str, float, int]:
    story = photo.story
    return story.category, story.reason, _second(story), -(story.confidence or 0), story.id


def _second(story: Story) -> str:
    return story.alternatives[0].category if story.alternatives else ""


def _alike(photos: list[Seen], sights: Mapping[int, bytes]) -> list[list[Seen]]:
    """The photos in groups; each that nothing is known of is one of its own."""
    seen = [one for one in photos if one.story.id in sights]
    found = [[one] for one in photos if one.story.id not in sights]
    if len(seen) < _FEWEST:
        return found + [[one] for one in seen]
    raw = np.stack([np.frombuffer(sights[one.story.id], np.uint8) for one in seen])
    return found + [[seen[at] for at in some] for some in clusters(raw.astype(np.float32))]


def clusters(seen: NDArray[np.float32]) -> list[list[int]]:
    """Rows of `seen` in groups, merged by mean likeness while any two have enough of it.

    Source: average linkage (Sokal and Michener 1958).
    """
    away = seen - seen.mean(axis=0)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    alike = (away @ away.T).astype(np.float64)
    np.fill_diagonal(alike, -np.inf)
    found = {at: [at] for at in range(len(seen))}
    while len(found) > 1 and alike.max() >= ALIKE:
        one, other = divmod(int(alike.argmax()), len(seen))
        _merge(alike, one, other, len(found[one]), len(found[other]))
        found[one] += found.pop(other)
    return [sorted(some) for some in found.values()]


def _merge(alike: NDArray[np.float64], one: int, other: int, size: int, more: int) -> None:
    """Let a row stand for both: as alike to others as the two on average; the other for none."""
    mean = (size * alike[one] + more * alike[other]) / (size + more)
    alike[one], alike[:, one] = mean, mean
    alike[other], alike[:, other] = -np.inf, -np.inf
    alike[one, one] = -np.inf

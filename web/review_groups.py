"""Photos that wait, in groups of alike ones: one guess each, the same second guess together.

Pure. What photos look like beyond that (their embeddings) the history does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from web.reading.photos import Seen, Story


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that are taken for the same."""

    category: str
    photos: Sequence[Seen]


def groups(photos: Iterable[Seen]) -> list[Group]:
    """The largest first; within one, photos that may be the same other thing beside each other."""
    found: dict[str, list[Seen]] = {}
    for one in photos:
        found.setdefault(one.story.category, []).append(one)
    made = [Group(category, sorted(some, key=_likeness)) for category, some in found.items()]
    return sorted(made, key=lambda group: (-len(group.photos), group.category))


def _likeness(photo: Seen) -> tuple[str, str, float, int]:
    story = photo.story
    return story.reason, _second(story), -(story.confidence or 0), story.id


def _second(story: Story) -> str:
    return story.alternatives[0].category if story.alternatives else ""

"""Whether the return ids of a run can be right: what is said of names that mislead. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.domain.speech import ENGLISH, Speech

# One return has a few photos, of things that mostly go to one place.
MOST_PHOTOS = 8
MOST_CATEGORIES = 3
# Of fewer photos without an id nothing is concluded.
_FEWEST_NAMELESS = 5
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class ReturnCount:
    """The photos of a run that name one return, or none."""

    return_id: str  # empty for none
    photos: int
    categories: int
    example: str  # the name of one of them


@dataclass(frozen=True, slots=True)
class Doubt:
    """What looks wrong about return ids, and what to do."""

    text: str
    remedy: str


def is_doubtful(one: ReturnCount) -> bool:
    """Whether these are too many photos, or categories, for one return."""
    too_many = one.photos > MOST_PHOTOS or one.categories > MOST_CATEGORIES
    return bool(one.return_id) and too_many


def doubts(counts: Iterable[ReturnCount], photos: int, say: Speech = ENGLISH) -> list[Doubt]:
    """What to say of a run with so many photos; counts: at least those that are doubtful."""
    counts = list(counts)
    nameless = next((one for one in counts if not one.return_id), None)
    found = []
    if nameless and nameless.photos >= _FEWEST_NAMELESS and 2 * nameless.photos > photos:
        text = say(
            "phrases.doubt.nameless",
            nameless=say.number(nameless.photos),
            photos=say.count(photos, "photo"),
            example=nameless.example,
        )
        found.append(Doubt(text, say("phrases.doubt.name_them")))
    doubtful = sorted(filter(is_doubtful, counts), key=lambda one: -one.photos)
    texts = [_too_many(one, say) for one in doubtful[:_MOST_NAMED]]
    if (left := len(doubtful) - _MOST_NAMED) > 0:
        texts.append(say.many("phrases.doubt.more", left))
    remedy = say("phrases.doubt.set_a_pattern")
    return [*found, *(Doubt(text, remedy) for text in texts)]


def _too_many(one: ReturnCount, say: Speech) -> str:
    return say(
        "phrases.doubt.too_many",
        return_id=one.return_id,
        photos=say.count(one.photos, "photo"),
        categories=say.count(one.categories, "category"),
        example=one.example,
    )

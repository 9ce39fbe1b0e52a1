"""Whether the return ids of a run can be right: what is said of names that mislead. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.domain.phrases import count

# One return has a few photos, of things that mostly go to one place.
MOST_PHOTOS = 8
MOST_CATEGORIES = 3
# Of fewer photos without an id nothing is concluded.
_FEWEST_NAMELESS = 5
_MOST_NAMED = 3

_NAME_THEM = (
    "name photos after their return, such as return-60521_front.jpg, or set [returns] pattern "
    "to what your names look like"
)
_SET_A_PATTERN = (
    "if that is no return, set [returns] pattern to what your return ids look like; "
    "if it is one, all is well"
)


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


def doubts(counts: Iterable[ReturnCount], photos: int) -> list[Doubt]:
    """What to say of a run with so many photos; counts: at least those that are doubtful."""
    counts = list(counts)
    nameless = next((one for one in counts if not one.return_id), None)
    found = []
    if nameless and nameless.photos >= _FEWEST_NAMELESS and 2 * nameless.photos > photos:
        text = (
            f"{nameless.photos:,} of {count(photos, 'photo')} name no return, such as "
            f"{nameless.example}"
        )
        found.append(Doubt(text, _NAME_THEM))
    doubtful = sorted(filter(is_doubtful, counts), key=lambda one: -one.photos)
    for one in doubtful[:_MOST_NAMED]:
        categories = "1 category" if one.categories == 1 else f"{one.categories} categories"
        text = (
            f"the return {one.return_id} has {count(one.photos, 'photo')} in {categories}, "
            f"such as {one.example}"
        )
        found.append(Doubt(text, _SET_A_PATTERN))
    if (left := len(doubtful) - _MOST_NAMED) > 0:
        found.append(Doubt(f"{count(left, 'more return')} like these", _SET_A_PATTERN))
    return found

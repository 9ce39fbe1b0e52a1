"""What a warehouse needs of a run: what lies in which category now, by return.

Made from the store, corrections included: a photo counts for the category that a person gave it
last. What still waits for a person's decision is in no category, what was put back nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from daemon.domain.photos import Status, Story
from daemon.domain.return_ids import return_key

Codes = Mapping[str, tuple[str, str]]  # category: (code, location)


@dataclass(frozen=True, slots=True)
class Filed:
    """A photo that lies in a category."""

    filename: str
    return_id: str
    category: str
    confidence: float | None  # of that category; None when a person chose another
    is_checked: bool  # a person decided
    is_doubtful: bool  # filed, worth a quick look

    @classmethod
    def of(cls, story: Story) -> Filed:
        """The photo as it lies now."""
        decided = bool(story.decided)
        confidence = story.confidence if story.category_now == story.category else None
        return cls(
            story.filename, story.return_id, story.category_now, confidence, decided,
            story.band == "check" and not decided,
        )  # fmt: skip


@dataclass(slots=True)
class Item:
    """One return, or one photo that names none, in one category."""

    return_id: str
    photos: list[Filed] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)  # categories that hold photos of it too

    @property
    def is_doubtful(self) -> bool:
        """Whether a quick look is worth it."""
        return bool(self.elsewhere) or any(photo.is_doubtful for photo in self.photos)


@dataclass(slots=True)
class PickList:
    """What goes to one place."""

    category: str
    code: str
    location: str
    items: list[Item]

    @property
    def photos(self) -> int:
        """How many photos there are of them."""
        return sum(len(item.photos) for item in self.items)


def filed(stories: Iterable[Story]) -> Iterable[Filed]:
    """Those of a run's photos that lie in a category."""
    return (Filed.of(story) for story in stories if lies(story))


def lies(story: Story) -> bool:
    """Whether a photo lies in a category."""
    return story.state == "filed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A photo that waits for a person: for a decision, or to be photographed again."""

    status: str
    filename: str
    return_id: str
    category: str  # the guess
    reason: str


def waiting(stories: Iterable[Story]) -> Iterable[Waiting]:
    """Those of a run's photos that wait for a person."""
    return (
        Waiting(story.status, story.filename, story.return_id, story.category, story.reason)
        for story in stories
        if still_waits(story.state, story.status)
    )


def still_waits(state: str, status: str) -> bool:
    """Whether a photo of that state waits for a person, as it did when its run was closed."""
    return {"review": Status.REVIEW, "quarantined": Status.ERROR}.get(state) == status


@dataclass(frozen=True, slots=True)
class Double:
    """A photo of one return that is, byte for byte, the photo of another."""

    filename: str
    return_id: str
    original: Story

    @classmethod
    def of(cls, story: Story, original: Story | None) -> Double | None:
        """What a duplicate is, if it names another return than its original; else None."""
        key = return_key(story.return_id)
        if original is None or not key or key == return_key(original.return_id):
            return None
        return cls(story.filename, story.return_id, original)


def key_of(return_id: str, filename: str) -> str:
    """What photos of one item have in common: their return, or else nothing."""
    return return_key(return_id) or f"/{filename}"  # no name of a file holds a slash


def pick_lists(photos: Iterable[Filed], codes: Codes) -> list[PickList]:
    """A list for each category, in the order of their places."""
    items: dict[str, dict[str, Item]] = defaultdict(dict)
    categories: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        key = key_of(photo.return_id, photo.filename)
        items[photo.category].setdefault(key, Item(photo.return_id)).photos.append(photo)
        categories[key].add(photo.category)
    for category, found in items.items():
        for key, item in found.items():
            item.photos.sort(key=lambda photo: photo.filename)
            item.elsewhere = sorted(categories[key] - {category})
    lists = [
        PickList(category, *codes.get(category, ("", "")), _in_order(found.values()))
        for category, found in items.items()
    ]
    # What has no place set comes last.
    return sorted(lists, key=lambda one: (not one.location, one.location, one.category))


def _in_order(items: Iterable[Item]) -> list[Item]:
    """By return id as a number where it is one; what has none comes last."""
    return sorted(
        items,
        key=lambda item: (
            not item.return_id,
            len(item.return_id) if item.return_id.isdecimal() else 0,
            item.return_id,
            item.photos[0].filename,
        ),
    )

"""What comes of a person's word: what was done, what was left as it was, and why, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from config.errors import NightsortError
from daemon.domain.corrections import Correction
from daemon.domain.orders import Code, Done, Left, PhotosAnswer
from daemon.domain.photos import Story, as_text
from daemon.domain.sorting import Placement
from daemon.folders.tree import split

# A photo in a state in which nothing can be said of it.
WHY_NOT = {
    "queued": "it is not sorted yet",
    "claimed": "it is being sorted right now",
    "classified": "it is being sorted right now",
    "duplicate": "it is a duplicate; correct the photo that is filed",
    "quarantined": "it could not be read; photograph the item again",
    "gone": "a person took it away before it was sorted",
    "undone": "it was put back into incoming already",
    "removed": "a person took it away after it was sorted",
}
# A photo that could not be moved.
NOT_MOVED = {
    Placement.GONE: (Code.GONE, "a person took it away this moment"),
    Placement.CHANGED: (Code.BUSY, "its file is being changed"),
    Placement.COPIED: (
        Code.REFUSED,
        "it may not be removed from its folder; correct the folder's rights",
    ),
}


class NoSuchPhoto(NightsortError):
    """There is not exactly one photo that is meant."""

    def __init__(self, what: str, code: Code, detail: str) -> None:
        """`detail` says why, without the name."""
        super().__init__(f"{as_text(what)}: {detail}")
        self.left = Left(None, as_text(what), code, detail)


class NoSuchCategory(NightsortError):
    """A category was named that there is not."""


@dataclass(slots=True)
class PhotosDone:
    """What was done, and what was left as it was and why, so far."""

    done: list[Done] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def did(self, one: Correction) -> None:
        """A person's word was carried out."""
        name = as_text(split(one.move.target)[1])
        source, target = as_text(one.move.source), as_text(one.move.target)
        self.done.append(Done(one.photo_id, name, one.category, source, target))

    def leave(self, story: Story, code: Code, detail: str) -> None:
        """A photo stays as it is."""
        self.left.append(Left(story.id, story.filename, code, detail))

    def leave_rest(self, stories: Iterable[Story], code: Code, detail: str) -> None:
        """All of these of which nothing was said yet stay, or may."""
        told = {one.photo for one in self.done} | {one.photo for one in self.left}
        for story in stories:
            if story.id not in told:
                self.leave(story, code, detail)

    def whole(self) -> PhotosAnswer:
        """The answer."""
        return PhotosAnswer(tuple(self.done), tuple(self.left))

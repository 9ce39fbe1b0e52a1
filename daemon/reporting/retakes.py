"""Retakes: which photos a later one of their return took the place of, and which ones did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from daemon.domain.photos import Story
from daemon.domain.returns import ReturnPhoto, retaken


@dataclass(frozen=True, slots=True)
class Retakes:
    """Both sides of it, by the photo's number."""

    by: dict[int, Story] = field(default_factory=dict)  # of a photo: the later one
    of: dict[int, list[Story]] = field(default_factory=lambda: defaultdict(list))  # and back

    @classmethod
    def among(cls, returns: Iterable[Sequence[ReturnPhoto]]) -> Retakes:
        """Those of some returns."""
        found = cls()
        for photos in returns:
            found.see(photos)
        return found

    def see(self, photos: Sequence[ReturnPhoto]) -> None:
        """Take in one return, of all nights."""
        later = retaken(photos)
        for one in photos:
            if one.story.id in later:
                self.by[one.story.id] = later[one.story.id]
                self.of[later[one.story.id].id].append(one.story)

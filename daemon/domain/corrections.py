"""Corrections: a person's later word on a photo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.domain.sorting import Move


class Word(StrEnum):
    """In which way a person had a later word on a photo."""

    CORRECTED = "corrected"  # by `nightsort correct`
    DRAGGED = "dragged"  # moved to another category's folder on the share
    UNDONE = "undone"  # put back where it came from
    AGREED = "agreed"  # the guess of a photo in review is right
    RETAKE = "retake"  # the item is to be photographed again
    TAKEN_BACK = "taken_back"  # the last decision is taken back: it waits in review again
    CHECKED = "checked"  # filed without a look, and looked at: it is right


class Via(StrEnum):
    """By which way a person spoke."""

    COMMAND = "command"
    SHARE = "share"  # by what they did to the files
    WORKBOOK = "workbook"
    PAGE = "page"
    API = "api"


# Words that say what a photo shows; others say that it is to be taken again, say.
TELLING = frozenset({Word.CORRECTED, Word.DRAGGED, Word.AGREED, Word.CHECKED})


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's later word on a photo, planned before its file moves."""

    id: int  # 0 until it is in the store
    photo_id: int
    word: Word
    before: str  # the category so far; empty for a photo without a verdict
    category: str  # the category from now on; empty when undone
    person: str  # who said so
    at: datetime
    move: Move  # from its place in sorted: within sorted, or back to incoming when undone
    via: Via = Via.COMMAND

    @property
    def is_confirmation(self) -> bool:
        """Whether the category stays what it was."""
        return self.word in TELLING and self.category == self.before

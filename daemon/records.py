"""What the stages hand to each other. Stages never import each other; they share these.

A path is always relative to its folder (incoming or sorted), with `/` between its parts and
undecodable bytes kept as surrogates (`os.fsdecode`), so that any name can be carried and opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from classifier.verdict import Alternative, Band, Verdict
from config.errors import PhotoProblem


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """By what a file is known again without reading it."""

    inode: int
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """A regular file seen in incoming that may be a photo."""

    path: str
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Photo:
    """A settled file that was admitted to the queue."""

    id: int
    path: str  # in incoming
    fingerprint: Fingerprint
    first_seen_at: datetime  # when this content was first admitted, aware
    attempts: int = 0  # how often it was given back
    alone: bool = False  # was in hand at a crash: try it by itself


def as_text(name: str) -> str:
    r"""A name or path as text that any program can read: undecodable bytes become `\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class Status(StrEnum):
    """Where a photo ended, in the words of the results."""

    SUCCESS = "success"  # filed in its category
    REVIEW = "review"
    DUPLICATE = "duplicate"
    ERROR = "error"  # in quarantine


@dataclass(frozen=True, slots=True)
class Examined:
    """A photo whose bytes were read, once: a verdict or a problem."""

    photo: Photo
    fingerprint: Fingerprint  # of the bytes that were read
    sha256: str  # of those bytes; empty when they could not be read
    verdict: Verdict | None
    problem: PhotoProblem | None = None
    problem_text: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A planned move of one photo, recorded before the first byte moves."""

    photo_id: int
    source: str  # in incoming
    target: str  # in sorted
    fingerprint: Fingerprint  # of the source as it was read
    sha256: str  # empty for a file that could not be read


class Setback(StrEnum):
    """Why a photo that was in hand goes back without an outcome."""

    GONE = "gone"  # a person took it away
    CHANGED = "changed"  # it was written to again: let it settle
    CUT_OFF = "cut_off"  # its end is missing: wait for the rest
    FAILED = "failed"  # something around it failed for now


@dataclass(frozen=True, slots=True)
class Returned:
    """A photo that could not be examined now; the queue has it again, unless it is gone."""

    photo: Photo
    why: Setback
    text: str = ""


class Placement(StrEnum):
    """How a move ended."""

    MOVED = "moved"
    COPIED = "copied"  # the source may not be removed: it stays, and is never taken again
    NAME_TAKEN = "name_taken"  # somebody else's file has the target's name: plan again
    GONE = "gone"  # a person took the source away
    CHANGED = "changed"  # the source is not what was read: give it back


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a photo: one row in the results, one in the history."""

    examined: Examined
    status: Status
    target: str  # in sorted
    recorded_at: datetime
    kept_source: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One drain, from opening to summary."""

    id: str  # local time, such as 20251013_020000
    started_at: datetime
    waiting_before: int
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of a run's results; paths as in `Outcome`."""

    source: str
    category: str
    confidence: float | None
    status: Status
    timestamp: str  # ISO 8601 with offset
    band: str
    reason: str
    reason_text: str
    second_category: str
    second_confidence: float | None
    return_id: str
    category_code: str
    location: str
    target: str
    sha256: str
    run: str


class Word(StrEnum):
    """In which way a person had a later word on a photo."""

    CORRECTED = "corrected"  # by `nightsort correct`
    DRAGGED = "dragged"  # moved to another category's folder on the share
    UNDONE = "undone"  # put back where it came from


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

    @property
    def is_confirmation(self) -> bool:
        """Whether the category stays what it was."""
        return self.word is not Word.UNDONE and self.category == self.before


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one photo."""

    id: int
    source: str  # in incoming, as it was dropped
    state: str  # of the store: queued, filed, undone …
    first_seen_at: str  # ISO 8601
    run: str
    status: str  # as in the results; empty until it has an outcome
    recorded_at: str
    category: str  # of the verdict
    confidence: float | None
    band: str
    reason: str
    reason_text: str
    alternatives: tuple[Alternative, ...]
    return_id: str
    target: str  # in sorted, where it was filed; empty before
    place: str  # where it is as far as is known: in incoming while queued or undone, else in sorted
    decided: str  # the category that a person gave it later; empty when nobody did
    kept_source: bool
    sha256: str
    fingerprint: Fingerprint
    let_go_at: str  # since when its file is not looked after any more; empty while it is

    @property
    def filename(self) -> str:
        """Its name as it was dropped, as text."""
        return as_text(self.source.rpartition("/")[2])

    @property
    def category_now(self) -> str:
        """A person's word if there is one, else the verdict's."""
        return self.decided or self.category


@dataclass(frozen=True, slots=True)
class Order:
    """Something that a person asks for beside a run."""

    what: str  # correct, undo, rebuild …
    words: tuple[str, ...]
    person: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did, counted from the store."""

    run: str
    started_at: datetime
    model: str
    waiting_before: int
    arrived: int
    gone: int
    waiting_after: int
    busy_seconds: float
    statuses: dict[Status, int]
    categories: dict[str, int]
    bands: dict[Band, int]
    average_confidence: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is, for whoever watches it."""

    run: str | None
    processed: int  # photos with an outcome in this run
    waiting: int
    settling: int
    at: float  # monotonic seconds at which it was noted

"""A photo: how it is known, where it may end, and all that is known of one.

A path is always relative to its folder (incoming or sorted), with `/` between its parts and
undecodable bytes kept as surrogates (`os.fsdecode`), so that any name can be carried and opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from classifier.verdict import Alternative


def as_text(name: str) -> str:
    r"""A name or path as text that any program can read: undecodable bytes become `\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """By what a file is known again without reading it."""

    inode: int
    size_bytes: int
    mtime_ns: int
    # When its inode changed last, 0 where not asked. A copy that keeps its time tells itself apart
    # by this, so does a file whose rights were changed: for what compares files, it is no part.
    ctime_ns: int = field(default=0, compare=False)


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


class Status(StrEnum):
    """Where a photo ended, in the words of the results."""

    SUCCESS = "success"  # filed in its category
    REVIEW = "review"
    DUPLICATE = "duplicate"
    ERROR = "error"  # in quarantine


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
    sha256: str  # as it was filed
    fingerprint: Fingerprint
    let_go_at: str  # since when its file is not looked after any more; empty while it is
    model: str = ""  # which one gave the verdict; empty where that was not recorded yet
    edited_sha256: str = ""  # since people edited it where it lies; empty while they did not
    removed_at: str = ""  # when it was noticed that people took it away; empty while it is there
    failing_since: str = ""  # since when it was given back to the queue, again and again
    failing_why: str = ""
    sent_by: str = ""  # who sent it through the page; empty: it came by the share
    sent_via: str = ""  # as `corrections.Via`

    @property
    def filename(self) -> str:
        """Its name as it was dropped, as text."""
        return as_text(self.source.rpartition("/")[2])

    @property
    def category_now(self) -> str:
        """A person's word if there is one, else the verdict's."""
        return self.decided or self.category

    @property
    def sha256_now(self) -> str:
        """Of its bytes as they were last seen."""
        return self.edited_sha256 or self.sha256


class ToPick(NamedTuple):
    """What a pick list says of a photo that a run put somewhere."""

    id: int
    filename: str
    return_id: str
    state: str
    status: str
    category: str  # of the verdict
    decided: str  # as in `Story`
    band: str
    reason: str

    @property
    def category_now(self) -> str:
        """A person's word if there is one, else the verdict's."""
        return self.decided or self.category

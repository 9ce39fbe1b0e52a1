"""What one photo becomes on its way from the queue to its place: examined, moved, recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from classifier.verdict import Verdict
from config.errors import PhotoProblem
from daemon.domain.photos import Fingerprint, Photo, Status


@dataclass(frozen=True, slots=True)
class Source:
    """A photo's file that is to be moved."""

    photo_id: int
    path: str  # where it lies
    name: str  # what it is to be called where it goes, as far as that disk allows
    fingerprint: Fingerprint  # as it was read
    sha256: str  # empty for a file that could not be read


@dataclass(frozen=True, slots=True)
class Examined:
    """A photo whose bytes were read, once: a verdict or a problem."""

    photo: Photo
    fingerprint: Fingerprint  # of the bytes that were read
    sha256: str  # of those bytes; empty when they could not be read
    verdict: Verdict | None
    problem: PhotoProblem | None = None
    problem_text: str = ""
    label: str = ""  # the return id on a label in the photo, where its name has none
    model: str = ""  # which one gave the verdict
    ahead_seconds: float | None = None  # what that took, where it was given ahead of the run

    @property
    def source(self) -> Source:
        """Its file, to be filed under the name that it was dropped with."""
        name = self.photo.path.rpartition("/")[2]
        return Source(self.photo.id, self.photo.path, name, self.fingerprint, self.sha256)


@dataclass(frozen=True, slots=True)
class JudgedAhead:
    """A verdict that was given before the run, on a photo that waits."""

    fingerprint: Fingerprint  # of the bytes that were read
    sha256: str
    verdict: Verdict
    label: str
    model: str
    seconds: float

    def of(self, photo: Photo) -> Examined:
        """The photo as it would be examined again."""
        return Examined(
            photo,
            self.fingerprint,
            self.sha256,
            self.verdict,
            label=self.label,
            model=self.model,
            ahead_seconds=self.seconds,
        )


class Setback(StrEnum):
    """Why a photo that was in hand goes back without an outcome."""

    GONE = "gone"  # a person took it away
    CHANGED = "changed"  # it was written to again: let it settle
    FAILED = "failed"  # something around it failed for now
    OUTDATED = "outdated"  # what was judged ahead does not hold; it is judged with fewer others


@dataclass(frozen=True, slots=True)
class Returned:
    """A photo that could not be examined now; the queue has it again, unless it is gone."""

    photo: Photo
    why: Setback
    text: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A planned move of one photo, recorded before the first byte moves."""

    photo_id: int
    source: str  # in incoming, or in sorted for what people say later
    target: str  # in sorted, or in incoming for what is put back
    fingerprint: Fingerprint  # of the source as it was read
    sha256: str  # empty for a file that could not be read


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

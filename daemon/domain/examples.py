"""Examples: photos whose category a person said, kept to be learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from typing_extensions import TypedDict

from daemon.domain.effects import Effect


class Occasion(StrEnum):
    """How it came that a person said it. The values stand in the store and in versions."""

    CORRECTION = "correction"  # another category than the photo had
    DECISION = "decision"  # the guess of a photo in review is right
    CHECK = "check"  # filed without a look, and looked at: it is right
    UPLOAD = "upload"  # brought by `learn add`


@dataclass(frozen=True, slots=True)
class Unseen:
    """An example that the network has not looked at yet."""

    id: int
    place: str  # of its photo, in sorted
    sha256: str  # of the bytes that lie there, as far as is known


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What the network saw of one: `classifier.features` says what the bytes mean."""

    id: int
    sha256: str  # of the bytes that were looked at
    features: bytes


@dataclass(frozen=True, slots=True)
class Brought:
    """A labelled photo that somebody brings."""

    sha256: str
    name: str
    label: str
    return_id: str
    features: bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of photos that were brought; the others were known already."""

    added: int
    relabelled: int  # said to be something else than before


@dataclass(frozen=True, slots=True)
class Kept:
    """An example that can be learnt from, photo or no photo."""

    photo: int | None  # None: it was brought
    name: str
    label: str
    source: Occasion
    person: str
    at: str  # when it was said: ISO 8601, UTC
    return_id: str
    sha256: str
    features: bytes
    place: str = ""  # where its photo lies in sorted, or lay; empty: it was brought


class LastLesson(TypedDict):
    """The last lesson that was held."""

    at: str  # ISO 8601, UTC
    until: str  # when the newest of its examples was said
    new: int  # how many it had more than the one before
    examples: int
    new_labels: list[str]  # categories that what judges does not have
    version: str | None  # the candidate; None where the lesson was refused
    judgement: str
    why: str
    adopted: bool
    by_itself: bool


class LearningStatus(TypedDict):
    """What is known of the learning, for the status."""

    adopt: str  # ask, auto or off
    examples: int  # that can be learnt from
    new: int  # of those, said since the last lesson
    last: LastLesson | None
    effect: Effect | None  # of the model in use


@dataclass(frozen=True, slots=True)
class Stock:
    """How many examples there are."""

    labels: Mapping[str, int]  # that can be learnt from, by label
    unseen: int  # to be looked at yet
    lost: int  # that could not be: the photo was gone or unreadable, or the network another

    @property
    def usable(self) -> int:
        """That can be learnt from."""
        return sum(self.labels.values())

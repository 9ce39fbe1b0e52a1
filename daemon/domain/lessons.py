"""Lessons that were asked for, or are held by themselves: what is wanted, how far it is, what came.

A lesson is a job of the daemon's: it waits, is held while nothing is sorted, and ends in one way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from classifier.learning.document import LessonDocument
from daemon.domain.corrections import Via


class LessonState(StrEnum):
    """How far a lesson is. The values are fixed: programs act on them."""

    WAITING = "waiting"  # for the sorting to end
    RUNNING = "running"
    DONE = "done"  # there is a version
    REFUSED = "refused"  # nothing could be learnt; the result says why
    FAILED = "failed"  # or was cancelled

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it."""
        return self not in (LessonState.WAITING, LessonState.RUNNING)


@dataclass(frozen=True, slots=True)
class Merge:
    """A category that is part of another from now on."""

    label: str
    into: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a lesson."""

    only: bool = False  # the examples' categories alone: another shop's goods
    without: tuple[str, ...] = ()  # categories that are none any longer
    merged: tuple[Merge, ...] = ()
    promoted: str = ""  # nothing is learnt: the version of that name, which came, is compared

    @property
    def named(self) -> tuple[str, ...]:
        """All categories that must be there for it."""
        return (*self.without, *(name for one in self.merged for name in (one.label, one.into)))


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson, as the history has it."""

    id: int
    state: LessonState
    wanted: Wanted
    person: str  # who asked for it; empty: it is held by itself
    via: Via | None
    asked: datetime
    ended: datetime | None
    progress: float  # 0..1
    result: LessonDocument | None  # as `learn --json` prints it
    why: str  # it failed; empty where it did not

    @property
    def by_itself(self) -> bool:
        """Whether nobody asked for it."""
        return not self.person


class LearningCode(StrEnum):
    """Why nothing was done about lessons and versions. The values are fixed."""

    UNDER_WAY = "under_way"  # a lesson is held just now, or waits to be
    NOT_FOUND = "not_found"
    OVER = "over"  # the lesson has ended
    UNTRUSTED = "untrusted"  # the version is damaged, or of another network


@dataclass(frozen=True, slots=True)
class LessonAnswer:
    """Which lesson it is about."""

    lesson: int
    code: LearningCode | None = None  # why nothing was done


@dataclass(frozen=True, slots=True)
class VersionAnswer:
    """Which version judges from now on."""

    in_use: str
    code: LearningCode | None = None  # why it is not the one that was wanted
    detail: str = ""  # the same in a sentence

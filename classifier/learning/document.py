"""The document of a lesson: what `learn --json` prints, and a job's result is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict


class Doubtful(TypedDict):
    """An example that looks like something else than was said."""

    photo: str
    said: str
    looks_like: str


class LessonDocument(TypedDict):
    """Of a lesson that was held, or refused."""

    version: str | None  # the candidate; None: refused
    base: str
    examples: dict[str, int]  # photos by label
    new_labels: list[str]
    seconds: float
    before: Mapping[str, Any] | None  # figures of the version in use; None: nothing to compare
    after: Mapping[str, Any] | None
    became_right: list[str]  # photos, as people know them
    became_wrong: list[str]
    judgement: str
    why: str
    doubtful: list[Doubtful]
    adopted: bool
    photos: NotRequired[int]  # what the figures rest on
    intervals: NotRequired[Mapping[str, Any]]
    old: NotRequired[Mapping[str, Any] | None]  # figures of the old categories alone
    unknown: NotRequired[Mapping[str, Any] | None]  # of what is none of the categories
    left_out: NotRequired[Mapping[str, Sequence[str]]]  # examples that were not taken, by why

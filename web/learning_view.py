"""What the page of learning shows: examples, the comparison of a lesson, versions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.readable import plain
from web.reading.learning import (
    SHIPPED,
    CategoryFigure,
    Figure,
    Lesson,
    VersionList,
    categories,
    figures,
    photo_of,
)

MOST_PICTURED = 24


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A category, and how many examples of it there are."""

    name: str
    examples: int
    new: int  # since the last lesson
    state: str  # known, learnt, enough, few or given_up


def label_rows(
    examples: Mapping[str, int],
    new: Mapping[str, int],
    known: Sequence[str],
    learnt: Sequence[str],
    given_up: frozenset[str],
    fewest: int,
) -> list[LabelRow]:
    """New ones first, then by name.

    known: what judges has; learnt: the newest version. fewest: examples that a new category needs.
    """

    def state(name: str, count: int) -> str:
        if name in known:
            return "known"
        if name in given_up:
            return "given_up"
        if name in learnt:
            return "learnt"
        return "enough" if count >= fewest else "few"

    rows = [LabelRow(name, n, new.get(name, 0), state(name, n)) for name, n in examples.items()]
    return sorted(rows, key=lambda one: (one.state == "known", one.name.casefold()))


@dataclass(frozen=True, slots=True)
class Pictured:
    """An example that a lesson speaks of."""

    name: str
    photo: int | None  # its number, where there is a picture of it
    said: str  # by people
    guess: str  # the program's: when it was sorted, or of the lesson where it is doubtful


# What a photo is now, and was guessed to be; None: there is no such photo to show.
Lookup = Callable[[int], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a lesson."""

    lesson: Lesson
    document: Mapping[str, Any]
    figures: Sequence[Figure]
    categories: Sequence[CategoryFigure]
    became_right: Sequence[Pictured]
    became_wrong: Sequence[Pictured]
    doubtful: Sequence[Pictured]

    @property
    def counts(self) -> tuple[int, int]:
        """How many photos become right, and wrong: also those without a picture."""
        return len(self.document["became_right"]), len(self.document["became_wrong"])

    @property
    def remarks(self) -> list[str]:
        """What is said of the comparison beside these counts."""
        right, wrong = self.counts
        counted = f"of {self.document.get('photos')} photos {right} become right and {wrong} wrong"
        return [one for one in self.document["why"].split("; ") if one not in ("", counted)]


def result_of(lesson: Lesson, look_up: Lookup) -> Result:
    """What came of a lesson that had photos to learn from."""
    assert lesson.result is not None
    document = lesson.result
    is_compared = document["after"] is not None
    return Result(
        lesson,
        document,
        [*figures(document)] if is_compared else [],
        [*categories(document)] if is_compared else [],
        [*_changed(document["became_right"], look_up)],
        [*_changed(document["became_wrong"], look_up)],
        [
            _pictured(one["photo"], look_up, said=one["said"], guess=one["looks_like"])
            for one in document["doubtful"][:MOST_PICTURED]
        ],
    )


def _changed(names: Sequence[str], look_up: Lookup) -> Iterator[Pictured]:
    """Of all that change, the first that are photos of the history."""
    numbered = [name for name in names if photo_of(name) is not None]
    for name in numbered[:MOST_PICTURED]:
        yield _pictured(name, look_up)


def _pictured(name: str, look_up: Lookup, said: str = "", guess: str = "") -> Pictured:
    number = photo_of(name)
    found = None if number is None else look_up(number)
    now, guessed = found or ("", "")
    shown = name if number is None else name.partition(" ")[2]
    return Pictured(plain(shown), number if found else None, said or now, guess or guessed)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version, and what it gave."""

    name: str
    is_in_use: bool
    learnt: str  # when, ISO 8601; empty: it came with nightsort
    examples: int
    categories: int
    judgement: str
    verdicts: int
    problem: str
    lesson: int | None  # that it came of


def version_rows(
    found: VersionList, verdicts: Mapping[str, int], lessons: Sequence[Lesson]
) -> list[VersionRow]:
    """The newest first; the shipped one last. verdicts: by the model's title."""
    of_lesson = {one.result["version"]: one.id for one in lessons if one.result is not None}
    base = found["versions"][0]["model"]
    rows = [
        VersionRow(
            name=one["version"],
            is_in_use=one["version"] == found["in_use"],
            learnt=one.get("learnt", ""),
            examples=one.get("examples", 0),
            categories=len(one.get("categories", ())),
            judgement=one.get("judgement") or "",
            verdicts=verdicts.get(_title(one["version"], base), 0),
            problem=one["problem"],
            lesson=of_lesson.get(one["version"]),
        )
        for one in found["versions"]
    ]
    return rows[::-1]


def _title(version: str, base: str) -> str:
    """How its verdicts name it: `classifier.version.Version.title`."""
    return base if version == SHIPPED else f"{base.rpartition(' ')[0]} {version}"

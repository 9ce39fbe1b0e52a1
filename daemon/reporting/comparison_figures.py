"""What a comparison of two versions says in figures: for its page, and for the page of learning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

SIDES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both; None: of the version before there is none."""

    key: Literal["right", "between", "old", "auto", "auto_right", "review", "other", "error"]
    before: Any  # a share, 0..1, or (`between`) two of them
    after: Any


@dataclass(frozen=True, slots=True)
class CategoryFigure:
    """How much of a category was found; None: the version before did not have it."""

    name: str
    before: float | None
    after: float
    photos: int


def figures(document: Mapping[str, Any]) -> Iterator[Figure]:
    """The figures of a document as `models compare --json` or `learn --json` has it."""
    old, unknown = document.get("old"), document.get("unknown")
    sides = [document[side] or {} for side in SIDES]
    auto = [side.get("auto", {}) for side in sides]
    yield Figure("right", *(side.get("accuracy") for side in sides))
    yield Figure("between", *(document["intervals"][side] for side in SIDES))
    if old:
        yield Figure("old", *(old[side]["accuracy"] for side in SIDES))
    yield Figure("auto", *(one.get("share") for one in auto))
    yield Figure("auto_right", *(one.get("accuracy") for one in auto))
    yield Figure("review", *(side.get("review_share") for side in sides))
    if unknown:
        yield Figure("other", *(unknown[side]["review_share"] for side in SIDES))
    yield Figure("error", *(side.get("ece") for side in sides))


def categories(document: Mapping[str, Any]) -> Iterator[CategoryFigure]:
    """Category by category."""
    before = (document["before"] or {}).get("categories", {})
    for name, after in document["after"]["categories"].items():
        known = before.get(name)
        yield CategoryFigure(
            name, known and known["recall"], after["recall"], int(after["support"])
        )

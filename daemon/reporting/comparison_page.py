"""The page of a comparison of two versions: figures, and photos that become right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from classifier.verdict import Verdict
from daemon.reporting.evaluation_page import exact
from daemon.reporting.pages import write_page

MOST_PICTURED = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """A photo that one version has right, and the other wrong."""

    name: str
    label: str  # what it shows
    before: Verdict
    after: Verdict

    @property
    def became_right(self) -> bool:
        """Or wrong."""
        return self.after.category == self.label


def write_comparison(
    file: BinaryIO,
    document: Mapping[str, Any],
    differences: Sequence[tuple[Difference, bytes | None]],
    differing: int,
) -> None:
    """Write the page.

    document: as `models compare --json` has it. differences: with a small JPEG each, where it can
    be had, of all those `differing` that are photos of the shop.
    """
    write_page(
        file,
        "comparison.html.j2",
        document=document,
        figures=[*_figures(document)],
        categories=[*_categories(document)],
        differences=differences,
        differing=differing,
        exact=exact,
    )


def _figures(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    """Label, and the figure of both."""
    sides, old, unknown = [document[side] for side in _SIDES], document["old"], document["unknown"]
    between = [document["intervals"][side] for side in _SIDES]
    yield "Right", [exact(one["accuracy"]) for one in sides]
    yield "With 95 % confidence", [f"{exact(low)} to {exact(high)}" for low, high in between]
    if old:
        yield "Right, categories of both", [exact(old[side]["accuracy"]) for side in _SIDES]
    yield "Filed, nobody looks", [exact(one["auto"]["share"]) for one in sides]
    yield "Right among those", [exact(one["auto"]["accuracy"]) for one in sides]
    yield "A person decides", [exact(one["review_share"]) for one in sides]
    if unknown:
        shares = [unknown[side]["review_share"] for side in _SIDES]
        yield "Other things, to a person", [exact(share) for share in shares]
    yield "Calibration error", [f"{one['ece']:.3f}" for one in sides]


_SIDES = ("before", "after")


def _categories(document: Mapping[str, Any]) -> Iterator[tuple[str, float, float, int]]:
    """Name, recall before and after, photos."""
    before = document["before"]["categories"]
    for name, after in document["after"]["categories"].items():
        yield name, before[name]["recall"], after["recall"], after["support"]

"""The page of a comparison of two versions: figures, and photos that become right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from classifier.verdict import Verdict
from daemon.reporting.comparison_figures import categories, figures
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
        categories=[*categories(document)],
        differences=differences,
        differing=differing,
        exact=exact,
    )


def _figures(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    """Label, and the figure of both."""
    for one in figures(document):
        yield _LABELS[one.key], [_written(one.key, value) for value in (one.before, one.after)]


_LABELS = {
    "right": "Right",
    "between": "With 95 % confidence",
    "old": "Right, categories of both",
    "auto": "Filed, nobody looks",
    "auto_right": "Right among those",
    "review": "A person decides",
    "other": "Other things, to a person",
    "error": "Calibration error",
}


def _written(key: str, value: Any) -> str:
    if key == "error":
        return f"{value:.3f}"
    if key == "between":
        low, high = value
        return f"{exact(low)} to {exact(high)}"
    return exact(value)

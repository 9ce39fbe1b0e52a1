"""The page of a comparison of two versions: figures, and photos that become right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from classifier.verdict import Verdict
from daemon.domain.learning_words import why_words
from daemon.domain.speech import Speech
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
    say: Speech,
) -> None:
    """Write the page.

    document: as `models compare --json` has it. differences: with a small JPEG each, where it can
    be had, of all those `differing` that are photos of the shop.
    """
    write_page(
        file,
        "comparison.html.j2",
        say,
        document=document,
        judgement=say(f"compared.judgement.{document['judgement'].replace(' ', '_')}"),
        why=why_words(document["why"], say),
        figures=[*_figures(document, say)],
        categories=[*categories(document)],
        differences=differences,
        differing=differing,
        exact=lambda share: exact(share, say),
    )


def _figures(document: Mapping[str, Any], say: Speech) -> Iterator[tuple[str, Sequence[str]]]:
    """Label, and the figure of both."""
    for one in figures(document):
        both = [_written(one.key, value, say) for value in (one.before, one.after)]
        yield say(f"compared.figure.{one.key}"), both


def _written(key: str, value: Any, say: Speech) -> str:
    if key == "error":
        return say.number(value, 3)
    if key == "between":
        low, high = value
        return say("compared.between", low=exact(low, say), high=exact(high, say))
    return exact(value, say)

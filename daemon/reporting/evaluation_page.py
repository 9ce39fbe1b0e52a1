"""The page of an evaluation: how right the model is on somebody's labelled photos, pictured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from markupsafe import Markup

from classifier.evaluation import Bin, Evaluation
from classifier.verdict import Band, Verdict
from daemon.domain.reasons import in_words
from daemon.domain.speech import ENGLISH, Speech
from daemon.reporting.charts import column_chart
from daemon.reporting.pages import write_page

MOST_PICTURED = 60
_SIDE, _LEFT, _BOTTOM = 300, 54, 26  # of the reliability diagram, in its own units


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo that was taken for something else."""

    name: str  # fit to be shown
    label: str
    verdict: Verdict
    picture: bytes | None  # a small JPEG, if it can be had


def write_evaluation(
    file: BinaryIO,
    evaluation: Evaluation,
    mistakes: Sequence[Mistake],
    facts: Sequence[tuple[str, str]],
    say: Speech = ENGLISH,
) -> None:
    """Write the page. mistakes: those to be shown, of all that there are; facts: what to know."""
    wrong = evaluation.images - round(evaluation.accuracy * evaluation.images)
    write_page(
        file,
        "evaluation.html.j2",
        say,
        evaluation=evaluation,
        sentence=_sentence(evaluation, say),
        tiles=_tiles(evaluation, say),
        facts=facts,
        bands=[(band, say(f"evaluated.means.{band}"), *evaluation.bands[band]) for band in Band],
        columns=_columns(evaluation),
        rows=_rows(evaluation),
        reliability=reliability_chart(evaluation.calibration, say),
        confidences=_confidence_chart(evaluation.calibration, say),
        mistakes=mistakes,
        wrong=wrong,
        exact=lambda share: exact(share, say),
        reason=lambda code: in_words(code, say) if code else "",
    )


def exact(share: float | None, say: Speech = ENGLISH) -> str:
    """A share as people compare it; unlike in a morning's report, all of them may be right."""
    return "–" if share is None else f"{say.number(100 * share, 1)}\N{NO-BREAK SPACE}%"


def _sentence(evaluation: Evaluation, say: Speech) -> str:
    low, high = evaluation.interval
    return say(
        "evaluated.sentence",
        right=say.number(round(evaluation.accuracy * evaluation.images)),
        photos=say.count(evaluation.images, "photo"),
        share=exact(evaluation.accuracy, say),
        low=exact(low, say),
        high=exact(high, say),
    )


def _tiles(evaluation: Evaluation, say: Speech) -> list[tuple[str, str, str]]:
    """Label, figure, and what it is coloured as."""
    auto_share, auto_right = evaluation.bands[Band.AUTO]
    review_share, _ = evaluation.bands[Band.REVIEW]
    return [
        (say("evaluated.tile.right"), exact(evaluation.accuracy, say), ""),
        (say("evaluated.tile.auto"), exact(auto_share, say), "auto"),
        (say("evaluated.tile.auto_right"), exact(auto_right, say), "auto"),
        (say("evaluated.tile.review"), exact(review_share, say), "review"),
        (say("evaluated.tile.error"), say.number(evaluation.ece, 3), ""),
        (say("evaluated.tile.speed"), say.number(evaluation.images_per_second), ""),
    ]


def _rows(evaluation: Evaluation) -> list[tuple[str, list[tuple[int, float]]]]:
    """The confusion matrix: of each label, photos and share of the row by guessed category."""
    guessed = [any(column) for column in zip(*evaluation.confusion, strict=True)]
    return [
        (
            label,
            [
                (photos, photos / max(1, sum(row)))
                for photos, shown in zip(row, guessed, strict=True)
                if shown
            ],
        )
        for label, row in zip(evaluation.labels, evaluation.confusion, strict=True)
        if any(row)
    ]


def _columns(evaluation: Evaluation) -> list[str]:
    """The categories that were guessed at least once: the columns of the confusion matrix."""
    columns = zip(evaluation.labels, zip(*evaluation.confusion, strict=True), strict=True)
    return [label for label, column in columns if any(column)]


def _confidence_chart(bins: Sequence[Bin], say: Speech) -> Markup:
    wrong = sum(one.wrong for one in bins)
    return column_chart(
        say("evaluated.chart_confidences", wrong=wrong),
        [(f"{one.confidence:.0%}", {"auto": one.right, "review": one.wrong}) for one in bins],
    )


def reliability_chart(bins: Sequence[Bin], say: Speech) -> Markup:
    """Of photos of the same confidence, the share that is right: on the diagonal, if it is honest.

    The size of a point is the number of its photos.
    """
    most = max(one.right + one.wrong for one in bins)
    shapes = [
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>').format(
            _x(one.confidence),
            _y(one.right / (one.right + one.wrong)),
            2 + 7 * ((one.right + one.wrong) / most) ** 0.5,
            say(
                "evaluated.point",
                photos=say.count(one.right + one.wrong, "photo"),
                confidence=f"{one.confidence:.0%}",
                right=one.right,
            ),
        )
        for one in bins
    ]
    marks = [
        Markup('<text x="{:.0f}" y="{}" text-anchor="{}">{} %</text>').format(x, y, anchor, share)
        for share in (0, 50, 100)
        for x, y, anchor in (
            (_x(share / 100), _SIDE - 8, ("start", "middle", "end")[share // 50]),
            (_LEFT - 6, round(_y(share / 100)) + 4, "end"),
        )
    ]
    diagonal = Markup(
        '<line class="axis" x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"/>'
    ).format(_x(0), _y(0), _x(1), _y(1))
    opening = Markup('<svg viewBox="0 0 {0} {0}" role="img" aria-label="{1}">').format(
        _SIDE, say("evaluated.chart_reliability")
    )
    return Markup("").join([opening, diagonal, *shapes, *marks, Markup("</svg>")])


def _x(share: float) -> float:
    return _LEFT + share * (_SIDE - _LEFT - 12)


def _y(share: float) -> float:
    return 12 + (1 - share) * (_SIDE - _BOTTOM - 12)

"""What the classifier says of one photo, in words and numbers: scores in, `Verdict` out.

Pure arithmetic: the model's logits, the card's calibration and gate, and the bands. A photo goes
to review when its confidence is low (`unsure`), when it is probably none of the categories
(`unknown`), or when it is flawed as a photo (`classifier.quality`'s word); its category is the best
guess all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

# Whoever only reads verdicts, such as `nightsort find`, does without numpy, which loads slowly.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FloatArray: TypeAlias = "NDArray[np.float32]"
RUNNERS_UP = 2


class Band(StrEnum):
    """How much a person has to do with the photo."""

    AUTO = "auto"  # filed, nobody looks
    CHECK = "check"  # filed, a quick look
    REVIEW = "review"  # a person decides


class Reason(StrEnum):
    """Why a photo is in review."""

    UNSURE = "unsure"
    UNKNOWN = "unknown"
    TOO_DARK = "too_dark"
    TOO_BLURRED = "too_blurred"
    TOO_SMALL = "too_small"


_SENTENCES = {
    Reason.UNSURE: "unsure",
    Reason.UNKNOWN: "none of the known categories",
    Reason.TOO_DARK: "too dark: take the photo again with more light",
    Reason.TOO_BLURRED: "too blurred: take the photo again, in focus and held still",
    Reason.TOO_SMALL: "too few pixels: take the photo again, or copy the original",
}


@dataclass(frozen=True, slots=True)
class Alternative:
    """A category that it might be instead."""

    category: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the classifier says of one photo."""

    category: str  # the best of the known categories, whatever the band
    confidence: float  # calibrated probability of `category`, 0..1
    band: Band
    reason: Reason | None  # set in band review only
    reason_text: str | None  # a sentence for a clerk
    alternatives: tuple[Alternative, ...]  # the runners-up, best first


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the bands begin, and from which score on a photo is none of the categories."""

    auto: float
    review: float
    unknown: float | None  # of P(no category), 0..1; None: the model cannot tell


def probabilities(logits: FloatArray, temperature: float) -> FloatArray:
    """Calibrated probabilities of all labels: softmax of logits over the temperature.

    logits: (batch, labels). Returns the same shape, rows summing to 1.
    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    import numpy as np

    scaled = logits.astype(np.float32) / np.float32(temperature)
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: FloatArray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def judge(
    scores: FloatArray,
    categories: Sequence[str],
    thresholds: Thresholds,
    flaws: Sequence[Reason | None],
    runners_up: int = RUNNERS_UP,
) -> list[Verdict]:
    """Turn calibrated probabilities into verdicts, one a row.

    scores: (batch, labels), the categories first; what comes after them is "none of these".
    flaws: for each photo, why it should be taken again, if it should.
    runners_up: how many alternatives each verdict names, where there are as many.
    """
    import numpy as np

    known = scores[:, : len(categories)]
    share_known = known.sum(axis=1)
    within = known / np.maximum(share_known[:, None], np.finfo(np.float32).tiny)
    best_first = np.argsort(-within, axis=1, kind="stable")[:, : runners_up + 1]
    return [
        _verdict(
            [Alternative(categories[i], float(row[i])) for i in order],
            flaw or _doubt(float(row[order[0]]), 1.0 - float(certain), thresholds),
            thresholds,
        )
        for row, order, certain, flaw in zip(within, best_first, share_known, flaws, strict=True)
    ]


def _verdict(ranking: list[Alternative], reason: Reason | None, thresholds: Thresholds) -> Verdict:
    best = ranking[0]
    if reason is not None:
        band = Band.REVIEW
    else:
        band = Band.AUTO if best.confidence >= thresholds.auto else Band.CHECK
    return Verdict(
        category=best.category,
        confidence=best.confidence,
        band=band,
        reason=reason,
        reason_text=_sentence(reason, ranking),
        alternatives=tuple(ranking[1:]),
    )


def _doubt(confidence: float, unknown: float, thresholds: Thresholds) -> Reason | None:
    if thresholds.unknown is not None and unknown > thresholds.unknown:
        return Reason.UNKNOWN
    return Reason.UNSURE if confidence < thresholds.review else None


def _sentence(reason: Reason | None, ranking: list[Alternative]) -> str | None:
    if reason is None:
        return None
    if reason is Reason.UNSURE:  # a bundle has at least two categories
        return f"unsure between {ranking[0].category} and {ranking[1].category}"
    return _SENTENCES[reason]

"""Evaluation: how right the classifier is on labelled photos, in numbers that can be compared.

Takes verdicts and the truth, gives accuracy, per-category scores, calibration and bands. The
accuracy counts the best category, whatever the band.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from classifier.proportions import wilson
from classifier.verdict import Band, Reason, Verdict

CALIBRATION_BINS = 15
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Moved:
    """What band auto would hold if it began at another confidence."""

    threshold: float
    share: float  # of all photos: filed without a look
    accuracy: float | None  # of those; None where there are none


@dataclass(frozen=True, slots=True)
class Bin:
    """Photos of about the same confidence."""

    confidence: float  # on average
    right: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures over a set of labelled photos; shares and scores are 0..1."""

    images: int
    accuracy: float
    ece: float  # expected calibration error, 15 equal bins
    bands: dict[Band, tuple[float, float | None]]  # share of the photos, accuracy in it
    categories: dict[str, tuple[float, float, float, int]]  # precision, recall, F1, support
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]  # rows: truth, columns: verdict
    images_per_second: float
    thresholds: tuple[Moved, ...]
    calibration: tuple[Bin, ...]  # by confidence, 15 equal bins, the empty ones left out

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % interval."""
        return wilson(round(self.accuracy * self.images), self.images)

    def as_json(self) -> dict[str, Any]:
        """The document that `nightsort evaluate --json` prints."""
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "ece": self.ece,
            "bands": {
                band: {"share": share, "accuracy": right}
                for band, (share, right) in self.bands.items()
            },
            "categories": {
                name: {"precision": p, "recall": r, "f1": f1, "support": n}
                for name, (p, r, f1, n) in self.categories.items()
            },
            "confusion": {"labels": list(self.labels), "matrix": [list(r) for r in self.confusion]},
            "images_per_second": self.images_per_second,
            "thresholds": [
                {"threshold": m.threshold, "share": m.share, "accuracy": m.accuracy}
                for m in self.thresholds
            ],
        }


def evaluate(
    truth: Sequence[str], verdicts: Sequence[Verdict], categories: Sequence[str], seconds: float
) -> Evaluation:
    """Compare verdicts with the truth. seconds: what it took to get the verdicts.

    Truths that are no category of the model count as wrong and get rows of their own.
    """
    labels = (*categories, *sorted(set(truth) - set(categories)))
    place = {label: i for i, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, ([place[t] for t in truth], [place[v.category] for v in verdicts]), 1)
    right = np.array([t == v.category for t, v in zip(truth, verdicts, strict=True)], dtype=bool)
    confidence = np.array([v.confidence for v in verdicts])
    return Evaluation(
        images=len(truth),
        accuracy=float(right.mean()),
        ece=expected_calibration_error(confidence, right),
        bands={band: _band(band, verdicts, right) for band in Band},
        categories={label: _scores(confusion, i) for i, label in enumerate(labels)},
        labels=labels,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        images_per_second=len(truth) / seconds if seconds else 0.0,
        thresholds=tuple(_moved(at, verdicts, right) for at in THRESHOLDS),
        calibration=tuple(_bins(confidence, right)),
    )


def expected_calibration_error(
    confidence: np.ndarray[Any, Any], right: np.ndarray[Any, Any], bins: int = CALIBRATION_BINS
) -> float:
    """How far confidence is from the share that is right, on average over equal bins, 0..1.

    confidence: (photos,), 0..1; right: (photos,), bool.
    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    place = np.clip((confidence * bins).astype(int), 0, bins - 1)
    gaps = np.bincount(place, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(confidence), 1))


def _moved(threshold: float, verdicts: Sequence[Verdict], right: np.ndarray[Any, Any]) -> Moved:
    """Only `unsure` is a matter of confidence: other reasons hold a photo back all the same."""
    inside = np.array(
        [v.reason in (None, Reason.UNSURE) and v.confidence >= threshold for v in verdicts]
    )
    accuracy = float(right[inside].mean()) if inside.any() else None
    return Moved(threshold, float(inside.mean()), accuracy)


def _bins(confidence: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> Iterator[Bin]:
    place = np.clip((confidence * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    for number in np.unique(place):
        inside = place == number
        hits = int(right[inside].sum())
        yield Bin(float(confidence[inside].mean()), hits, int(inside.sum()) - hits)


def _band(
    band: Band, verdicts: Sequence[Verdict], right: np.ndarray[Any, Any]
) -> tuple[float, float | None]:
    inside = np.array([v.band is band for v in verdicts], dtype=bool)
    return float(inside.mean()), float(right[inside].mean()) if inside.any() else None


def _scores(confusion: np.ndarray[Any, Any], i: int) -> tuple[float, float, float, int]:
    hits, claimed, support = confusion[i, i], confusion[:, i].sum(), confusion[i].sum()
    precision = float(hits / claimed) if claimed else 0.0
    recall = float(hits / support) if support else 0.0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0, int(support)

"""What scores are worth: temperature, expected calibration error, the gate for unknowns, the bands.

Everything is chosen on validation photos and measured on others. Numpy only. Words used here:
`known` photos show one of the categories; a photo is `gated` when it is probably none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier.proportions import wilson
from classifier.training.weighing import counts_as

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """Photos as the classifier would judge them, one entry a photo.

    best: index of the category; confidence: its probability among the categories;
    unknown: 1 - P(any category).
    """

    best: IntArray
    confidence: FloatArray
    unknown: FloatArray

    def right(self, truth: Sequence[int] | IntArray) -> BoolArray:
        """Whether the best category is the true one."""
        return np.asarray(self.best == np.asarray(truth))


def judge(logits: FloatArray, categories: int, temperature: float) -> Judged:
    """Turn logits (photos, labels), the categories first, into category, confidence, unknown."""
    scaled = logits.astype(np.float64) / temperature
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    known = shares[:, :categories]
    total = np.maximum(known.sum(axis=1), 1e-12)
    return Judged(
        best=known.argmax(axis=1),
        confidence=(known.max(axis=1) / total).astype(np.float32),
        unknown=(1 - known.sum(axis=1)).astype(np.float32),
    )


def fit_temperature(logits: FloatArray, truth: IntArray, categories: int) -> float:
    """Find the temperature under which known photos' true categories are most probable.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    candidates = np.exp(np.linspace(np.log(0.3), np.log(3.0), 231))
    losses = [_surprise(logits[:, :categories], truth, float(t)) for t in candidates]
    return round(float(candidates[int(np.argmin(losses))]), 4)


def _surprise(logits: FloatArray, truth: IntArray, temperature: float) -> float:
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    log_shares = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return float(-log_shares[np.arange(len(truth)), truth].mean())


def expected_calibration_error(
    confidence: FloatArray, right: BoolArray, weights: FloatArray | None = None, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by their photos."""
    weights = np.ones(len(confidence), np.float32) if weights is None else weights
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float((weights * (confidence - right))[place == b].sum())) for b in np.unique(place)
    ]
    return sum(gaps) / max(float(weights.sum()), 1e-12)


def gate_threshold(unknown: FloatArray, share: float) -> float:
    """Find the score that at most `share` of known photos exceed."""
    return round(float(np.quantile(unknown, 1 - share, method="higher")), 4)


def band_threshold(
    confidence: FloatArray,
    right: BoolArray,
    promise: float,
    weights: FloatArray | None = None,
    errors: float = 0.0,
    step: float = 0.005,
) -> float:
    """Find the lowest confidence from which on photos are right at least `promise` of the time.

    confidence, right: photos the gate lets through. errors: so many standard errors below what
    they show, the promise is still kept. Where no threshold keeps the promise: 0.995.
    """
    weights = np.ones(len(confidence), np.float32) if weights is None else weights
    for threshold in np.arange(step, 0.995, step):
        above = confidence >= threshold
        if not above.any():
            break
        if bound(right[above], weights[above], errors) >= promise:
            return round(float(threshold), 4)
    return 0.995


def bound(right: BoolArray, weights: FloatArray, errors: float) -> float:
    """The share that is right, or so many standard errors below it: a one-sided bound."""
    total = counts_as(weights)
    return wilson(weighed_share(right, weights) * total, total, errors)[0]


def weighed_share(found: BoolArray, weights: FloatArray) -> float:
    """Of all weight, that of the photos found; 0 of none."""
    return float((found * weights).sum() / max(weights.sum(dtype=np.float64), 1e-12))


def auroc(known: FloatArray, unknown: FloatArray) -> float:
    """How often an unknown photo scores above a known one; ties count half."""
    scores = np.concatenate([known, unknown])
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    wins = ranks[len(known) :].sum() - len(unknown) * (len(unknown) + 1) / 2
    return float(wins / (len(known) * len(unknown)))

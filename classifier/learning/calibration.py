"""What a head's scores are worth: temperature, gate and bands, from photos that it did not learn.

A promise is only made where the photos bear it out: a threshold counts with the lower bound of
what it kept, not with what happened to be right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classifier.head import (
    NO_CATEGORY,
    DoubleArray,
    Evidence,
    Gate,
    IntArray,
    LearntHead,
    log_sum,
    sigmoid,
)
from classifier.verdict import FloatArray, Thresholds

AUTO_PROMISE, FILED_PROMISE = 0.99, 0.97
SURE = 0.8416  # standard errors: a bound that four of five such samples keep
LEAST_AUTO, LEAST_REVIEW = 0.7, 0.4  # below, a guess is no verdict however often it is right
HIGHEST = 0.995  # where no threshold keeps the promise, next to nothing is filed without a look
GATED_SHARE = 0.06  # of known photos, that may be taken for something else
NOVELTY_WEIGHT = 2.5  # nats, for being as far outside as one known photo in twenty
# A new category's examples count as so many average categories where temperatures are found.
NEW_COUNTS_AS = 2.0
# A category of fewer photos is told less sure: by a fifth with 20. So few say too little of how
# right they are to find that on them.
ENOUGH, DOUBT_OF_NONE = 60, 0.3
_FEWEST_OF_A_CATEGORY = 5  # to say what is usual for it


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Photos with the evidence of a head that did not learn from them."""

    evidence: Evidence
    truth: IntArray  # (photos,): the category, or NO_CATEGORY

    def where(self, chosen: NDArray[np.bool_]) -> Scored:
        """Some of them."""
        return Scored(self.evidence.where(chosen), self.truth[chosen])

    def beside(self, other: Scored) -> Scored:
        """These and others."""
        return Scored(
            self.evidence.beside(other.evidence), np.concatenate([self.truth, other.truth])
        )

    @property
    def known(self) -> Scored:
        """Those that show a category."""
        return self.where(self.truth != NO_CATEGORY)


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A head with what was chosen for it on held-out photos."""

    head: LearntHead
    thresholds: Thresholds


def balanced(held: IntArray, told: IntArray, held_weights: FloatArray | None = None) -> DoubleArray:
    """How often held-out photos, then examples, count where temperatures are found.

    Twenty photos of something new among a thousand of what is known would move no temperature, and
    the new be told with the confidence of the old. held, told: their categories; held_weights: what
    the base says of the held-out ones.
    """
    known, sizes = np.unique(held[held != NO_CATEGORY], return_counts=True)
    weights = np.ones(len(told))
    for category in set(told.tolist()) - set(known.tolist()) if len(known) else ():
        here = told == category
        weights[here] = max(1.0, NEW_COUNTS_AS * float(np.median(sizes)) / here.sum())
    own = np.ones(len(held)) if held_weights is None else held_weights
    return np.concatenate([own, weights])


def doubts_of(photos: IntArray) -> DoubleArray:
    """How much less sure verdicts are on categories of so many photos each; see `LearntHead`."""
    lacking: DoubleArray = 1 - np.minimum(photos, ENOUGH) / ENOUGH
    return 1 + DOUBT_OF_NONE * lacking


def calibrate(head: LearntHead, scored: Scored, weights: DoubleArray | None = None) -> Calibrated:
    """Choose temperatures, gate and bands. scored: known photos at least; weights: `balanced`."""
    known = scored.known
    if weights is None:
        weights = np.ones(len(scored.truth))
    # Doubts come on top: else they would make all the rest surer.
    tempered = _tempered(replace(head, doubts=None), known, weights[scored.truth != NO_CATEGORY])
    head = _gated(replace(tempered, doubts=head.doubts), known)
    logs, others = head.logs(known.evidence)
    unknown = sigmoid(head.gate.scores(logs, others, known.evidence.outside))
    threshold = float(np.quantile(unknown, 1 - GATED_SHARE, method="higher"))
    passed = unknown <= threshold
    confidence = np.exp(logs.max(axis=1) - log_sum(logs))[passed]
    right = (logs.argmax(axis=1) == known.truth)[passed]
    auto = max(LEAST_AUTO, band_threshold(confidence, right, AUTO_PROMISE))
    review = max(LEAST_REVIEW, band_threshold(confidence, right, FILED_PROMISE))
    return Calibrated(head, Thresholds(auto, min(auto, review), round(threshold, 6)))


def _tempered(head: LearntHead, known: Scored, weights: DoubleArray) -> LearntHead:
    """Find the temperatures under which the true categories are most probable, one after the other.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    plain = replace(head, opinion=None)
    heads = [replace(plain, temperature=float(t)) for t in np.geomspace(0.5, 100, 107)]
    warm = _least(known, weights, heads)
    head = replace(head, temperature=round(warm.temperature, 4))
    if head.opinion is None:
        return head
    choices = np.geomspace(0.3, 5, 57)
    heads = [replace(head, opinion_temperature=round(float(t), 4)) for t in choices]
    return _least(known, weights, heads)


def _least(known: Scored, weights: DoubleArray, heads: list[LearntHead]) -> LearntHead:
    """The head that is least surprised by the truth."""
    losses = []
    for head in heads:
        logs, _ = head.logs(known.evidence)
        surprise = log_sum(logs) - logs[np.arange(len(logs)), known.truth]
        losses.append(float(np.average(surprise, weights=weights)))
    return heads[int(np.argmin(losses))]


def _gated(head: LearntHead, known: Scored) -> LearntHead:
    """Say what is usual for each category; for one of very few photos, what is for all."""
    outside = known.evidence.outside
    if outside is None:
        return head
    usual = np.full(len(head.categories), np.median(outside), np.float32)
    for category in range(len(usual)):
        own = outside[known.truth == category]
        if len(own) >= _FEWEST_OF_A_CATEGORY:
            usual[category] = np.median(own)
    logs, _ = head.logs(known.evidence)
    beyond = outside - usual[logs.argmax(axis=1)]
    spread = max(float(np.quantile(beyond, 0.95)), 1e-3)
    return replace(head, gate=Gate(usual, spread, NOVELTY_WEIGHT))


def band_threshold(
    confidence: DoubleArray, right: NDArray[np.bool_], promise: float, step: float = 0.005
) -> float:
    """Find the least confidence from which on photos keep the promise, by their lower bound.

    confidence, right: photos that the gate lets through. Where none does: HIGHEST.
    """
    for threshold in np.arange(step, HIGHEST, step):
        above = confidence >= threshold
        if not above.any():
            break
        if lower_bound(int(right[above].sum()), int(above.sum())) >= promise:
            return round(float(threshold), 4)
    return HIGHEST


def lower_bound(hits: int, total: int) -> float:
    """One-sided 80 % bound of a proportion. Source: Wilson 1927."""
    if total == 0:
        return 0.0
    share, square = hits / total, SURE**2
    spread = SURE * np.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return float((share + square / (2 * total) - spread) / (1 + square / total))

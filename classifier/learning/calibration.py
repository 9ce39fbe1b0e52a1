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
from classifier.verdict import Thresholds

AUTO_PROMISE, FILED_PROMISE = 0.99, 0.97
SURE = 0.8416  # standard errors: a bound that four of five such samples keep
LEAST_AUTO, LEAST_REVIEW = 0.7, 0.4  # below, a guess is no verdict however often it is right
HIGHEST = 0.995  # where no threshold keeps the promise, next to nothing is filed without a look
GATED_SHARE = 0.06  # of known photos, that may be taken for something else
NOVELTY_WEIGHT = 2.5  # nats, for being as far outside as one known photo in twenty
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


def calibrate(head: LearntHead, scored: Scored) -> Calibrated:
    """Choose temperatures, gate and bands. scored: known photos at least."""
    known = scored.known
    head = _gated(_tempered(head, known), known)
    logs, others = head.logs(known.evidence)
    unknown = sigmoid(head.gate.scores(logs, others, known.evidence.outside))
    threshold = float(np.quantile(unknown, 1 - GATED_SHARE, method="higher"))
    passed = unknown <= threshold
    confidence = np.exp(logs.max(axis=1) - log_sum(logs))[passed]
    right = (logs.argmax(axis=1) == known.truth)[passed]
    auto = max(LEAST_AUTO, band_threshold(confidence, right, AUTO_PROMISE))
    review = max(LEAST_REVIEW, band_threshold(confidence, right, FILED_PROMISE))
    return Calibrated(head, Thresholds(auto, min(auto, review), round(threshold, 6)))


def _tempered(head: LearntHead, known: Scored) -> LearntHead:
    """Find the temperatures under which the true categories are most probable, one after the other.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    plain = replace(head, opinion=None)
    warm = _least(
        known, [replace(plain, temperature=float(t)) for t in np.geomspace(0.5, 100, 107)]
    )
    head = replace(head, temperature=round(warm.temperature, 4))
    if head.opinion is None:
        return head
    choices = np.geomspace(0.3, 5, 57)
    return _least(known, [replace(head, opinion_temperature=round(float(t), 4)) for t in choices])


def _least(known: Scored, heads: list[LearntHead]) -> LearntHead:
    """The head that is least surprised by the truth."""
    losses = []
    for head in heads:
        logs, _ = head.logs(known.evidence)
        losses.append(float((log_sum(logs) - logs[np.arange(len(logs)), known.truth]).mean()))
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

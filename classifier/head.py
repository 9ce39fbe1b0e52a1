"""Heads: features in, shares of the categories out, in NumPy and apart from the network.

A bundle has a head of its own, taken from the network's last layer (`OwnHead`); a version brings a
learnt one (`LearntHead`). Both give what `classifier.verdict.judge` takes: shares of the categories
first, what is none of them after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.features import Features, FeatureSpec
from classifier.novelty import Novelty
from classifier.verdict import FloatArray, probabilities

NO_CATEGORY = -1
DoubleArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Head(Protocol):
    """What gives shares to the categories."""

    @property
    def categories(self) -> tuple[str, ...]:
        """What photos are filed into."""

    def shares(self, features: Features) -> FloatArray:
        """Calibrated shares of the categories, then of what is none; rows sum to 1."""


@dataclass(frozen=True, slots=True)
class LastLayer:
    """The network's own last layer, from its int8 weights."""

    weights: FloatArray  # (embedding, labels)
    bias: FloatArray
    scale: float
    zero_point: int

    def logits(self, embeddings: FloatArray) -> FloatArray:
        """Scores of the labels as the network's int8 kernel rounds and clips them.

        Without the rounding 4 photos in 1,000 get another category, because equal scores are
        frequent among 256 levels; with it none of 15,000 did (fashion 2026.11.3).
        """
        exact = embeddings @ self.weights + self.bias
        levels = np.rint(exact / np.float32(self.scale)) + self.zero_point
        clipped = np.clip(levels, -128, 127) - self.zero_point
        rounded: FloatArray = clipped * np.float32(self.scale)
        return rounded


@dataclass(frozen=True, slots=True)
class OwnHead:
    """What comes with the bundle: the last layer, and what is new in a photo."""

    spec: FeatureSpec
    layer: LastLayer
    novelty: Novelty | None
    categories: tuple[str, ...]
    temperature: float

    @property
    def others(self) -> int:
        """How many labels are no category."""
        return len(self.layer.bias) - len(self.categories)

    def logits(self, features: Features) -> FloatArray:
        """Scores of each label, what is new in a photo among them: (photos, labels)."""
        embeddings = self.spec.embeddings(features)
        logits = self.layer.logits(embeddings)
        if self.novelty is not None:
            logits[:, -1] += self.novelty.scores(embeddings)
        return logits

    def shares(self, features: Features) -> FloatArray:
        """Of all labels, the categories first."""
        return probabilities(self.logits(features), self.temperature)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Linear scores. Several rows may speak for one category, or for none."""

    weights: FloatArray  # (inputs, rows)
    bias: FloatArray  # (rows,)
    owners: IntArray  # the category of each row, or NO_CATEGORY

    def scores(self, inputs: FloatArray) -> FloatArray:
        """How well each row's kind fits: (photos, rows)."""
        scores: FloatArray = inputs @ self.weights + self.bias
        return scores

    def by_category(
        self, scores: FloatArray, temperature: float, categories: int
    ) -> tuple[DoubleArray, DoubleArray]:
        """Log-sums of the rows of each category (photos, categories), and of none (photos,)."""
        scaled = scores.astype(np.float64) / temperature
        sums = [log_sum(scaled[:, self.owners == at]) for at in range(categories)]
        return np.stack(sums, axis=1), log_sum(scaled[:, self.owners == NO_CATEGORY])


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """How far a photo is from all categories: what speaks for other things, and what is new in it.

    usual: a category's median share outside the known space; spread: from there to the 95 % of
    known photos; weight: nats for being that far outside.
    """

    usual: FloatArray  # (categories,)
    spread: float
    weight: float

    def scores(
        self, known: DoubleArray, others: DoubleArray, outside: FloatArray | None
    ) -> DoubleArray:
        """Nats: log P(others) - log P(categories), where there are others, and novelty."""
        found = others - log_sum(known) if np.isfinite(others).all() else np.zeros(len(known))
        if outside is not None:
            found += self.weight * (outside - self.usual[known.argmax(axis=1)]) / self.spread
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All that a learnt head needs of photos; of some of them, by `where`."""

    scores: FloatArray  # (photos, rows)
    opinions: FloatArray | None  # (photos, opinion's rows): the network's own, as logits
    outside: FloatArray | None  # (photos,): shares outside the known space

    def where(self, chosen: NDArray[np.bool_]) -> Evidence:
        """Of some photos."""
        opinions = None if self.opinions is None else self.opinions[chosen]
        outside = None if self.outside is None else self.outside[chosen]
        return Evidence(self.scores[chosen], opinions, outside)

    def beside(self, other: Evidence) -> Evidence:
        """Of these and other photos, by heads of one shape."""
        return Evidence(
            np.concatenate([self.scores, other.scores]),
            _both(self.opinions, other.opinions),
            _both(self.outside, other.outside),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LearntHead:
    """A version's head over a base.

    Among the categories that the network was trained on, its own last layer has a say beside the
    learnt rows: it knows better which of its verdicts are sure. Whether a photo shows one of those
    at all, or something that was learnt, the rows alone decide.

    doubts: by how much each category's verdicts, and those beside which it was the next likeliest,
    are less sure; 1: by nothing. What is best stays so.
    """

    spec: FeatureSpec
    rows: Rows
    opinion: Rows | None  # the last layer's rows: (embedding, rows), none of them of no category
    gate: Gate
    novelty: Novelty | None
    categories: tuple[str, ...]
    temperature: float = 1.0  # of the rows' scores
    opinion_temperature: float = 1.0  # of rows and opinion together
    doubts: DoubleArray | None = None  # (categories,)

    def shares(self, features: Features) -> FloatArray:
        """Of the categories, then of what is none of them."""
        return self.shares_of(self.evidence(features))

    def evidence(self, features: Features) -> Evidence:
        """What the photos' shares follow from."""
        return self.beside_scores(self.rows.scores(self.spec.inputs(features)), features)

    def beside_scores(self, scores: FloatArray, features: Features) -> Evidence:
        """The same with scores that are there already, for instance of a sister's rows."""
        embeddings = self.spec.embeddings(features)
        return Evidence(
            scores,
            None if self.opinion is None else self.opinion.scores(embeddings),
            None if self.novelty is None else self.novelty.shares(embeddings),
        )

    def shares_of(self, evidence: Evidence) -> FloatArray:
        """Of the categories, then of what is none of them."""
        known, others = self.logs(evidence)
        unknown = sigmoid(self.gate.scores(known, others, evidence.outside))
        within = np.exp(known - log_sum(known)[:, None])
        shares = np.hstack([within * (1 - unknown)[:, None], unknown[:, None]])
        return shares.astype(np.float32)

    def logs(self, evidence: Evidence) -> tuple[DoubleArray, DoubleArray]:
        """Log-evidence of each category (photos, categories), and of other things (photos,)."""
        count = len(self.categories)
        known, others = self.rows.by_category(evidence.scores, self.temperature, count)
        if self.opinion is not None and evidence.opinions is not None:
            known = self._advised(known, self.opinion, evidence.opinions)
        return self._doubted(known), others

    def _advised(self, known: DoubleArray, opinion: Rows, opinions: FloatArray) -> DoubleArray:
        """With the network's own word on how its categories share what the rows give them."""
        own, _ = opinion.by_category(opinions, 1.0, len(self.categories))
        shared = np.unique(opinion.owners)
        both = (0.5 * known[:, shared] + own[:, shared]) / self.opinion_temperature
        together = log_sum(known[:, shared])
        known[:, shared] = both + (together - log_sum(both))[:, None]
        return known

    def _doubted(self, known: DoubleArray) -> DoubleArray:
        """Nearer to each other where one of the two likeliest is doubted; their sum stays."""
        if self.doubts is None:
            return known
        likeliest = np.argpartition(-known, 1, axis=1)[:, :2]
        softer = known / self.doubts[likeliest].max(axis=1)[:, None]
        found: DoubleArray = softer + (log_sum(known) - log_sum(softer))[:, None]
        return found


def _both(first: FloatArray | None, second: FloatArray | None) -> FloatArray | None:
    return None if first is None or second is None else np.concatenate([first, second])


def log_sum(scores: DoubleArray) -> DoubleArray:
    """Log of the sum of exp over each row's values; -inf where there are none."""
    if scores.shape[1] == 0:
        return np.full(len(scores), -np.inf)
    top = scores.max(axis=1)
    found: DoubleArray = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
    return found


def sigmoid(nats: DoubleArray) -> DoubleArray:
    """1 / (1 + exp(-nats)), without overflow."""
    share: DoubleArray = 0.5 * (1 + np.tanh(0.5 * nats))
    return share

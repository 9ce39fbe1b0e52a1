"""Fitting a head: shrunk linear discriminant analysis over statistics of base and examples.

Every kind is a normal distribution of its own mean and of one covariance shared by all, the base's
and the examples' together, shrunk towards a sphere. A mean of few photos is uncertain, which makes
its kind look further away than it is; each row gets most of that back (`GIVEN_BACK`). Without that,
kinds with few examples hardly ever win against kinds of the base: docs/decisions/0016 has figures.

Source: Friedman 1989, Regularized Discriminant Analysis; the uncertain mean as in Moran and Murphy
1979, A Closer Look at Two Alternative Methods of Statistical Discrimination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.head import Rows
from classifier.learning.base import Base
from classifier.verdict import FloatArray

SHRINK = 0.1
# What the base's photos of a label count for against examples of it: as so many of them. With 100,
# what is said of old categories changes nothing; with 10, a few odd corrections move one far.
RELEVANCE = 20
# Of what its uncertain mean costs a row on average. All of it is best for what is new, but takes up
# to two points from the old categories that look alike.
GIVEN_BACK = 0.75
# So many examples of a row say how wide it is, and so many random probes how wide all are.
_WIDTH_EXAMPLES, _PROBES = 40, 8
_SIGNS = np.array([-1, 1], np.float32)
NEVER = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a head: the label that each is learnt from, and its category (or -1)."""

    labels: tuple[str, ...]
    owners: tuple[int, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Counts, sums and squares of examples, by row: all that a fit needs of them."""

    counts: NDArray[np.int64]  # (rows,)
    sums: NDArray[np.float64]  # (rows, inputs)
    squares: FloatArray  # (inputs, inputs), of all together

    @classmethod
    def of(cls, inputs: FloatArray, rows: NDArray[np.int64], count: int) -> Moments:
        """inputs: (photos, inputs); rows: the row of each photo, of `count`."""
        sums = [inputs[rows == row].sum(axis=0, dtype=np.float64) for row in range(count)]
        return cls(np.bincount(rows, minlength=count), np.stack(sums), inputs.T @ inputs)

    def minus(self, other: Moments) -> Moments:
        """Without the photos of the other."""
        return Moments(
            self.counts - other.counts, self.sums - other.sums, self.squares - other.squares
        )

    def scatter(self) -> FloatArray:
        """Squares around each row's own mean."""
        roots = self.sums / np.sqrt(np.maximum(self.counts, 1))[:, None]
        within = roots.astype(np.float32)
        scatter: FloatArray = within.T @ within
        return np.subtract(self.squares, scatter, out=scatter)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Some examples of each row, to say how wide it is."""

    inputs: FloatArray  # (photos, inputs)
    rows: NDArray[np.int64]  # (photos,)

    @classmethod
    def of(cls, inputs: FloatArray, rows: NDArray[np.int64], among: NDArray[np.bool_]) -> Sample:
        """The first of each row among those that are learnt from."""
        places = [
            np.flatnonzero((rows == row) & among)[:_WIDTH_EXAMPLES] for row in np.unique(rows)
        ]
        chosen = np.concatenate([*places, np.zeros(0, np.int64)]).astype(np.int64)
        return cls(inputs[chosen], rows[chosen])


def fit(base: Base | None, plan: Plan, moments: Moments, sample: Sample) -> Rows:
    """Fit the rows of a plan. base: None to learn from the examples alone.

    moments, sample: of the examples that are learnt from.
    """
    means, weights = _means(base, plan, moments)
    covariance = _covariance(base, moments)
    offsets = sample.inputs - means[sample.rows]
    signs = np.random.default_rng(0).choice(_SIGNS, (_PROBES, len(covariance)))
    wanted = np.vstack([means, offsets, signs @ covariance]).T
    solved = np.linalg.solve(_shrunk(covariance), wanted)
    directions, from_sample, from_probes = np.split(
        solved, [len(means), len(means) + len(offsets)], axis=1
    )
    width = float((signs.T * from_probes).sum()) / _PROBES
    widths = _widths(
        np.einsum("ij,ji->i", offsets, from_sample), sample.rows, moments.counts, width
    )
    bias = -0.5 * (means.T * directions).sum(axis=0)
    bias = bias + np.where(weights > 0, GIVEN_BACK * widths / (2 * np.maximum(weights, 1)), 0)
    bias[weights == 0] = NEVER
    return Rows(
        directions.astype(np.float32),
        bias.astype(np.float32),
        np.array(plan.owners, np.int64),
    )


def _means(base: Base | None, plan: Plan, moments: Moments) -> tuple[FloatArray, FloatArray]:
    """Each row's mean, and how many photos it rests on: the base's and the examples'."""
    sums = moments.sums.copy()
    weights = moments.counts.astype(np.float64)
    for row, label in enumerate(plan.labels):
        if base is not None and label in base.labels:
            at = base.labels.index(label)
            known = float(base.counts[at])
            if moments.counts[row]:
                known = min(known, RELEVANCE)
            sums[row] += known * base.means[at]
            weights[row] += known
    means = sums / np.maximum(weights, 1)[:, None]
    return means.astype(np.float32), weights.astype(np.float32)


def _covariance(base: Base | None, moments: Moments) -> FloatArray:
    photos = int(moments.counts.sum() - (moments.counts > 0).sum())
    scatter = moments.scatter()
    if base is not None:
        known = base.covariance()
        known *= base.photos
        scatter += known
        photos += base.photos
    scatter /= max(photos, 1)
    return scatter


def _shrunk(covariance: FloatArray) -> FloatArray:
    """The same towards a sphere, in its place: there is one less of 24 MB at a time."""
    trace = float(np.trace(covariance)) / len(covariance)
    covariance *= 1 - SHRINK
    # A sphere of nothing cannot be inverted: examples that are all the same have no width.
    covariance[np.diag_indices(len(covariance))] += max(SHRINK * trace, 1e-6)
    return covariance


def _widths(
    distances: FloatArray, rows: NDArray[np.int64], counts: NDArray[np.int64], usual: float
) -> FloatArray:
    """Each row's mean squared distance from its mean; the usual one where nothing says more."""
    widths = np.full(len(counts), usual, np.float32)
    for row, count in enumerate(counts):
        if count > 1:
            widths[row] = distances[rows == row].mean() * count / (count - 1)
    return widths


def row_of(plan: Plan, labels: Sequence[str]) -> NDArray[np.int64]:
    """The row of each label."""
    places = {label: at for at, label in enumerate(plan.labels)}
    return np.array([places[label] for label in labels], np.int64)

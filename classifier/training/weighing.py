"""Held-out photos weighed as other products would be. Numpy only.

What is held out of one series of products is nearer to what was learnt than other products are, and
so flatters. Where photos of truly other products are at hand, the held-out ones can count as much
as those are like them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

# Cosine to the nearest photo that was learnt from: about a sixth of other products lie between two.
EDGES = (0.875, 0.9, 0.915, 0.93, 0.945)
_ROUNDS = 50
_BLOCK = 512


def nearness(photos: FloatArray, learnt: FloatArray) -> FloatArray:
    """Cosine of each photo with the nearest one that was learnt from.

    photos, learnt: roots of embeddings, (n, embedding).
    """
    units, others = (
        roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-9)
        for roots in (photos, learnt)
    )
    blocks = [units[at : at + _BLOCK] @ others.T for at in range(0, len(units), _BLOCK)]
    nearest = [block.max(axis=1) for block in blocks]
    return np.concatenate([*nearest, np.zeros(0, np.float32)])


def steps(near: FloatArray) -> IntArray:
    """Between which of EDGES each photo lies: 0 is far from all."""
    return np.digitize(near, EDGES).astype(np.int64)


def weights(traits: Sequence[IntArray], wanted: Sequence[IntArray]) -> FloatArray:
    """How often each photo counts, so that each trait is as frequent as among others.

    traits: of the photos to be weighed; wanted: the same traits of the others. A value that no
    photo here has is left out. The mean weight is 1.
    Source: Deming and Stephan 1940 (raking).
    """
    found = np.ones(len(traits[0]), np.float64)
    for _ in range(_ROUNDS):
        for own, other in zip(traits, wanted, strict=True):
            for value in np.unique(own):
                here = own == value
                share = max(float(found[here].sum() / found.sum()), 1e-12)
                found[here] *= (other == value).mean() / share
    return (found * len(found) / found.sum()).astype(np.float32)


def counts_as(found: FloatArray) -> float:
    """How many photos of equal weight say as much. Source: Kish 1965."""
    square = float((found.astype(np.float64) ** 2).sum())
    return float(found.sum(dtype=np.float64)) ** 2 / square if square else 0.0

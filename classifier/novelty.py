"""Novelty: how much of a photo's embedding lies outside what the known photos span.

A bundle's last label stands for everything else. What a photo has that no known photo had is added
to that label's score; the gate for `unknown` then needs to know nothing of it.
Source: Wang et al. 2022, ViM: Out-Of-Distribution with Virtual-logit Matching; here relative to the
embedding's length (docs/decisions/0007).
"""

from __future__ import annotations

from io import BytesIO

import numpy as np

from classifier.bundle import Bundle, NoveltySpec
from classifier.verdict import FloatArray
from config.errors import ModelError


class Novelty:
    """The space that known photos span, and what leaving it is worth."""

    def __init__(self, space: FloatArray, usual: float, weight: float) -> None:
        """Take the space: (1 + axes, embedding), the mean of embeddings, then orthonormal axes."""
        self._mean, self._axes = space[0], space[1:].T
        self._usual, self._weight = np.float32(usual), np.float32(weight)

    def scores(self, embeddings: FloatArray) -> FloatArray:
        """What each photo adds to the last label's logit. embeddings: (batch, embedding)."""
        return self._weight * (self.shares(embeddings) - self._usual)

    def shares(self, embeddings: FloatArray) -> FloatArray:
        """How much of each photo lies outside, 0..1. embeddings: (batch, embedding)."""
        return shares_outside(embeddings, self._mean, self._axes)


def shares_outside(embeddings: FloatArray, mean: FloatArray, axes: FloatArray) -> FloatArray:
    """Length of what the axes do not hold, by that of the whole: 0..1, one a photo.

    embeddings: (batch, n); mean: (n,); axes: (n, axes), orthonormal columns.
    """
    centred = embeddings - mean
    whole = np.maximum((centred**2).sum(axis=1), np.finfo(np.float32).tiny)
    inside = ((centred @ axes) ** 2).sum(axis=1)
    shares: FloatArray = np.sqrt(np.clip(1 - inside / whole, 0, 1))
    return shares


def novelty_of(bundle: Bundle) -> Novelty | None:
    """What the bundle's card says of novelty; None where it says nothing.

    Raises ModelError when the bundle's file of it is not what the card describes.
    """
    spec = bundle.card.novelty
    if spec is None:
        return None
    try:
        space = np.load(BytesIO(bundle.novelty), allow_pickle=False)
    except (ValueError, EOFError, OSError) as exc:
        raise _refuse(bundle, spec, "is no array") from exc
    if space.ndim != 2 or len(space) < 2 or space.shape[1] != bundle.card.outputs.embedding:
        raise _refuse(bundle, spec, f"has the shape {space.shape}")
    return Novelty(space.astype(np.float32), spec.usual, spec.weight)


def _refuse(bundle: Bundle, spec: NoveltySpec, what: str) -> ModelError:
    return ModelError(f"model {bundle.folder / spec.file}: {what}; restore the bundle")

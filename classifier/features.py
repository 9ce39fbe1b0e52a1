"""Features: what the network says of a photo, in a form small enough to be kept with an example.

One byte a number. First the embedding as the network gives it, then, where the bundle's network
shows an earlier layer too, the root of each channel's mean and of its standard deviation over the
photo. Heads work on these bytes alone, whether a photo has just been seen or was kept for months,
so a verdict can be given again without the photo.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifier.verdict import FloatArray

Features: TypeAlias = NDArray[np.uint8]  # (photos, FeatureSpec.size)

# Means and deviations are coded as roots, so that small ones, of which there are most, keep detail.
LARGEST_MEAN, LARGEST_DEVIATION = 6.0, 3.0  # a ReLU6's; what is beyond is cut off
_INT8_TO_BYTE = 128


class FeatureSpec(BaseModel):
    """What the bytes mean: of the fashion network 1,280 + 2 · 576 of them, 2,432 a photo."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    embedding: int = Field(ge=1)
    scale: float = Field(gt=0)  # of the embedding: real = scale * (byte - zero)
    zero: int = Field(ge=0, le=255)
    channels: int = Field(0, ge=0)  # of the earlier layer; 0: the network shows none
    weights: tuple[float, float] = (1.0, 1.0)  # of its means and deviations beside the embedding

    @property
    def size(self) -> int:
        """Bytes of a photo."""
        return self.embedding + 2 * self.channels

    def embeddings(self, features: Features) -> FloatArray:
        """The embedding in real numbers: (photos, embedding)."""
        raw = features[:, : self.embedding].astype(np.float32)
        return (raw - np.float32(self.zero)) * np.float32(self.scale)

    def inputs(self, features: Features) -> FloatArray:
        """What a learnt head takes: (photos, size); roots, so that rare loud channels do not rule.

        The root of an embedding is nearer to a normal distribution than the embedding itself.
        """
        found = features.astype(np.float32)
        np.sqrt(np.maximum(self.embeddings(features), 0), out=found[:, : self.embedding])
        means, deviations = (np.float32(weight / 255) for weight in self.weights)
        found[:, self.embedding : self.embedding + self.channels] *= means
        found[:, self.embedding + self.channels :] *= deviations
        return found


def packed(embedding: NDArray[np.int8], layer: NDArray[np.int8] | None, step: float) -> Features:
    """Put a batch's outputs into bytes.

    embedding: (photos, n). layer: (photos, height, width, channels) of a ReLU6 with zero point
    -128, or None; step: its scale.
    """
    first = (embedding.astype(np.int16) + _INT8_TO_BYTE).astype(np.uint8)
    if layer is None:
        return first
    means, deviations = pooled(layer, step)
    return np.concatenate(
        [first, _coded(means, LARGEST_MEAN), _coded(deviations, LARGEST_DEVIATION)], axis=1
    )


def pooled(layer: NDArray[np.int8], step: float) -> tuple[FloatArray, FloatArray]:
    """Each channel's mean and standard deviation over the photo: (photos, channels) each.

    A product with ones and one `einsum` cost 0.04 ms a photo; `mean` and `std` twenty times that.
    """
    photos, channels = len(layer), layer.shape[-1]
    levels = (layer.reshape(photos, -1, channels).view(np.uint8) ^ 0x80).astype(np.float32)
    places = levels.shape[1]
    means = (np.ones((1, places), np.float32) @ levels)[:, 0] / np.float32(places)
    squares = np.einsum("pij,pij->pj", levels, levels) / np.float32(places)
    deviations = np.sqrt(np.maximum(squares - means**2, 0))
    return means * np.float32(step), deviations * np.float32(step)


def _coded(values: FloatArray, largest: float) -> Features:
    coded: Features = np.rint(np.sqrt(np.minimum(values / largest, 1)) * 255).astype(np.uint8)
    return coded

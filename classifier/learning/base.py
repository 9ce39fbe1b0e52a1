"""What a bundle says its labels looked like: means, counts, one shared covariance, held-out photos.

That is all that is needed of the photos that it was trained on, so that nothing is forgotten when
something is learnt. `python -m classifier.training.base` makes the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from classifier import arrays
from classifier.arrays import Arrays
from classifier.bundle import Bundle
from classifier.features import Features, FeatureSpec
from classifier.verdict import FloatArray
from config.errors import ModelError

_WEIGHTS = "held_weights"  # bundles of before have none
CALIBRATE, COMPARE = 0, 1  # what a held-out photo is for


class BaseCard(BaseModel):
    """The file's own word on what it holds."""

    model_config = ConfigDict(frozen=True)

    format: int
    features: FeatureSpec
    labels: tuple[str, ...]  # of the means, the categories first
    categories: tuple[str, ...]
    photos: int  # behind the covariance


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Photos that the base never learnt from."""

    features: Features
    labels: tuple[str, ...]
    parts: NDArray[np.uint8]  # CALIBRATE or COMPARE
    # How often each counts where temperatures are found, to be as other products are; None: once.
    weights: FloatArray | None = None

    def where(self, chosen: NDArray[np.bool_]) -> HeldOut:
        """Some of them."""
        labels = tuple(label for label, kept in zip(self.labels, chosen, strict=True) if kept)
        weights = None if self.weights is None else self.weights[chosen]
        return HeldOut(self.features[chosen], labels, self.parts[chosen], weights)

    def part(self, part: int) -> HeldOut:
        """Those that are for one thing."""
        return self.where(self.parts == part)


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Sufficient statistics of the base's own photos, in a head's inputs."""

    spec: FeatureSpec
    labels: tuple[str, ...]
    categories: tuple[str, ...]
    means: FloatArray  # (labels, inputs)
    counts: NDArray[np.int64]  # (labels,)
    factor: FloatArray  # (inputs, rank): the covariance is factor @ factor.T + diagonal
    diagonal: FloatArray  # (inputs,)
    photos: int
    held_out: HeldOut
    specimens: Features  # the self-test's pictures
    own_weights: FloatArray  # (embedding, categories): the network's last layer, over temperature
    own_bias: FloatArray  # (categories,)

    def covariance(self) -> FloatArray:
        """Within the labels: (inputs, inputs)."""
        found: FloatArray = self.factor @ self.factor.T
        found[np.diag_indices(len(found))] += self.diagonal
        return found

    def without(self, labels: Collection[str]) -> Base:
        """As if these kinds had never been seen, as far as a head is concerned."""
        kept = np.array([label not in labels for label in self.labels], bool)
        held = np.array([label not in labels for label in self.held_out.labels], bool)
        return replace(
            self,
            labels=tuple(label for label in self.labels if label not in labels),
            categories=tuple(label for label in self.categories if label not in labels),
            means=self.means[kept],
            counts=self.counts[kept],
            held_out=self.held_out.where(held),
            own_weights=self.own_weights[:, kept[: len(self.categories)]],
            own_bias=self.own_bias[kept[: len(self.categories)]],
        )


def load_base(bundle: Bundle) -> Base:
    """Read what a bundle brings to learn from. Raises ModelError where it brings nothing usable."""
    spec = bundle.card.learning
    if spec is None:
        raise ModelError(
            f"model {bundle.card.title} does not say what its categories looked like, so nothing "
            "can be learnt over it; run python -m classifier.training.base over its photos, or set "
            "model_dir to the bundle that comes with nightsort"
        )
    path = bundle.folder / spec.file
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise _refuse(bundle, f"cannot be read ({exc.strerror})") from exc
    if hashlib.sha256(content).hexdigest() != spec.sha256:
        raise _refuse(bundle, "is not the one that card.json was written for")
    try:
        return from_arrays(arrays.unpacked(content))
    except (ValueError, KeyError, ValidationError) as exc:
        raise _refuse(bundle, f"does not hold what it should ({exc})") from exc


def to_arrays(base: Base) -> Arrays:
    """As arrays of a file; halves of what is not counted."""
    card = BaseCard(
        format=1,
        features=base.spec,
        labels=base.labels,
        categories=base.categories,
        photos=base.photos,
    )
    places = {label: at for at, label in enumerate(base.labels)}
    held = base.held_out
    weights = {} if held.weights is None else {_WEIGHTS: held.weights.astype(np.float32)}
    return weights | {
        "card": np.frombuffer(card.model_dump_json().encode(), np.uint8),
        "means": base.means.astype(np.float16),
        "counts": base.counts,
        "factor": base.factor.astype(np.float16),
        "diagonal": base.diagonal,
        "held_features": held.features,
        "held_labels": np.array([places[label] for label in held.labels], np.uint8),
        "held_parts": held.parts,
        "specimens": base.specimens,
        "own_weights": base.own_weights,
        "own_bias": base.own_bias,
    }


def from_arrays(found: Arrays) -> Base:
    """The other way round. Raises ValueError, KeyError or ValidationError when it does not fit."""
    card = BaseCard.model_validate(json.loads(found["card"].tobytes()))
    labels, size = len(card.labels), card.features.size
    held = found["held_features"]
    shapes = {
        "means": (labels, size),
        "counts": (labels,),
        "factor": (size, found["factor"].shape[-1]),
        "diagonal": (size,),
        "held_features": (len(held), size),
        "held_labels": (len(held),),
        "held_parts": (len(held),),
        "own_weights": (card.features.embedding, len(card.categories)),
        "own_bias": (len(card.categories),),
    }
    if _WEIGHTS in found:
        shapes[_WEIGHTS] = (len(held),)
    for name, shape in shapes.items():
        if found[name].shape != shape:
            raise ValueError(f"{name} has the shape {found[name].shape}, not {shape}")
    return Base(
        spec=card.features,
        labels=card.labels,
        categories=card.categories,
        means=found["means"].astype(np.float32),
        counts=found["counts"],
        factor=found["factor"].astype(np.float32),
        diagonal=found["diagonal"].astype(np.float32),
        photos=card.photos,
        held_out=HeldOut(
            held,
            tuple(card.labels[at] for at in found["held_labels"]),
            found["held_parts"],
            found.get(_WEIGHTS),
        ),
        specimens=found["specimens"],
        own_weights=found["own_weights"],
        own_bias=found["own_bias"],
    )


def _refuse(bundle: Bundle, what: str) -> ModelError:
    spec = bundle.card.learning
    name = spec.file if spec else ""
    return ModelError(f"model {bundle.folder / name}: {what}; restore the bundle")

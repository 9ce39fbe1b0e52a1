"""Examples, who of them belongs together, and which fold each is judged in.

Photos of one return, and photos that look the same, say the same thing twice: they stay on one
side, or a lesson would be judged on what it learnt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.features import Features
from classifier.verdict import FloatArray

FOLDS = 5
# Cosine of the embeddings' roots. Of 5,073 product photos 2 % have a neighbour of another product
# beyond it, and 1 % of the pairs that show one product are so near: copies, not views.
TWIN_COSINE = 0.975
_BLOCK = 512


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A photo whose true label a person said."""

    id: str  # of the photo, such as its sha256; one example a photo
    features: Features  # (FeatureSpec.size,), as `Classifier.examine` gives them
    label: str
    group: str = ""  # the return it belongs to; empty: none is known
    source: str = ""  # who said so and how: "correction", "decision", "upload", ...
    said: str = ""  # when, ISO 8601


def in_order(examples: Iterable[Example]) -> list[Example]:
    """The same whatever order they came in; of one photo the latest word counts."""
    latest: dict[str, Example] = {}
    for one in sorted(examples, key=lambda one: (one.id, one.said, one.label)):
        latest[one.id] = one
    return list(latest.values())


def groups_of(examples: Sequence[Example], roots: FloatArray) -> list[str]:
    """A name for each example's group: the smallest id among those that belong together.

    roots: of the examples' embeddings, (examples, embedding).
    """
    parent = {one.id: one.id for one in examples}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def join(first: str, second: str) -> None:
        low, high = sorted((root(first), root(second)))
        parent[high] = low

    of_return: dict[str, str] = {}
    for one in examples:
        if one.group:
            join(one.id, of_return.setdefault(one.group, one.id))
    for i, j in twins(roots, roots):
        join(examples[i].id, examples[j].id)
    return [root(one.id) for one in examples]


def twins(roots: FloatArray, others: FloatArray) -> list[tuple[int, int]]:
    """Pairs of places whose photos look the same."""
    units, other_units = _units(roots), _units(others)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(units), _BLOCK):
        cosines = units[start : start + _BLOCK] @ other_units.T
        pairs += [(int(start + i), int(j)) for i, j in np.argwhere(cosines >= TWIN_COSINE)]
    return pairs


def folds_of(examples: Sequence[Example], groups: Sequence[str]) -> NDArray[np.int64]:
    """The fold of each example: groups whole, each label spread evenly, by hash.

    A group counts for its first example's label.
    """
    label_of = {group: one.label for group, one in zip(groups[::-1], examples[::-1], strict=True)}
    dealt: dict[str, int] = {}
    fold: dict[str, int] = {}
    for group in sorted(label_of, key=_hashed):
        label = label_of[group]
        # Each label begins elsewhere, or all the small ones would fill the first folds.
        fold[group] = dealt.setdefault(label, int(_hashed(label), 16)) % FOLDS
        dealt[label] += 1
    return np.array([fold[group] for group in groups], np.int64)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _units(roots: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    units: FloatArray = roots / np.maximum(lengths, np.finfo(np.float32).tiny)
    return units

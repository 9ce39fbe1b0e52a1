"""What a lesson works on: what is asked for, the rows of the head, and the examples as inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from classifier.bundle import Bundle
from classifier.features import Features
from classifier.head import NO_CATEGORY, DoubleArray, Gate, IntArray, LearntHead, Rows
from classifier.learning.base import Base, HeldOut
from classifier.learning.calibration import doubts_of
from classifier.learning.examples import Example, in_order, twins
from classifier.learning.fitting import Plan, row_of
from classifier.novelty import Novelty, novelty_of
from classifier.verdict import FloatArray
from config.errors import NightsortError


class LessonError(NightsortError):
    """There is nothing to learn from; the message says what is lacking."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be learnt beside the examples."""

    name: str  # of the version
    learnt: str  # when, ISO 8601
    only: bool = False  # the examples' labels alone: another shop's goods
    compared: bool = False  # with the version before also where only these labels are asked for
    removed: frozenset[str] = frozenset()  # categories that are none any longer
    merged: Mapping[str, str] = field(default_factory=dict)  # a category, and what it is part of


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A lesson's examples and what they are learnt over. Arrays are in the examples' order."""

    base: Base
    prior: Base | None  # None: the examples alone
    plan: Plan
    examples: tuple[Example, ...]
    features: Features
    inputs: FloatArray
    rows: IntArray  # the row of each example
    novelty: Novelty | None

    @property
    def truth(self) -> IntArray:
        """The category of each example."""
        return np.array(self.plan.owners, np.int64)[self.rows]

    def held_out(self) -> HeldOut:
        """The base's held-out photos, without those that are examples, too."""
        held = self.base.held_out
        if self.prior is None:
            return held.where(np.zeros(len(held.labels), bool))
        kept = np.ones(len(held.labels), bool)
        for at, _ in twins(
            self.roots(self.base.spec.inputs(held.features)), self.roots(self.inputs)
        ):
            kept[at] = False
        return held.where(kept)

    def truth_of(self, labels: Sequence[str]) -> IntArray:
        """The category of photos of these labels, or NO_CATEGORY."""
        return np.array(self.plan.owners, np.int64)[row_of(self.plan, labels)]

    def roots(self, inputs: FloatArray) -> FloatArray:
        """The part of inputs that tells twins."""
        return inputs[:, : self.base.spec.embedding]

    def head(self, rows: Rows) -> LearntHead:
        """A head of these rows, not yet calibrated."""
        return LearntHead(
            spec=self.base.spec,
            rows=rows,
            opinion=self._opinion(),
            gate=Gate(np.zeros(len(self.plan.categories), np.float32), 1.0, 0.0),
            novelty=self.novelty,
            categories=self.plan.categories,
            doubts=self._doubts(),
        )

    def _doubts(self) -> DoubleArray | None:
        """How little is known of each category; None where that is so of all alike."""
        if self.prior is None:
            return None
        base = dict(zip(self.prior.labels, self.prior.counts.tolist(), strict=True))
        photos = np.zeros(len(self.plan.categories), np.int64)
        told = np.bincount(self.rows, minlength=len(self.plan.labels))
        for label, owner, count in zip(self.plan.labels, self.plan.owners, told, strict=True):
            if owner != NO_CATEGORY:
                photos[owner] += count + base.get(label, 0)
        doubts = doubts_of(photos)
        return doubts if (doubts > 1).any() else None

    def _opinion(self) -> Rows | None:
        """The network's own word on its categories, as far as they are still categories."""
        if self.prior is None:
            return None
        owners = self.truth_of(self.prior.categories)
        kept = owners != NO_CATEGORY
        if kept.sum() < 2:
            return None
        return Rows(self.prior.own_weights[:, kept], self.prior.own_bias[kept], owners[kept])


def material_of(
    base: Base, bundle: Bundle, examples: Sequence[Example], request: Request
) -> Material:
    """Put it together. Raises LessonError when fewer than two categories are left, or bytes lack.

    An example whose label is removed stays what it is: something else, if the base knows its kind.
    """
    kept = tuple(one for one in in_order(examples) if one.label not in request.removed)
    for one in kept:
        if one.features.shape != (base.spec.size,):
            raise LessonError(
                f"example {one.id} has {one.features.size} features, {bundle.card.title} gives "
                f"{base.spec.size}: let it be looked at again by this model"
            )
    prior = None if request.only else base
    plan = plan_of(prior, [one.label for one in kept], request)
    features = np.array([one.features for one in kept], np.uint8).reshape(-1, base.spec.size)
    return Material(
        base=base,
        prior=prior,
        plan=plan,
        examples=kept,
        features=features,
        inputs=base.spec.inputs(features),
        rows=row_of(plan, [one.label for one in kept]),
        novelty=novelty_of(bundle),
    )


def plan_of(prior: Base | None, told: Sequence[str], request: Request) -> Plan:
    """Say which rows a head has, and whose they are. Raises LessonError.

    Every kind that the base knows keeps its row: what is no category tells what is something else.
    """
    known = () if prior is None else prior.categories
    filed = [one for one in (*known, *sorted(set(told))) if one not in request.removed]
    category_of = {one: request.merged.get(one, one) for one in filed}
    categories = tuple(dict.fromkeys(category_of.values()))
    if len(categories) < 2:
        raise LessonError(
            f"{len(categories)} categories would be left, and it takes two to tell apart: add "
            "examples of another label"
        )
    rows = tuple(dict.fromkeys([*(() if prior is None else prior.labels), *filed]))
    owners = tuple(
        categories.index(category_of[row]) if row in category_of else NO_CATEGORY for row in rows
    )
    return Plan(rows, owners, categories)

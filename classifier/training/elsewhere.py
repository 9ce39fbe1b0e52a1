"""Say what a bundle's figures would be on other products, and set band auto so that it holds there.

python -m classifier.training.elsewhere DATA [--bundle models/fashion] [--seed 1] [--version NAME]

The hold-out comes from the same series of products as what was learnt. Where the data has photos of
truly other products (`fashion-products/known-60x80`), held-out ones are weighed as those are: as
near to what was learnt, as often of each category. What the weighed ones say at 60x80 can then be
held against what the others show. Band auto begins where the validation side, so weighed, keeps the
promise by a bound. Needs no TensorFlow; DATA and seed must be those of the training.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.bundle import CARD, load_bundle
from classifier.features import Features
from classifier.model import Model
from classifier.proportions import wilson
from classifier.training import (
    augment,
    base,
    calibrate,
    card,
    dataset,
    looks,
    measures,
    weighing,
)
from classifier.training.dataset import Dataset
from classifier.training.ending import ended
from classifier.training.measures import Choice, Scored

STORED, SMALL = "as stored", "60x80 and back, JPEG 75"
NATIVE, PHONE = "native 60x80, other products", "phone photos"
Pixels = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Known photos of a side in one condition. weights: None where each counts once."""

    scored: Scored
    near: IntArray  # steps of nearness
    weights: FloatArray | None = None

    def beside(self, other: "Side") -> "Side":
        """These and others, not weighed yet."""
        near = np.concatenate([self.near, other.near])
        return Side(measures.joined(self.scored, other.scored), near)

    def weighed_as(self, others: "Side", like: "Side") -> "Side":
        """Weighed as others are. like: these photos in the others' condition."""
        found = weighing.weights([like.near, like.scored.truth], [others.near, others.scored.truth])
        return replace(self, weights=found)


class Looker:
    """Shows photos to the network, and says how near each is to what it learnt from."""

    def __init__(self, model: Model, data: Dataset) -> None:
        self._model, self._data = model, data
        learnt = data.where(side="train", source="catalogue", known=True)
        self._learnt = np.concatenate([self._roots(self._seen(learnt, s)) for s in (False, True)])

    def side(self, side: str, source: str = "catalogue", *, small: bool = False) -> Side:
        """Photos of the categories, as they are or sent through the old catalogue."""
        wanted = self._data.where(side=side, source=source, known=True)
        features = self._seen(wanted, small)
        names = [self._data.items[i].label for i in wanted]
        truth = np.array([self._data.categories.index(name) for name in names], np.int64)
        near = weighing.steps(weighing.nearness(self._roots(features), self._learnt))
        return Side(Scored(truth, self._model.own_head.logits(features)), near)

    def _seen(self, wanted: Sequence[int], small: bool) -> Features:
        if not len(wanted):
            return np.zeros((0, self._model.spec.size), np.uint8)
        spoil: Callable[[Pixels], Pixels] = augment.round_trip if small else np.asarray
        return base.features_of(self._model, (spoil(self._data.pixels[i]) for i in wanted))

    def _roots(self, features: Features) -> FloatArray:
        return base.roots_of(self._model.spec, features)


def say(folder: Path, data: Dataset, version: str | None) -> dict[str, Any]:
    """Write it into the card, and return that. Raises DataError, ModelError."""
    bundle = load_bundle(folder)
    look = Looker(Model(bundle), data)
    native = look.side("test", "small")
    if not len(native.scored):
        raise dataset.DataError(f"{data.root} has no photos of other products (known-60x80)")
    sides = {
        (side, small): look.side(side, small=small)
        for side in ("validation", "test")
        for small in (False, True)
    }
    document: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    count, phone = len(bundle.card.categories), look.side("validation", "phone")
    choice = with_bound(_choice(document), _weighed(sides, "validation", native), phone, count)
    document["bands"]["auto"] = choice.auto
    document["version"] = version or document["version"]
    found = document["metrics"]
    found["holdout"] = _holdout(sides, look.side("test", "phone"), native, count, choice)
    found["validation"] = measures.figures(sides["validation", False].scored, count, choice)
    found["elsewhere"] = _rows(sides, native, count, choice)
    found["nearness"] = by_nearness(sides, native, count, choice)
    document = looks.with_look(document, "elsewhere")
    card.write_card(folder, document)
    return document


def with_bound(choice: Choice, sides: Sequence[Side], phone: Side, categories: int) -> Choice:
    """The same with a band auto whose promise a bound keeps. sides: of validation, weighed."""
    parts = [*sides, *([phone] if len(phone.scored) else [])]
    known = measures.joined(*(part.scored for part in parts))
    weights = np.concatenate([_weights(part) for part in parts])
    judged = calibrate.judge(known.logits, categories, choice.temperature)
    passed = judged.unknown <= (1.0 if choice.unknown is None else choice.unknown)
    auto = calibrate.band_threshold(
        judged.confidence[passed],
        judged.right(known.truth)[passed],
        measures.AUTO_PROMISE,
        weights[passed],
        measures.SURE,
    )
    return replace(choice, auto=max(measures.LEAST_AUTO, choice.review, auto))


def _choice(document: dict[str, Any]) -> Choice:
    gate, bands = document["unknown"], document["bands"]
    return Choice(
        document["calibration"]["temperature"],
        None if gate is None else gate["threshold"],
        bands["auto"],
        bands["review"],
    )


def _weights(side: Side) -> FloatArray:
    return np.ones(len(side.scored), np.float32) if side.weights is None else side.weights


Sides = dict[tuple[str, bool], Side]


def _weighed(sides: Sides, side: str, native: Side) -> list[Side]:
    """As stored and small, each weighed by what it is like when small: as the native ones are."""
    like = sides[side, True]
    return [sides[side, small].weighed_as(native, like) for small in (False, True)]


def _holdout(
    sides: Sides, phone: Side, native: Side, categories: int, choice: Choice
) -> dict[str, Any]:
    parts = {
        STORED: sides["test", False],
        SMALL: sides["test", True],
        NATIVE: native,
        PHONE: phone,
    }
    return {
        name: measures.figures(part.scored, categories, choice)
        for name, part in parts.items()
        if len(part.scored)
    }


def _rows(sides: Sides, native: Side, categories: int, choice: Choice) -> dict[str, Any]:
    both = {
        ("both", small): sides["validation", small].beside(sides["test", small])
        for small in (False, True)
    }
    parts = dict(
        zip(
            (f"{STORED}, validation and hold-out", f"{SMALL}, validation and hold-out"),
            _weighed(both, "both", native),
            strict=True,
        )
    )
    names = (f"{STORED}, hold-out alone", f"{SMALL}, hold-out alone")
    parts |= dict(zip(names, _weighed(sides, "test", native), strict=True))
    parts[f"{NATIVE}: measured"] = native
    return {name: figures(part, categories, choice) for name, part in parts.items()}


def figures(side: Side, categories: int, choice: Choice) -> dict[str, Any]:
    """As the card has them: each photo counts with its weight, intervals by what that says."""
    weights = _weights(side)
    judged = calibrate.judge(side.scored.logits, categories, choice.temperature)
    right = judged.right(side.scored.truth)
    gated = judged.unknown > (1.0 if choice.unknown is None else choice.unknown)
    auto = ~gated & (judged.confidence >= choice.auto)
    accuracy, total = calibrate.weighed_share(right, weights), weighing.counts_as(weights)
    error = calibrate.expected_calibration_error(judged.confidence, right, weights)
    filed = ~gated & (judged.confidence >= choice.review)
    return {
        "n": len(right),
        "counts_as": round(total),
        "accuracy": round(accuracy, 4),
        "interval_95": [round(end, 4) for end in wilson(accuracy * total, total)],
        "ece": round(error, 4),
        "auto": {
            "share": round(calibrate.weighed_share(auto, weights), 4),
            "accuracy": round(calibrate.weighed_share(right, weights * auto), 4),
        },
        "review": round(calibrate.weighed_share(~filed, weights), 4),
    }


def by_nearness(
    sides: Sides, native: Side, categories: int, choice: Choice
) -> list[dict[str, Any]]:
    """Photos and share right of each step, of both held-out sides and of other products."""

    def right(side: Side) -> npt.NDArray[np.bool_]:
        return calibrate.judge(side.scored.logits, categories, choice.temperature).right(
            side.scored.truth
        )

    groups = {
        "held_out": sides["validation", True].beside(sides["test", True]),
        "other_products": native,
    }
    ends = [0.0, *weighing.EDGES, 1.0]
    return [
        {"from": low, "to": high}
        | {
            name: {"n": int(here.sum()), "accuracy": round(float(right(side)[here].mean()), 4)}
            for name, side in groups.items()
            if (here := side.near == step).any()
        }
        for step, (low, high) in enumerate(pairwise(ends))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 1 with one line if it cannot be said."""
    parser = argparse.ArgumentParser(prog="python -m classifier.training.elsewhere")
    parser.add_argument("data", type=Path, help="the folder of the photos that it was trained on")
    parser.add_argument("--bundle", type=Path, default=Path("models/fashion"))
    parser.add_argument("--seed", type=int, default=1, help="that of the training")
    parser.add_argument("--version", help="the bundle's new version, where band auto changes")
    chosen = parser.parse_args(arguments)

    def said() -> None:
        document = say(chosen.bundle, dataset.load(chosen.data, chosen.seed), chosen.version)
        print(f"band auto from {document['bands']['auto']}")
        for name, row in document["metrics"]["elsewhere"].items():
            print(f"{name}: {row['accuracy']:.3f} of {row['n']}, which count as {row['counts_as']}")

    return ended("elsewhere", said)


if __name__ == "__main__":
    sys.exit(main())

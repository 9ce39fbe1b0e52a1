"""Let a bundle say what its labels looked like, so that heads can be learnt over it.

python -m classifier.training.base DATA [--bundle models/fashion] [--seed 1]

Shows the bundle's network the photos that it was trained on and those that were held out, writes
their statistics into learning.npz, and lets the network show an earlier layer, too, where it has
the one that we know to be worth it. Verdicts stay what they are. Needs no TensorFlow; DATA and seed
must be those of the training, or photos change sides: what is listed in holdout.txt is checked.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier import arrays
from classifier.bundle import CARD, Bundle, load_bundle
from classifier.features import Features, FeatureSpec
from classifier.learning.base import CALIBRATE, COMPARE, Base, HeldOut, to_arrays
from classifier.model import Model
from classifier.pixels import decode
from classifier.training import augment, card, dataset, graph, holdout, nothing, weighing
from classifier.training.ending import ended

FILE = "learning.npz"
RANK = 192
NOTHINGS = 160
# Photos that calibrate: as stored, sent through the old catalogue, by phone. The bound that band
# auto rests on wants many.
CALIBRATE_PHOTOS = {"catalogue": 560, "small": 260, "phone": 220}
UNKNOWN_PHOTOS = 220  # of other things, to compare
_BATCH = 8
Pixels = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


def prepare(folder: Path, data: dataset.Dataset, seed: int) -> Base:
    """Write the file and the card's word on it. Raises ModelError when the bundle is not whole."""
    layer = show_layer(folder)
    bundle = load_bundle(folder)
    model = Model(bundle)
    shown, names = _trained_on(data, bundle.card.labels)
    features = features_of(model, shown)
    spec = model.spec
    if layer:
        found = block_weights(spec, features, names)
        _change(folder, lambda document: document["outputs"]["layer"].update(weights=found))
        spec = spec.model_copy(update={"weights": tuple(found)})
    labels = tuple(label for label in bundle.card.labels if label in set(names))
    means, counts, scatter = statistics(spec, features, names, labels)
    photos = len(names) - len(labels)
    own, categories = model.own_head, bundle.card.categories
    there = np.array([name in labels for name in categories] + [False] * own.others, bool)
    factor, diagonal = low_rank(scatter / np.float32(photos), RANK)
    base = Base(
        spec=spec,
        labels=labels,
        categories=tuple(name for name in categories if name in labels),
        means=means,
        counts=counts,
        factor=factor,
        diagonal=diagonal,
        photos=photos,
        held_out=_held_out(
            data, labels, model, seed, roots_of(spec, features[_known(names, data)])
        ),
        specimens=_specimens(bundle, model),
        own_weights=own.layer.weights[:, there] / np.float32(own.temperature),
        own_bias=own.layer.bias[there] / np.float32(own.temperature),
    )
    _write(folder, base)
    return base


def _write(folder: Path, base: Base) -> None:
    content = arrays.packed(to_arrays(base))
    (folder / FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    _change(folder, lambda document: document.update(learning={"file": FILE, "sha256": digest}))


def _specimens(bundle: Bundle, model: Model) -> Features:
    """The self-test's pictures as the network sees them."""
    size = bundle.card.input.width, bundle.card.input.height
    pictures = [decode(content, size=size).pixels for content in bundle.specimens]
    return features_of(model, pictures) if pictures else np.zeros((0, model.spec.size), np.uint8)


def show_layer(folder: Path) -> bool:
    """Let the bundle's network give the layer, too; False where it has none like it."""
    bundle = load_bundle(folder)
    if bundle.card.outputs.layer is not None:
        return True
    shown = graph.with_layer(bundle.model)
    if shown is None:
        return False
    content, channels = shown
    (folder / bundle.card.file).write_bytes(content)

    def change(document: dict[str, Any]) -> None:
        document["sha256"] = hashlib.sha256(content).hexdigest()
        document["outputs"]["layer"] = {"channels": channels, "weights": [1.0, 1.0]}

    _change(folder, change)
    return True


def _change(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / CARD).read_text(encoding="utf-8"))
    change(document)
    card.write_card(folder, document)


def _trained_on(data: dataset.Dataset, labels: Sequence[str]) -> tuple[Iterable[Pixels], list[str]]:
    """Photos of the training side, those of the catalogue also as the old one keeps them."""
    wanted = [i for i in data.where(side="train") if data.items[i].label in labels]
    small = [i for i in wanted if data.items[i].source != "phone"]
    names = [data.items[i].label for i in (*wanted, *small)]
    empty: Sequence[Pixels] = []
    if nothing.LABEL in labels:
        products = data.pixels[[i for i in wanted if data.items[i].known][:NOTHINGS]]
        empty = list(nothing.photos_of_nothing(products, NOTHINGS, np.random.default_rng(1)))
        names += [nothing.LABEL] * NOTHINGS
    shown = chain(
        (data.pixels[i] for i in wanted), (augment.round_trip(data.pixels[i]) for i in small), empty
    )
    return shown, names


def _held_out(
    data: dataset.Dataset, labels: Sequence[str], model: Model, seed: int, learnt: FloatArray
) -> HeldOut:
    """All of the test side to compare, some of the validation side to calibrate.

    learnt: roots of the categories' photos that were learnt from.
    """
    rng = np.random.default_rng(seed)
    groups = {
        "catalogue": data.where(side="validation", source="catalogue", known=True),
        "small": data.where(side="validation", source="catalogue", known=True),
        "phone": data.where(side="validation", source="phone", known=True),
    }
    chosen = {
        name: np.sort(rng.permutation(places)[: CALIBRATE_PHOTOS[name]])
        for name, places in groups.items()
    }
    other = [i for i in data.where(side="test", known=False) if data.items[i].label in labels]
    compared = data.where(side="test", known=True)
    compared += [int(i) for i in np.sort(rng.permutation(other)[:UNKNOWN_PHOTOS])]
    order = [int(i) for name in groups for i in chosen[name]]
    small = {len(chosen["catalogue"]) + at for at in range(len(chosen["small"]))}
    shown = chain(
        (
            augment.round_trip(data.pixels[i]) if at in small else data.pixels[i]
            for at, i in enumerate(order)
        ),
        (data.pixels[i] for i in compared),
    )
    held = HeldOut(
        features=features_of(model, shown),
        labels=tuple(data.items[i].label for i in (*order, *compared)),
        parts=np.repeat(np.array([CALIBRATE, COMPARE], np.uint8), [len(order), len(compared)]),
    )
    ends = np.cumsum([len(chosen["catalogue"]), len(chosen["small"])])
    return _weighed(held, data, model, ends, learnt)


def _weighed(
    held: HeldOut, data: dataset.Dataset, model: Model, ends: IntArray, learnt: FloatArray
) -> HeldOut:
    """The same weighed as other products are, where the data has any."""
    native = data.where(side="test", source="small", known=True)
    if not native:
        return held
    features = features_of(model, (data.pixels[i] for i in native))
    others = features, [data.items[i].label for i in native]
    return replace(held, weights=held_weights(model.spec, held, ends, others, learnt))


def held_weights(
    spec: FeatureSpec,
    held: HeldOut,
    ends: IntArray,
    others: tuple[Features, Sequence[str]],
    learnt: FloatArray,
) -> FloatArray:
    """Weigh the first photos, each condition by itself, as other products are; the rest count once.

    ends: where each condition ends. others: features and labels of other products.
    """
    names = sorted({*held.labels, *others[1]})

    def traits(features: Features, labels: Sequence[str]) -> list[IntArray]:
        near = weighing.steps(weighing.nearness(roots_of(spec, features), learnt))
        return [near, np.array([names.index(label) for label in labels], np.int64)]

    wanted, found = traits(*others), np.ones(len(held.labels), np.float32)
    for start, end in pairwise([0, *(int(end) for end in ends)]):
        if end > start:
            own = traits(held.features[start:end], held.labels[start:end])
            found[start:end] = weighing.weights(own, wanted)
    return found


def _known(names: Sequence[str], data: dataset.Dataset) -> npt.NDArray[np.bool_]:
    return np.array([name in data.categories for name in names], bool)


def roots_of(spec: FeatureSpec, features: Features) -> FloatArray:
    """Roots of embeddings, by which nearness is measured: (photos, embedding)."""
    return np.sqrt(np.maximum(spec.embeddings(features), 0))


def features_of(model: Model, pixels: Iterable[Pixels]) -> Features:
    """What the network says of many photos, a few at a time."""
    waiting, parts = iter(pixels), []
    while batch := list(islice(waiting, _BATCH)):
        parts.append(model.features(batch))
    return np.concatenate(parts)


def statistics(
    spec: FeatureSpec, features: Features, names: Sequence[str], labels: Sequence[str]
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Each label's mean and count, and the scatter within them, in a head's inputs."""
    inputs = spec.inputs(features)
    places = np.array([labels.index(name) for name in names])
    counts = np.bincount(places, minlength=len(labels))
    means = np.stack([inputs[places == at].mean(axis=0) for at in range(len(labels))])
    inputs -= means[places]
    return means, counts.astype(np.int64), inputs.T @ inputs


def low_rank(covariance: FloatArray, rank: int) -> tuple[FloatArray, FloatArray]:
    """The covariance as factor @ factor.T + diagonal: its largest axes, and what they leave."""
    values, axes = np.linalg.eigh(covariance.astype(np.float64))
    factor = axes[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 0))
    left = np.maximum(np.diag(covariance) - (factor**2).sum(axis=1), 0)
    return factor.astype(np.float32), left.astype(np.float32)


def block_weights(spec: FeatureSpec, features: Features, names: Sequence[str]) -> list[float]:
    """What makes the layer's means and deviations vary as much within a label as the embedding."""
    plain = spec.model_copy(update={"weights": (1.0, 1.0)})
    labels = sorted(set(names))
    _, _, scatter = statistics(plain, features, names, labels)
    ends = np.cumsum([spec.embedding, spec.channels, spec.channels])
    embedding, means, deviations = (
        float(part.mean()) for part in np.split(np.diag(scatter), ends[:-1])
    )
    return [round((embedding / own) ** 0.5, 3) for own in (means, deviations)]


def _check_sides(folder: Path, data: dataset.Dataset) -> None:
    """The photos held out here must be those of the training. Raises DataError."""
    sources = ("catalogue", "small", "phone", "unknown")
    listed = {
        path
        for photos in holdout.held_out(folder, data.root, sources).values()
        for path, _ in photos
    }
    tested = {data.items[i].path for i in data.where(side="test")}
    if astray := listed - tested:
        raise dataset.DataError(
            f"{len(astray)} photos of {folder / 'holdout.txt'} would be learnt from, such as "
            f"{min(astray)}: give the data and the seed that the bundle was trained with"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 1 with one line if it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m classifier.training.base", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of the photos that it was trained on")
    parser.add_argument("--bundle", type=Path, default=Path("models/fashion"))
    parser.add_argument("--seed", type=int, default=1, help="that of the training")
    chosen = parser.parse_args(arguments)

    def prepared() -> None:
        data = dataset.load(chosen.data, chosen.seed)
        _check_sides(chosen.bundle, data)
        base = prepare(chosen.bundle, data, chosen.seed)
        size = (chosen.bundle / FILE).stat().st_size / 1e6
        print(f"{chosen.bundle / FILE}: {len(base.labels)} labels, {base.photos} photos, "
              f"{len(base.held_out.labels)} held out, {size:.2f} MB")  # fmt: skip

    return ended("base", prepared)


if __name__ == "__main__":
    sys.exit(main())

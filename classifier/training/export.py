"""From a trained network to one int8 .tflite: raw RGB bytes in, embedding and logits out.

The batch dimension stays open. Needs TensorFlow.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Pixels = npt.NDArray[np.uint8]
SIDE_PX = 224


def to_tflite(model: keras.Model, examples: Pixels) -> bytes:
    """Convert to int8. examples: photos that show which values the layers take."""
    converter = tf.lite.TFLiteConverter.from_keras_model(_inference_graph(model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _as_inputs(examples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    with _quiet():
        converted: bytes = converter.convert()
    return converted


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converter's hundreds of lines, some of them from C++, off the terminal."""
    saved, null = (os.dup(1), os.dup(2)), os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        yield
    finally:
        sys.stdout.flush()
        for target, source in enumerate(saved, start=1):
            os.dup2(source, target)
            os.close(source)
        os.close(null)


def _inference_graph(model: keras.Model) -> keras.Model:
    """The same network without dropout, from -1..1: scaled by 1/127.5, raw bytes are just that."""
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    pixels = keras.Input((SIDE_PX, SIDE_PX, 3), batch_size=None, name="pixels")
    embedding = backbone(pixels, training=False)
    logits = model.get_layer("logits")(embedding)
    return keras.Model(pixels, {"embedding": embedding, "logits": logits})


def _as_inputs(examples: Pixels) -> Iterator[list[Any]]:
    shape = (1, SIDE_PX, SIDE_PX, 3)
    yield [np.linspace(-1, 1, SIDE_PX * SIDE_PX * 3, dtype=np.float32).reshape(shape)]
    for pixels in examples:
        yield [(pixels[None].astype(np.float32) / 127.5) - 1]


def run_tflite(content: bytes, pixels: Pixels) -> tuple[Any, Any]:
    """Embeddings and logits of photos through the converted model."""
    with _quiet(), warnings.catch_warnings(action="ignore"):
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=2)
        interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    outputs = sorted(interpreter.get_output_details(), key=lambda o: -int(o["shape"][-1]))
    found: list[list[Any]] = [[], []]
    for start in range(0, len(pixels), 32):
        batch = pixels[start : start + 32]
        interpreter.resize_tensor_input(entry["index"], batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], batch)
        interpreter.invoke()
        for values, output in zip(found, outputs, strict=True):
            scale, zero = output["quantization"]
            raw = interpreter.get_tensor(output["index"]).astype(np.float32)
            values.append((raw - zero) * np.float32(scale))
    return np.concatenate(found[0]), np.concatenate(found[1])

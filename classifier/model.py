"""The TFLite interpreter: pixels in, calibrated scores out. The only module that imports it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle
from classifier.novelty import novelty_of
from classifier.verdict import FloatArray
from config.errors import ModelError

UInt8Array = NDArray[np.uint8]


class Model:
    """One interpreter over a bundle's model. Not thread-safe: each worker has one of its own."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises ModelError when the model does not load or its shapes are not the card's."""
        self._card = bundle.card
        self._interpreter = _interpreter(bundle)
        self._check_shapes(bundle)
        self._novelty = novelty_of(bundle)
        self._batch = 1

    def logits(self, pixels: UInt8Array) -> FloatArray:
        """Scores of each label, what is new in a photo among them.

        pixels: (batch, height, width, 3) uint8 RGB. Returns (batch, labels).
        """
        if len(pixels) != self._batch:
            self._interpreter.resize_tensor_input(self._input["index"], pixels.shape)
            self._interpreter.allocate_tensors()
            self._batch = len(pixels)
        self._interpreter.set_tensor(self._input["index"], pixels)
        self._interpreter.invoke()
        logits = self._output(self._logits)
        if self._novelty is not None:
            logits[:, -1] += self._novelty.scores(self._output(self._embedding))
        return logits

    def _output(self, details: dict[str, Any]) -> FloatArray:
        raw = self._interpreter.get_tensor(details["index"])
        return dequantise(raw, *details["quantization"])

    def _check_shapes(self, bundle: Bundle) -> None:
        spec = self._card.input
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise _refuse(bundle, f"takes {len(inputs)} inputs, not one")
        self._input = inputs[0]
        outputs = self._interpreter.get_output_details()
        found = {int(output["shape"][-1]): output for output in outputs}
        wanted = {self._card.outputs.logits, self._card.outputs.embedding}
        shape = tuple(int(n) for n in self._input["shape"][1:])
        if shape != (spec.height, spec.width, 3) or self._input["dtype"] is not np.uint8:
            raise _refuse(
                bundle, f"takes {shape}, the card says {spec.height}x{spec.width} RGB uint8"
            )
        if set(found) != wanted or len(outputs) != 2:
            raise _refuse(
                bundle, f"gives outputs of {sorted(found)}, the card says {sorted(wanted)}"
            )
        self._logits = found[self._card.outputs.logits]
        self._embedding = found[self._card.outputs.embedding]


def dequantise(raw: NDArray[Any], scale: float, zero_point: int) -> FloatArray:
    """Turn quantised scores into real ones; float scores pass.

    raw: (batch, labels). Returns the same shape, float32.
    Raises ModelError if scale is 0, TFLite's mark of an unquantised tensor, on integers.
    Source: LiteRT quantization specification, real = scale * (q - zero_point).
    """
    if np.issubdtype(raw.dtype, np.floating):
        return raw.astype(np.float32)
    if scale == 0:
        raise ModelError("the model's scores are integers without a scale; export it again")
    return (raw.astype(np.float32) - zero_point) * np.float32(scale)


def _interpreter(bundle: Bundle) -> Any:
    with _quiet():
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=bundle.model, num_threads=1)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise _refuse(bundle, f"is no usable TFLite model ({exc})") from exc
    return interpreter


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep LiteRT's C++ chatter about its delegate off file descriptor 2 while it loads."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def _refuse(bundle: Bundle, what: str) -> ModelError:
    return ModelError(f"model {bundle.folder / bundle.card.file}: {what}; restore the bundle")

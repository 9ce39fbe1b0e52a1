"""The TFLite interpreter: pixels in, features out. The only module that imports it.

The network's last layer is read once, as the bundle's own head, and then done in NumPy, as the
heads of learnt versions are: so all verdicts come the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle
from classifier.features import Features, FeatureSpec, packed
from classifier.head import LastLayer, OwnHead
from classifier.novelty import novelty_of
from classifier.threads import hold_to_one_thread
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
        # Kept: had anew for each batch, it would cost more than what it is written with.
        self._pixels = np.zeros(self._input["shape"], np.uint8)
        self.spec = self._feature_spec()
        self.own_head = self._own_head(bundle)

    def features(self, photos: Sequence[UInt8Array], *, whole: bool = True) -> Features:
        """What the network says of photos, for heads.

        photos: each (height, width, 3) uint8 RGB. Returns (photos, spec.size) bytes; not
        `whole`: (photos, spec.embedding), which is all that the bundle's own head needs.
        """
        if len(photos) != len(self._pixels):
            shape = (len(photos), *self._pixels.shape[1:])
            self._interpreter.resize_tensor_input(self._input["index"], shape)
            self._interpreter.allocate_tensors()
            self._pixels = np.empty(shape, np.uint8)
        self._interpreter.set_tensor(self._input["index"], np.stack(photos, out=self._pixels))
        self._interpreter.invoke()
        hold_to_one_thread()
        embedding = self._interpreter.get_tensor(self._embedding["index"])
        if self._layer is None or not whole:
            return packed(embedding, None, 1.0)
        # Looked at where it lies: a copy of all of it would cost more than pooling it.
        layer = self._interpreter.tensor(self._layer["index"])()
        return packed(embedding, layer, self._layer["quantization"][0])

    def logits(self, pixels: UInt8Array) -> FloatArray:
        """Scores of each of the bundle's labels, what is new in a photo among them.

        pixels: (batch, height, width, 3) uint8 RGB. Returns (batch, labels).
        """
        return self.own_head.logits(self.features([*pixels], whole=False))

    def _feature_spec(self) -> FeatureSpec:
        scale, zero = self._embedding["quantization"]
        layer = self._card.outputs.layer
        return FeatureSpec(
            embedding=self._card.outputs.embedding,
            scale=float(scale),
            zero=int(zero) + 128,
            channels=0 if layer is None else layer.channels,
            weights=(1.0, 1.0) if layer is None else layer.weights,
        )

    def _own_head(self, bundle: Bundle) -> OwnHead:
        calibration = self._card.calibration
        return OwnHead(
            spec=self.spec,
            layer=self._last_layer(bundle),
            novelty=novelty_of(bundle),
            categories=self._card.categories,
            temperature=1.0 if calibration is None else calibration.temperature,
        )

    def _last_layer(self, bundle: Bundle) -> LastLayer:
        """The weights behind the logits."""
        labels, inputs = self._card.outputs.logits, self._card.outputs.embedding
        found = list(self._constants((labels, inputs)))
        if len(found) != 1:
            raise _refuse(bundle, "ends in no layer from embedding to logits")
        ((weights, scales),) = found
        # Other layers may have as many channels as there are labels: a bias's scale tells whose.
        wanted = scales * self._embedding["quantization"][0]
        biases = [
            bias
            for bias, own in self._constants((labels,))
            if own.shape == wanted.shape and np.allclose(own, wanted, rtol=1e-4, atol=0)
        ]
        scale, zero_point = self._logits["quantization"]
        return LastLayer(
            weights=np.ascontiguousarray(weights.T),
            # The converter drops a bias that is all zero.
            bias=biases[0] if biases else np.zeros(labels, np.float32),
            scale=float(scale),
            zero_point=int(zero_point),
        )

    def _constants(self, shape: tuple[int, ...]) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Quantised tensors of a shape in real numbers, each with its scales."""
        for details in self._interpreter.get_tensor_details():
            scales = details["quantization_parameters"]["scales"]
            if tuple(details["shape"]) == shape and len(scales) in (1, shape[0]):
                raw = self._interpreter.get_tensor(details["index"]).astype(np.float64)
                real = raw * scales.reshape(-1, *[1] * (len(shape) - 1))
                yield real.astype(np.float32), scales

    def _check_shapes(self, bundle: Bundle) -> None:
        spec = self._card.input
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise _refuse(bundle, f"takes {len(inputs)} inputs, not one")
        self._input = inputs[0]
        outputs = self._interpreter.get_output_details()
        layer = self._card.outputs.layer
        found = {(len(output["shape"]), int(output["shape"][-1])): output for output in outputs}
        wanted = {(2, self._card.outputs.logits), (2, self._card.outputs.embedding)}
        if layer is not None:
            wanted.add((4, layer.channels))
        shape = tuple(int(n) for n in self._input["shape"][1:])
        if shape != (spec.height, spec.width, 3) or self._input["dtype"] is not np.uint8:
            raise _refuse(
                bundle, f"takes {shape}, the card says {spec.height}x{spec.width} RGB uint8"
            )
        if set(found) != wanted or len(outputs) != len(wanted):
            there, said = (sorted(last for _, last in shapes) for shapes in (found, wanted))
            raise _refuse(bundle, f"gives outputs of {there}, the card says {said}")
        if any(
            output["dtype"] is not np.int8 or not output["quantization"][0] for output in outputs
        ):
            raise _refuse(bundle, "gives outputs that are not int8 with a scale")
        self._logits = found[2, self._card.outputs.logits]
        self._embedding = found[2, self._card.outputs.embedding]
        self._layer = None if layer is None else found[4, layer.channels]


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

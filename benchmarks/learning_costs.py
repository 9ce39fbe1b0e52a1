"""What features, heads and lessons cost, in processes of their own; see `benchmarks.learning`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from benchmarks.bench import Figures
from benchmarks.learning import examples, held_out, labelled, photographed
from classifier.classifier import MODEL_BATCH, Classifier
from classifier.learning.base import load_base
from classifier.learning.lesson import Request, learn
from classifier.novelty import novelty_of
from classifier.pixels import Picture, decode
from classifier.quality import flaw_of
from classifier.verdict import FloatArray, Verdict, judge, probabilities
from classifier.version import Version
from daemon.cli.samples import draw_item

_ROUNDS = 15


class InGraph:
    """Verdicts as they were given before heads stood apart: by the network's own last layer."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._novelty = novelty_of(classifier.bundle)
        self._interpreter = Interpreter(
            model_content=_without_layer(classifier.bundle.model), num_threads=1
        )
        self._batch = 0
        self._embedding, self._logits = sorted(
            self._interpreter.get_output_details(), key=lambda one: -int(one["shape"][-1])
        )

    def classify(self, pictures: list[Picture]) -> list[Verdict]:
        """Of one batch."""
        card = self._classifier.bundle.card
        pixels = np.stack([picture.pixels for picture in pictures])
        logits, embedding = self._outputs(pixels)
        if self._novelty is not None:
            logits[:, -1] += self._novelty.scores(embedding)
        temperature = card.calibration.temperature if card.calibration else 1.0
        shares = probabilities(logits, temperature)
        flaws = [flaw_of(picture) for picture in pictures]
        return judge(shares, card.categories, self._classifier.thresholds, flaws)

    def _outputs(self, pixels: Any) -> tuple[FloatArray, FloatArray]:
        place = self._interpreter.get_input_details()[0]["index"]
        if len(pixels) != self._batch:
            self._interpreter.resize_tensor_input(place, pixels.shape)
            self._interpreter.allocate_tensors()
            self._batch = len(pixels)
        self._interpreter.set_tensor(place, pixels)
        self._interpreter.invoke()
        return self._real(self._logits), self._real(self._embedding)

    def _real(self, details: Any) -> FloatArray:
        scale, zero = details["quantization"]
        raw = self._interpreter.get_tensor(details["index"]).astype(np.float32)
        real: FloatArray = (raw - zero) * np.float32(scale)
        return real


def _without_layer(content: bytes) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    graph.outputs = np.array(graph.outputs[:2], np.int32)
    for signature in model.signatureDefs or ():
        signature.outputs = signature.outputs[:2]
    packed = flatbuffers.Builder(4_000_000)
    packed.Finish(model.Pack(packed), b"TFL3")
    return bytes(packed.Output())


def same_verdicts(data: str, count: str) -> Figures:
    """The head in NumPy against the network's last layer, over the bundle's hold-out."""
    classifier = Classifier.load()
    before = InGraph(classifier)
    same, off, photos = 0, 0.0, 0
    known = [
        path for source, _, path in held_out(classifier.bundle, Path(data)) if source != "unknown"
    ]
    for path in known[: int(count)]:
        picture = decode(path.read_bytes())
        (old,), (new,) = before.classify([picture]), classifier.classify([picture])
        same += (old.category, old.band) == (new.category, new.band)
        off = max(off, abs(old.confidence - new.confidence))
        photos += 1
    return {"photos": photos, "same": same / photos, "confidence_off": off}


def photo_costs(count: str) -> Figures:
    """Processor milliseconds of a photo's verdict, before and now and with a learnt version."""
    classifier = Classifier.load()
    shown = draw_item("tshirt", Random(0), (224, 224))
    picture = Picture(shown.convert("RGB"), 224, 224, "JPEG")
    pictures = [picture] * MODEL_BATCH
    before = InGraph(classifier)
    taught = _taught(classifier)
    batches = max(1, int(count) // _ROUNDS // MODEL_BATCH)
    ways: dict[str, Callable[[], object]] = {
        "before": lambda: before.classify(pictures),
        "now": lambda: classifier.classify(pictures),
        "learnt": lambda: taught.classify(pictures),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            for _ in range(batches):
                way()
            spent = time.process_time() - began
            times[name].append(spent * 1e3 / (batches * MODEL_BATCH))
    milliseconds = {name: median(found) for name, found in times.items()}
    return {
        "ms": milliseconds,
        "now_of_before": _ratio(times["now"], times["before"]),
        "learnt_of_before": _ratio(times["learnt"], times["before"]),
    }


def _ratio(times: list[float], before: list[float]) -> float:
    """The median of the rounds' own ratios."""
    return median(now / then for now, then in zip(times, before, strict=True))


def _taught(classifier: Classifier) -> Classifier:
    base = load_base(classifier.bundle)
    lesson = learn(base, classifier.bundle, [], _REQUEST, classifier)
    return classifier.with_version(lesson.version)


_REQUEST = Request(name="bench", learnt="2026-01-01T00:00:00+00:00")


def lesson(data: str, count: str) -> Figures:
    """A lesson of so many examples: 30 corrections, or another shop's goods.

    Of corrections from the look at their photos to the version that judges, as one process does it;
    other goods are looked at when they are brought. processor_seconds: of all of that, and of the
    process before it, which no other load of the machine changes much.
    """
    began, wanted = time.perf_counter(), int(count)
    classifier = Classifier.load()
    if wanted <= 30:
        held = held_out(classifier.bundle, Path(data))
        small = [(path, label) for source, label, path in held if source == "small"]
        photos = small[:: max(1, len(small) // wanted)][:wanted]  # of all categories
        told = examples(photographed(classifier, photos))
    else:
        photos = labelled(Path(data) / "clothing" / "train")[:wanted]
        told = examples(photographed(classifier, photos))
        began = time.perf_counter()
    looked = time.process_time()
    base = load_base(classifier.bundle)
    found = learn(base, classifier.bundle, told, _REQUEST, classifier)
    if found.version is not None:
        _judge_with(found.version)
    return {
        "examples": len(told),
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - (looked if wanted > 30 else 0),
        "judgement": found.judgement,
    }


def _judge_with(version: Version) -> None:
    """Keep the version, and load what judges with it, as its adoption does."""
    with tempfile.TemporaryDirectory(prefix="nightsort-bench-") as folder:
        path = Path(folder) / "version.npz"
        version.save(path)
        Classifier.load(version=path)

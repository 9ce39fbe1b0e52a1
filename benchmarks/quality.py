"""What looking at the quality of photos costs: its share of a photo's processor time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from io import BytesIO
from random import Random

from benchmarks.bench import Bench, Figures
from classifier.classifier import Classifier
from classifier.pixels import decode
from classifier.quality import flaw_of
from daemon.cli.samples import draw_item

SIZES = {"12 megapixels": (3000, 4000), "400x533": (400, 533), "60x80": (60, 80)}
TARGET = 0.05


def quality(bench: Bench) -> Figures:
    """Processor time of one photo, decoded and classified, and what of it is its quality."""
    sizes = {name: bench.child("photo_quality", name, bench.photos(300)) for name in SIZES}
    return {"sizes": sizes, "target": TARGET}


def photo_quality(name: str, count: str) -> Figures:
    """In a process of its own: a drawn photo of that size, on one core.

    The drain does more for a photo than decoding and classifying it, so the share of it is smaller.
    """
    file = BytesIO()
    draw_item("tshirt", Random(0), SIZES[name]).save(file, "JPEG", quality=88)
    data, classifier = file.getvalue(), Classifier.load()
    picture = decode(data)
    decoding = _cpu_ms(lambda: decode(data), max(8, int(count) // 10))
    judging = _cpu_ms(lambda: classifier.classify([picture] * 4), max(8, int(count) // 10)) / 4
    alone = _cpu_ms(lambda: flaw_of(picture), int(count))
    whole = decoding + judging
    return {"photo_ms": whole, "quality_ms": alone, "share": alone / whole}


def _cpu_ms(do: Callable[[], object], times: int) -> float:
    """Processor milliseconds of one call, the median of several rounds."""
    rounds = []
    for _ in range(7):
        began = time.process_time()
        for _ in range(times):
            do()
        rounds.append((time.process_time() - began) * 1e3 / times)
    return statistics.median(rounds)

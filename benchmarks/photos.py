"""Photos to measure with, drawn when they are needed: no real photo is in the repository.

A few pictures of each kind are drawn, with the detail and noise that give a camera's file size, and
each is written many times with a comment of its own in the file: every file has other bytes, is
decoded in full, and none is another's duplicate. One in ten is for review, as about as many real
photos are: what becomes of a photo decides what it costs. Drawing is never part of a timing.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from classifier.classifier import Classifier
from classifier.pixels import decode
from classifier.verdict import Band
from daemon.cli.samples import draw_item

# Several things, so that a micro-batch is filed into several folders, as in a warehouse.
_KNOWN = ("tshirt", "shirt", "handbag", "sunglasses", "watch")
_DOUBTFUL = ("dress", "shoe")
_ONE_IN_REVIEW_OF = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """Photos of one size."""

    name: str
    width: int
    height: int
    quality: int
    noise: float  # standard deviation of the sensor's noise, of 255 levels
    pictures: int  # drawn, tens of them; the files repeat them with other bytes


TINY = Kind("60x80", 60, 80, quality=85, noise=4.0, pictures=60)
CATALOGUE = Kind("400x533", 400, 533, quality=86, noise=4.0, pictures=60)
CAMERA = Kind("12 MP", 4000, 3000, quality=90, noise=4.6, pictures=20)
LARGE = Kind("24 MP", 6000, 4000, quality=90, noise=4.1, pictures=10)


def put(kind: Kind, count: int, folder: Path) -> None:
    """Write `count` photos into `folder`, durably."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(islice(cycle(_pictures(kind)), count)):
        (folder / f"{number:06d}.jpg").write_bytes(with_comment(data, f"{kind.name} {number}"))
    os.sync()


def with_comment(jpeg: bytes, comment: str) -> bytes:
    """The same picture in other bytes: a comment segment behind the start of the file."""
    text = comment.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]


@cache
def _pictures(kind: Kind) -> list[bytes]:
    classifier = Classifier.load()
    sure = _judged(kind, _KNOWN, classifier, review=False)
    doubtful = _judged(kind, _DOUBTFUL, classifier, review=True)
    return [
        next(doubtful if number % _ONE_IN_REVIEW_OF == 0 else sure)
        for number in range(kind.pictures)
    ]


def _judged(
    kind: Kind, items: tuple[str, ...], classifier: Classifier, *, review: bool
) -> Iterator[bytes]:
    """Photos of these items that the model wants a person to see, or those that it files."""
    for seed, item in enumerate(cycle(items)):
        file = BytesIO()
        _photograph(item, seed, kind).save(file, "JPEG", quality=kind.quality)
        data = file.getvalue()
        picture = decode(data, size=classifier.input_size)
        if (classifier.classify([picture])[0].band is Band.REVIEW) is review:
            yield data


def _photograph(item: str, seed: int, kind: Kind) -> Image.Image:
    """One item as a camera sees it: with the texture of cloth and the sensor's noise."""
    scene = draw_item(item, random.Random(seed), (kind.width, kind.height))
    rng = np.random.default_rng(seed)
    down, across = np.ogrid[0 : kind.height, 0 : kind.width]
    # Threads are as wide whatever the camera: in a large photo they take more pixels.
    threads = np.float32(max(1.0, kind.width / CATALOGUE.width))
    weave = 5.0 * np.sin(across * (1.3 / threads)) * np.sin(down * (1.1 / threads))
    grain = rng.standard_normal((kind.height, kind.width), np.float32) * kind.noise
    pixels = np.asarray(scene, np.float32) + (weave + grain)[:, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

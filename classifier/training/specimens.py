"""The pictures of a bundle's self-test, drawn by hand, and what the model says of them.

`python -m classifier.training.specimens BUNDLE` gives an existing bundle a self-test, or a new one;
only of a bundle that is known to be good.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from classifier.bundle import CARD, load_bundle
from classifier.model import Model
from classifier.pixels import decode
from classifier.training import card
from classifier.training.ending import ended

Pixels = npt.NDArray[np.uint8]
SIDE_PX = 224
# Root mean square of a picture's logits. XNNPACK and LiteRT's plain and reference kernels differ by
# 0.07 at most. Red and blue exchanged make 0.36, one weight in 2,000 at random 0.68, a bit in one
# weight of 2,000 1.4, one in 500 set to zero 0.7 (measured on fashion 2026.11.1).
TOLERANCE = 0.25


def draw() -> dict[str, bytes]:
    """PNG files by name: a t-shirt, a handbag, a watch, sunglasses; the same every time."""
    drawings = (_tshirt, _handbag, _watch, _sunglasses)
    return {f"self-test-{n}.png": _png(drawing) for n, drawing in enumerate(drawings, start=1)}


def self_test(
    files: dict[str, bytes], logits_of: Callable[[Pixels], npt.NDArray[np.float32]]
) -> dict[str, Any]:
    """The card's word on the self-test. logits_of: what the model as delivered says of pixels."""
    answers = logits_of(np.stack([decode(data).pixels for data in files.values()]))
    return {
        "tolerance": TOLERANCE,
        "specimens": [
            {
                "file": name,
                "sha256": hashlib.sha256(data).hexdigest(),
                "logits": [round(float(value), 3) for value in answer],
            }
            for (name, data), answer in zip(files.items(), answers, strict=True)
        ],
    }


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Put the pictures into the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def add_to(folder: Path) -> None:
    """Write a self-test into a bundle. Raises ModelError when the bundle is not whole."""
    model = Model(load_bundle(folder))
    files = draw()
    write(folder, files)
    document = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card.write_card(folder, document | {"self_test": self_test(files, model.logits)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 1 with one line if the bundle cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m classifier.training.specimens", description=__doc__
    )
    parser.add_argument("bundle", type=Path)
    chosen = parser.parse_args(arguments)
    return ended("specimens", lambda: add_to(chosen.bundle))


def _png(drawing: Callable[[ImageDraw.ImageDraw], None]) -> bytes:
    """Drawn four times as large, so that edges are soft, on a ground with a shadow across."""
    canvas = Image.new("RGB", (SIDE_PX * 4, SIDE_PX * 4), (244, 243, 240))
    drawing(ImageDraw.Draw(canvas))
    small = np.asarray(canvas.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX), np.float32)
    lit = small * np.linspace(0.86, 1.02, SIDE_PX, dtype=np.float32)[:, None, None]
    file = BytesIO()
    Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).save(file, "PNG", optimize=True)
    return file.getvalue()


def _tshirt(pen: ImageDraw.ImageDraw) -> None:
    right = [(360, 130), (300, 150), (120, 300), (200, 400), (280, 340), (280, 800)]
    pen.polygon([*right, *((896 - x, y) for x, y in reversed(right))], fill=(38, 70, 140))
    pen.ellipse((360, 80, 536, 200), fill=(244, 243, 240))
    pen.rectangle((370, 380, 526, 520), fill=(214, 178, 60))
    pen.line((280, 600, 616, 600), fill=(230, 230, 230), width=22)


def _handbag(pen: ImageDraw.ImageDraw) -> None:
    pen.arc((280, 80, 616, 620), 180, 360, fill=(96, 48, 30), width=34)
    pen.polygon([(170, 350), (726, 350), (800, 780), (96, 780)], fill=(140, 72, 42))
    pen.polygon([(170, 350), (726, 350), (700, 500), (196, 500)], fill=(112, 56, 34))
    pen.ellipse((412, 460, 484, 532), fill=(222, 190, 96))


def _watch(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((360, 30, 536, 866), fill=(44, 40, 40))
    pen.ellipse((230, 230, 666, 666), fill=(170, 172, 178))
    pen.ellipse((270, 270, 626, 626), fill=(24, 28, 44))
    pen.line((448, 448, 448, 320), fill=(240, 240, 240), width=16)
    pen.line((448, 448, 550, 490), fill=(240, 240, 240), width=12)
    pen.rectangle((662, 424, 694, 472), fill=(150, 152, 158))


def _sunglasses(pen: ImageDraw.ImageDraw) -> None:
    for left in (80, 490):
        pen.rounded_rectangle((left, 360, left + 326, 590), 110, fill=(20, 20, 22))
        pen.rounded_rectangle((left + 26, 386, left + 300, 564), 90, fill=(84, 58, 44))
    pen.arc((380, 390, 516, 520), 190, 350, fill=(20, 20, 22), width=26)
    pen.line((80, 420, 20, 340), fill=(20, 20, 22), width=24)
    pen.line((816, 420, 876, 340), fill=(20, 20, 22), width=24)


if __name__ == "__main__":
    sys.exit(main())

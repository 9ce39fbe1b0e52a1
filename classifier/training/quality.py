"""What the limits of photo quality do to good photos and to spoilt ones: one table, one command.

    python -m classifier.training.quality DATA [--bundle models/fashion] [--seed 1] [--every 1]

Every held-out photo of the bundle (`holdout.txt`) as it is, under the conditions of a photo station
(`classifier.training.conditions`), and darkened, blurred or shrunk on purpose. What is right is
counted whatever the band, so that the table shows what the limits give away. Needs no TensorFlow.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from classifier.classifier import Classifier
from classifier.pixels import Picture, decode
from classifier.quality import quality_of
from classifier.training import conditions, looks
from classifier.training.augment import jpeg_file
from classifier.training.ending import ended
from classifier.training.holdout import held_out
from classifier.verdict import Reason

Files = dict[str, conditions.Spoil]
NATIVE_SOURCES = {"small": "native 60x80", "phone": "by phone"}
FLAWS = (Reason.TOO_SMALL, Reason.TOO_DARK, Reason.TOO_BLURRED)


def darkened(image: Image.Image, rng: np.random.Generator, share: float) -> bytes:
    """So much of the light, with a sensor's noise."""
    values = np.asarray(image, np.float32) * share
    noisy = np.clip(values + rng.normal(0, 2, values.shape), 0, 255).astype(np.uint8)
    return jpeg_file(Image.fromarray(noisy), 90)


def out_of_focus(image: Image.Image, _rng: np.random.Generator, sigma_px: float) -> bytes:
    """Blurred alike in all directions; sigma in pixels of 300."""
    natural = image.resize(conditions.NATURAL_SIZE, Image.Resampling.BICUBIC)
    return jpeg_file(natural.filter(ImageFilter.GaussianBlur(sigma_px)), 90)


def shaken(image: Image.Image, _rng: np.random.Generator, length_px: int) -> bytes:
    """Blurred along the horizontal; length in pixels of 300."""
    natural = image.resize(conditions.NATURAL_SIZE, Image.Resampling.BICUBIC)
    values = np.asarray(natural, np.float32)
    moved = [np.roll(values, step - length_px // 2, axis=1) for step in range(length_px)]
    return jpeg_file(Image.fromarray(np.mean(moved, axis=0).astype(np.uint8)), 90)


def thumbnail(image: Image.Image, _rng: np.random.Generator, width_px: int) -> bytes:
    """Scaled down to this width, 3:4."""
    small = image.resize((width_px, width_px * 4 // 3), Image.Resampling.BILINEAR)
    return jpeg_file(small, 75)


SPOILT: Files = {
    **{f"light x{s}": partial(darkened, share=s) for s in (0.3, 0.2, 0.15, 0.1, 0.07, 0.05)},
    **{f"out of focus, {s} px": partial(out_of_focus, sigma_px=s) for s in (2, 4, 6, 8, 12, 16)},
    **{f"shaken, {n} px": partial(shaken, length_px=n) for n in (10, 20, 30, 50)},
    **{f"{w} pixels wide": partial(thumbnail, width_px=w) for w in (48, 40, 32, 24, 16)},
}


def table(classifier: Classifier, bundle: Path, data: Path, seed: int, every: int) -> Iterator[str]:
    """The table, line by line. every: take every nth photo of the catalogue."""
    groups = held_out(bundle, data, ("catalogue", *NATIVE_SOURCES))
    yield "| photos | n | right | too small | too dark | too blurred | light | sharpness |"
    yield "|---|---|---|---|---|---|---|---|"
    catalogue = groups.get("catalogue", [])[::every]
    images = [(conditions.open_rgb(path), label) for path, label in catalogue]
    labels = [label for _, label in images]
    for kind, made in (("good", conditions.SPOILT), ("spoilt", SPOILT)):
        for name, spoil in made.items():
            pictures = [
                decode(spoil(image, np.random.default_rng([seed, index])))
                for index, (image, _) in enumerate(images)
            ]
            yield row(classifier, f"{kind}: {name}", pictures, labels)
        for source, name in NATIVE_SOURCES.items() if kind == "good" else ():
            photos = groups.get(source, [])
            pictures = [decode(path.read_bytes()) for path, _ in photos]
            if pictures:
                yield row(classifier, f"good: {name}", pictures, [label for _, label in photos])


def row(
    classifier: Classifier, name: str, pictures: Sequence[Picture], labels: Sequence[str]
) -> str:
    """One line: how many are right, how many would be sent back, how light and sharp they are."""
    verdicts = classifier.classify(pictures)
    right = np.mean([v.category == label for v, label in zip(verdicts, labels, strict=True)])
    counted = Counter(verdict.reason for verdict in verdicts)
    measured = [quality_of(picture) for picture in pictures]
    light = np.quantile([found.light for found in measured], [0, 0.5])
    sharp = [found.sharpness for found in measured if found.sharpness is not None] or [0.0]
    least, middle = np.quantile(sharp, [0, 0.5])
    flawed = " | ".join(f"{counted[flaw] / len(pictures):.3f}" for flaw in FLAWS)
    return (
        f"| {name} | {len(pictures)} | {right:.3f} | {flawed} | {light[0]:.0f}, {light[1]:.0f} "
        f"| {least:.2f}, {middle:.2f} |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit 1 with one line if it cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m classifier.training.quality")
    parser.add_argument("data", type=Path, help="the folder that holdout.txt is relative to")
    parser.add_argument("--bundle", type=Path, default=Path("models/fashion"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="take every nth catalogue photo")
    chosen = parser.parse_args(arguments)
    if chosen.every < 1:
        parser.error("--every must be at least 1")

    def measured() -> None:
        classifier = Classifier.load(chosen.bundle)
        lines = table(classifier, chosen.bundle, chosen.data, chosen.seed, chosen.every)
        for line in lines:
            print(line, flush=True)
        looks.noted(chosen.bundle, "quality")
        print(f"\nLeast and median of light and sharpness. Seed {chosen.seed}.")

    return ended("quality", measured)


if __name__ == "__main__":
    sys.exit(main())

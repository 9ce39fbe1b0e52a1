"""What accuracy is left when photos are taken badly: a table of conditions, one command.

    python -m classifier.training.conditions DATA [--bundle models/fashion] [--seed 1] [--json FILE]

Every held-out photo of the bundle (`holdout.txt`) is spoilt in each way, saved as a file would be,
and sent through the classifier as the daemon does. Needs no TensorFlow.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from classifier.classifier import Classifier
from classifier.pixels import Picture, decode
from classifier.proportions import wilson
from classifier.training import augment, looks
from classifier.training.augment import jpeg_file
from classifier.training.ending import ended
from classifier.training.holdout import held_out
from classifier.verdict import Band, Reason

Pixels = npt.NDArray[np.uint8]
Spoil = Callable[[Image.Image, np.random.Generator], bytes]
NATURAL_SIZE = (300, 400)  # the catalogue's photos were 3:4 before they were stretched
ORIENTATION_TAG, TURNED_RIGHT = 0x0112, 6

# What else than the catalogue is held out, and how the table calls it.
OTHER_SOURCES = {
    "small": "native 60x80, other products",
    "phone": "phone photos",
    "unknown": "kinds outside the categories",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One condition: how many photos, how many right, and where they were filed."""

    condition: str
    n: int
    accuracy: float
    low: float
    high: float
    auto_share: float
    auto_accuracy: float
    review_share: float
    unknown_share: float


def as_stored(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """Nothing is done to it."""
    return jpeg_file(image, 95)


def jpeg_60(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """JPEG quality 60."""
    return jpeg_file(image, 60)


def square(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """The product in its true proportions on a square photo."""
    return jpeg_file(_on_canvas(image, (400, 400)), 90)


def landscape(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """The product in its true proportions on a 4:3 landscape photo."""
    return jpeg_file(_on_canvas(image, (533, 400)), 90)


def exif_rotated(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """Stored lying on its side, with the orientation in EXIF, as phones do."""
    lying = image.resize(NATURAL_SIZE, Image.Resampling.BICUBIC).transpose(
        Image.Transpose.ROTATE_90
    )
    tags = Image.Exif()
    tags[ORIENTATION_TAG] = TURNED_RIGHT
    return jpeg_file(lying, 95, exif=tags)


def tilted(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Turned by 4 to 12 degrees either way."""
    angle = float(np.radians(rng.uniform(4, 12))) * float(rng.choice([-1, 1]))
    return jpeg_file(augment.place(image, 224, (0.95, 0.95), angle, (0.0, 0.0)), 90)


def dim(image: Image.Image, rng: np.random.Generator) -> bytes:
    """A third to a half of the light, with a sensor's noise."""
    values = np.asarray(image, np.float32) * rng.uniform(0.33, 0.5)
    return jpeg_file(_clip(values + rng.normal(0, 4, values.shape)), 90)


def warm(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Under a warm lamp."""
    tint = np.array([1.0, rng.uniform(0.8, 0.9), rng.uniform(0.5, 0.7)])
    return jpeg_file(_clip(np.asarray(image, np.float32) * tint), 90)


def on_a_table(image: Image.Image, rng: np.random.Generator) -> bytes:
    """Small and off centre on a plain table of some colour."""
    scale, room = rng.uniform(0.55, 0.75), 0.12
    shift = (float(rng.uniform(-room, room)), float(rng.uniform(-room, room)))
    placed = augment.place(image, 224, (scale, scale), 0.0, shift)
    colour = rng.uniform(0.55, 1.0) * rng.uniform(0.8, 1.0, 3)
    return jpeg_file(_clip(np.asarray(placed, np.float32) * colour), 90)


def station(image: Image.Image, rng: np.random.Generator) -> bytes:
    """All at once, mildly: tilted, off centre on a table, dim, warm, JPEG 70."""
    angle = float(np.radians(rng.uniform(-6, 6)))
    shift = (float(rng.uniform(-0.08, 0.08)), float(rng.uniform(-0.08, 0.08)))
    placed = augment.place(image, 224, (0.75, 0.75), angle, shift)
    light = rng.uniform(0.6, 0.8) * np.array([1.0, 0.93, 0.8])
    return jpeg_file(_clip(np.asarray(placed, np.float32) * light), 70)


def old_catalogue(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """Scaled down to 60x80, saved as JPEG 75: what the old catalogue holds."""
    return jpeg_file(image.resize(augment.SMALL_SIZE, Image.Resampling.BILINEAR), 75)


SPOILT: dict[str, Spoil] = {
    "as stored": as_stored,
    "JPEG quality 60": jpeg_60,
    "square photo": square,
    "landscape photo, 4:3": landscape,
    "EXIF-rotated": exif_rotated,
    "tilted 4-12 degrees": tilted,
    "dim light": dim,
    "warm light": warm,
    "off centre on a plain table": on_a_table,
    "tilted, on a table, dim, warm": station,
    "60x80, JPEG 75": old_catalogue,
}


def measure(
    classifier: Classifier, name: str, pictures: Sequence[Picture], labels: Sequence[str]
) -> Row:
    """Classify photos and count."""
    verdicts = classifier.classify(pictures)
    right = np.array([v.category == label for v, label in zip(verdicts, labels, strict=True)])
    auto = np.array([v.band is Band.AUTO for v in verdicts])
    review = np.array([v.band is Band.REVIEW for v in verdicts])
    unknown = np.array([v.reason is Reason.UNKNOWN for v in verdicts])
    low, high = wilson(int(right.sum()), len(right))
    return Row(
        condition=name,
        n=len(right),
        accuracy=round(float(right.mean()), 4),
        low=round(low, 4),
        high=round(high, 4),
        auto_share=round(float(auto.mean()), 4),
        auto_accuracy=round(float(right[auto].mean()), 4) if auto.any() else 0.0,
        review_share=round(float(review.mean()), 4),
        unknown_share=round(float(unknown.mean()), 4),
    )


def table(classifier: Classifier, bundle: Path, data: Path, seed: int) -> list[Row]:
    """Measure every condition, then what else is held out: native 60x80, phones, unknown kinds."""
    groups = held_out(bundle, data, ("catalogue", *OTHER_SOURCES))
    rows = []
    catalogue = [(open_rgb(path), label) for path, label in groups.get("catalogue", [])]
    for name, spoil in SPOILT.items():
        files = [
            spoil(image, np.random.default_rng([seed, index]))
            for index, (image, _) in enumerate(catalogue)
        ]
        pictures = [decode(content) for content in files]
        rows.append(measure(classifier, name, pictures, [label for _, label in catalogue]))
    for source, name in OTHER_SOURCES.items():
        if photos := groups.get(source):
            pictures = [decode(path.read_bytes()) for path, _ in photos]
            rows.append(measure(classifier, name, pictures, [label for _, label in photos]))
    return rows


def as_markdown(rows: Sequence[Row], seed: int) -> str:
    """The table for people."""
    head = [
        "| condition | n | accuracy | 95 % interval | auto: share, right | review | as unknown |",
        "|---|---|---|---|---|---|---|",
    ]
    lines = [
        f"| {row.condition} | {row.n} | {row.accuracy:.3f} | {row.low:.3f}-{row.high:.3f} "
        f"| {row.auto_share:.3f}, {row.auto_accuracy:.3f} | {row.review_share:.3f} "
        f"| {row.unknown_share:.3f} |"
        for row in rows
    ]
    return "\n".join([*head, *lines, "", f"Seed {seed}."])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit 1 with one line if it cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m classifier.training.conditions")
    parser.add_argument("data", type=Path, help="the folder that holdout.txt is relative to")
    parser.add_argument("--bundle", type=Path, default=Path("models/fashion"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the rows here, too")
    chosen = parser.parse_args(arguments)

    def measured() -> None:
        rows = table(Classifier.load(chosen.bundle), chosen.bundle, chosen.data, chosen.seed)
        looks.noted(chosen.bundle, "conditions")
        print(as_markdown(rows, chosen.seed))
        if chosen.json:
            document = {"seed": chosen.seed, "rows": [asdict(row) for row in rows]}
            chosen.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    return ended("conditions", measured)


def open_rgb(path: Path) -> Image.Image:
    """A stored photo."""
    with Image.open(path) as image:
        return image.convert("RGB")


def _on_canvas(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    natural = image.resize(NATURAL_SIZE, Image.Resampling.BICUBIC)
    canvas = Image.new("RGB", size, augment.border_colour(np.asarray(image)))
    canvas.paste(natural, ((size[0] - NATURAL_SIZE[0]) // 2, (size[1] - NATURAL_SIZE[1]) // 2))
    return canvas


def _clip(values: npt.NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    sys.exit(main())

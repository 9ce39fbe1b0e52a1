"""Model bundles for tests: a small made-up one, a copy of the real one, and ways to damage them.

bundle = made_up_bundle(tmp_path / "bundle")      agrees with its card, but holds no real model
bundle = copy_of_real_bundle(tmp_path / "copy")   the one in models/fashion, to be damaged
change_card(bundle, {"sha256": "0" * 64})         the card says something else
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REAL_BUNDLE = Path(__file__).parents[2] / "models" / "fashion"
PARTS = ("card.json", "labels.txt", "model.tflite", "novelty.npy", "learning.npz")
PICTURES = tuple(f"self-test-{n}.png" for n in range(1, 5))

_MODEL = b"TFL3 as far as the bundle knows"
_LABELS = ("Shirts", "Tops", "Tshirts", "Trunk")


def made_up_bundle(folder: Path) -> Path:
    """A bundle whose parts agree; three categories and one label for what is none of them."""
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(_MODEL)
    (folder / "labels.txt").write_text("\n".join(_LABELS) + "\n", encoding="utf-8")
    card = {
        "format": 1,
        "name": "made-up",
        "version": "1",
        "file": "model.tflite",
        "sha256": hashlib.sha256(_MODEL).hexdigest(),
        "input": {
            "width": 8, "height": 8, "dtype": "uint8", "colour": "RGB", "resize": "stretch",
        },
        "outputs": {"logits": 4, "embedding": 16},
        "labels": _LABELS,
        "categories": _LABELS[:3],
        "calibration": {"method": "temperature", "temperature": 1.5},
        "unknown": {"method": "other_labels", "threshold": 0.25},
        "bands": {"auto": 0.9, "review": 0.6},
    }  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


def copy_of_real_bundle(folder: Path) -> Path:
    """The bundle that comes with nightsort, in a folder of the test's own."""
    folder.mkdir(parents=True)
    for part in (*PARTS, *PICTURES):
        shutil.copyfile(REAL_BUNDLE / part, folder / part)
    return folder


def change_card(bundle: Path, changes: Mapping[str, Any]) -> None:
    """Change top-level fields of the card; None removes one."""
    file = bundle / "card.json"
    card = json.loads(file.read_text(encoding="utf-8")) | changes
    card = {key: value for key, value in card.items() if value is not None}
    file.write_text(json.dumps(card), encoding="utf-8")


def replace_model(bundle: Path, model: bytes) -> None:
    """Put another model there, and its hash into the card."""
    (bundle / "model.tflite").write_bytes(model)
    change_card(bundle, {"sha256": hashlib.sha256(model).hexdigest()})


def flip_a_byte(file: Path) -> None:
    """What a failing disk does."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)

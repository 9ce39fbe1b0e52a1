"""The way people do it today: a photo after the other, decoded in full, through Keras' `predict`.

Runs in the environment of `make train`, the only one with TensorFlow, and imports nothing of
nightsort: `python benchmarks/keras_today.py FOLDER COUNT`. The weights are left as they are made,
for they make no difference to the time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def measure(folder: Path, limit: int) -> dict[str, Any]:
    """Seconds for the first `limit` photos of a folder."""
    import keras
    import numpy as np
    from PIL import Image

    model = keras.applications.MobileNetV2(weights=None)

    def judge(photo: Path) -> None:
        with Image.open(photo) as image:
            pixels = np.asarray(image.convert("RGB").resize((224, 224)), np.float32)
        prepared = keras.applications.mobilenet_v2.preprocess_input(pixels[None])
        model.predict(prepared, verbose=0)

    photos = sorted(folder.glob("*.jpg"))[:limit]
    judge(photos[0])  # the first call compiles
    began = time.perf_counter()
    for photo in photos:
        judge(photo)
    return {"seconds": time.perf_counter() - began, "photos": len(photos)}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))

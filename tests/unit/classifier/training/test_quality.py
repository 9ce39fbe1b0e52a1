"""Photos spoilt on purpose are files like others, and each is spoilt as its name says."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from classifier.pixels import decode
from classifier.quality import quality_of
from classifier.training.quality import SPOILT


def product() -> Image.Image:
    """A dark shape on white, with a light stripe."""
    pixels = np.full((224, 224, 3), 250, np.uint8)
    pixels[40:190, 60:170] = (30, 60, 110)
    pixels[90:110, 60:170] = (200, 190, 60)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("name", SPOILT)
def test_every_spoilt_photo_is_a_file_that_the_daemon_can_read(name: str) -> None:
    content = SPOILT[name](product(), np.random.default_rng(1))
    assert decode(content).pixels.shape == (224, 224, 3)


@pytest.mark.parametrize(
    ("kind", "measure"),
    [("light", "light"), ("out of focus", "sharpness"), ("shaken", "sharpness")],
)
def test_what_is_spoilt_more_measures_worse(kind: str, measure: str) -> None:
    values = [
        getattr(quality_of(decode(spoil(product(), np.random.default_rng(1)))), measure)
        for name, spoil in SPOILT.items()
        if name.startswith(kind) and not name.endswith((" x0.05", " x0.07", " 16 px"))
    ]
    assert len(values) >= 4
    assert values == sorted(values, reverse=True)

import numpy as np
import pytest
from PIL import Image

from classifier.pixels import decode
from classifier.training import conditions
from classifier.training.conditions import SPOILT


def product() -> Image.Image:
    """A dark shape, taller on the left, on white."""
    pixels = np.full((224, 224, 3), 250, np.uint8)
    pixels[60:190, 70:110] = (30, 60, 110)
    pixels[150:190, 110:160] = (30, 60, 110)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("name", SPOILT)
def test_every_condition_gives_a_file_that_the_daemon_can_read(name: str) -> None:
    content = SPOILT[name](product(), np.random.default_rng(1))
    assert decode(content).pixels.shape == (224, 224, 3)


@pytest.mark.parametrize("name", SPOILT)
def test_the_same_seed_spoils_a_photo_the_same_way(name: str) -> None:
    first, second = (SPOILT[name](product(), np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_a_photo_lying_on_its_side_comes_out_upright() -> None:
    content = conditions.exif_rotated(product(), np.random.default_rng(1))
    found = decode(content).pixels.astype(int)
    assert np.abs(found - np.asarray(product(), int)).mean() < 3


def test_the_table_has_a_line_for_every_condition() -> None:
    row = conditions.Row("dim light", 10, 0.9, 0.6, 0.98, 0.8, 1.0, 0.1, 0.05)
    text = conditions.as_markdown([row, row], seed=3)
    assert text.count("dim light") == 2
    assert text.endswith("Seed 3.")

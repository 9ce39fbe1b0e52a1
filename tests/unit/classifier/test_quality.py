"""What is wrong with a photo as a photo; drawn ones, spoilt as a photo station would."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from classifier import quality
from classifier.pixels import Picture, decode
from classifier.quality import flaw_of, quality_of
from classifier.verdict import Reason
from tests.support.photos import draw_photo, encode

SEEDS = range(6)


def seen(image: Image.Image, format: str = "PNG", **options: int) -> Picture:  # noqa: A002
    return decode(encode(image, format, **options))


def dimmed(image: Image.Image, share: float) -> Image.Image:
    return Image.eval(image, lambda level: round(level * share))


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_photo_has_no_flaw(seed: int) -> None:
    assert flaw_of(seen(draw_photo(seed), "JPEG", quality=85)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_photo_of_60_by_80_as_the_old_catalogue_has_them_has_no_flaw(seed: int) -> None:
    small = draw_photo(seed).resize((60, 80), Image.Resampling.BILINEAR)
    assert flaw_of(seen(small, "JPEG", quality=75)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_photo_in_a_third_of_the_light_has_no_flaw(seed: int) -> None:
    assert flaw_of(seen(dimmed(draw_photo(seed), 1 / 3))) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_photo_in_a_twentieth_of_the_light_is_too_dark(seed: int) -> None:
    assert flaw_of(seen(dimmed(draw_photo(seed), 0.05))) is Reason.TOO_DARK


@pytest.mark.parametrize("seed", SEEDS)
def test_photo_far_out_of_focus_is_too_blurred(seed: int) -> None:
    blurred = draw_photo(seed).filter(ImageFilter.GaussianBlur(18))
    assert flaw_of(seen(blurred)) is Reason.TOO_BLURRED


@pytest.mark.parametrize("axis", [0, 1])
def test_photo_shaken_in_one_direction_is_too_blurred(axis: int) -> None:
    values = np.asarray(draw_photo(1), np.float32)
    shaken = np.mean([np.roll(values, step, axis) for step in range(80)], axis=0)
    assert flaw_of(seen(Image.fromarray(shaken.astype(np.uint8)))) is Reason.TOO_BLURRED


def test_thumbnail_is_too_small_by_its_own_size_not_by_the_models() -> None:
    small = draw_photo(2).resize((24, 200), Image.Resampling.BILINEAR)
    assert flaw_of(seen(small)) is Reason.TOO_SMALL
    assert quality_of(seen(small)).shorter_side_px == 24


def test_photo_that_lies_flat_is_too_small_by_its_height() -> None:
    assert flaw_of(seen(draw_photo(2).resize((200, 24)))) is Reason.TOO_SMALL


@pytest.mark.parametrize(("steps", "flaw"), [(3, None), (4, None), (5, Reason.TOO_BLURRED)])
def test_edge_that_rises_in_more_than_four_steps_is_blurred(
    steps: int, flaw: Reason | None
) -> None:
    assert flaw_of(soft_square(steps, contrast=180)) is flaw


def test_where_there_is_hardly_any_contrast_nothing_is_called_blurred() -> None:
    assert quality_of(soft_square(20, contrast=20)).sharpness is None
    assert flaw_of(soft_square(20, contrast=20)) is None


def soft_square(steps: int, contrast: int) -> Picture:
    """A dark square whose edges rise in so many steps, each as wide as what is measured."""
    across = np.abs(np.arange(56) - 28)
    distance = np.maximum(across[:, None], across[None, :]) - 12
    shade = 40 + np.clip(distance / steps, 0, 1) * contrast
    pixels = np.repeat(np.repeat(shade.astype(np.uint8), 4, axis=0), 4, axis=1)
    return Picture(Image.fromarray(np.stack([pixels] * 3, axis=2)), 300, 300, "PNG")


def test_photo_at_the_limit_is_not_too_small() -> None:
    side = quality.LEAST_SIDE_PX
    small = draw_photo(2).resize((side, side * 4 // 3), Image.Resampling.BILINEAR)
    assert flaw_of(seen(small)) is not Reason.TOO_SMALL


def test_plain_ground_is_not_called_blurred() -> None:
    empty = Image.new("RGB", (300, 400), (180, 178, 170))
    assert quality_of(seen(empty)).sharpness is None
    assert flaw_of(seen(empty)) is None


def test_smallness_is_told_before_darkness_and_darkness_before_blur() -> None:
    dark = dimmed(draw_photo(3).filter(ImageFilter.GaussianBlur(18)), 0.14)
    tiny = dark.resize((20, 27), Image.Resampling.BILINEAR)
    assert flaw_of(seen(tiny)) is Reason.TOO_SMALL
    assert flaw_of(seen(dark)) is Reason.TOO_DARK


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_sharpness_does_not_depend_on_the_light(seed: int) -> None:
    photo = draw_photo(seed)
    bright, dim = quality_of(seen(photo)).sharpness, quality_of(seen(dimmed(photo, 0.5))).sharpness
    assert bright is not None
    assert dim == pytest.approx(bright, rel=0.1)


def test_photo_turned_on_its_side_is_as_good_as_upright() -> None:
    upright = seen(draw_photo(4))
    turned = Picture(upright.image.transpose(Image.Transpose.TRANSPOSE), 533, 400, "PNG")
    assert quality_of(turned).light == quality_of(upright).light
    assert quality_of(turned).sharpness == pytest.approx(quality_of(upright).sharpness)

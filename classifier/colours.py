"""Any picture that a decoder gives, in any colours, to 8-bit sRGB at the asked size.

`shrink` makes a loaded picture small first, in bands, so that no second full-size copy ever exists;
`to_srgb` then turns the small one into RGB, with its colour profile where that matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# Modes that can be averaged as they are; everything else is flattened to one of them first.
PLAIN_MODES = frozenset({"L", "RGB", "CMYK", "LAB"})
NUMBER_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
BAND_PIXELS = 1_000_000
# As when the model was trained: average whole pixels until this close to the target, then bilinear.
REDUCING_GAP = 2.0
MAX_PROFILE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Levels:
    """Which numbers of a picture with more than 8 bits are black and white."""

    black: float
    white: float
    are_unsigned: bool = False  # 32 bits without a sign, which Pillow gives as numbers with one


def shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Stretch a loaded picture to `size` (width, height) and lay transparency on white.

    Returns one of PLAIN_MODES. Memory beside the picture itself: a band of about a megapixel.
    """
    levels = _levels(image)
    across, down = reductions(image.size, size)
    if _is_plain(image):
        is_narrow = image.width * size[1] < image.height * size[0]
        if is_narrow and across == down == 1 and image.height > size[1]:
            # Pillow goes across first, through rows of which a narrow picture has too many.
            image = image.resize((image.width, size[1]), Image.Resampling.BILINEAR)
        return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP)
    rows = max(1, BAND_PIXELS // (image.width * down)) * down
    bands = [
        _flat(image.crop((0, top, image.width, min(top + rows, image.height))), levels).reduce(
            (across, down)
        )
        for top in range(0, image.height, rows)
    ]
    small = Image.new(bands[0].mode, (bands[0].width, sum(band.height for band in bands)))
    top = 0
    for band in bands:
        small.paste(band, (0, top))
        top += band.height
    box = (0, 0, image.width / across, image.height / down)
    return small.resize(size, Image.Resampling.BILINEAR, box=box)


def reductions(whole: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """How many pixels, across and down, are averaged first where a picture is made that small."""
    across, down = (max(1, int(whole[i] / size[i] / REDUCING_GAP)) for i in (0, 1))
    return across, down


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Turn one of PLAIN_MODES into RGB as screens show it, by its ICC profile if it has one."""
    if profile is not None and image.mode in ("RGB", "CMYK"):
        transform = _transform(profile, image.mode)
        if transform is not None:
            return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_plain(image: Image.Image) -> bool:
    return image.mode in PLAIN_MODES and "transparency" not in image.info


def _flat(image: Image.Image, levels: Levels) -> Image.Image:
    """One band as L or RGB, what is transparent in it as white."""
    if image.mode in NUMBER_MODES:
        return _grey(image, levels)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(clear, mask=clear.getchannel("A"))
        return white
    return image.convert("L" if image.mode == "1" else "RGB")


def _grey(image: Image.Image, levels: Levels) -> Image.Image:
    whole = np.asarray(image)
    whole = whole.view(np.uint32) if levels.are_unsigned else whole
    numbers = np.nan_to_num(whole.astype(np.float32), posinf=0.0, neginf=0.0)
    span = (levels.white - levels.black) or 1.0
    grey = np.clip((numbers - levels.black) * (255.0 / span), 0.0, 255.0)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[numbers == transparent] = 255.0
    return Image.fromarray(np.rint(grey).astype(np.uint8))


def _levels(image: Image.Image) -> Levels:
    """Full range for 16 bits; for wider numbers the narrowest usual range that holds them all."""
    if image.mode not in NUMBER_MODES:
        return Levels(0.0, 255.0)
    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16"):
        levels = Levels(0.0, 4095.0 if tags.get(258) == (12,) else 65535.0)
    else:
        levels = _range_that_holds(image, tags.get(258, ()), tags.get(339, (1,)))
    # TIFF's photometric 0: the lowest number is white.
    if tags.get(262) == 0:
        return replace(levels, black=levels.white, white=levels.black)
    return levels


def _range_that_holds(image: Image.Image, bits: tuple[int, ...], sign: tuple[int, ...]) -> Levels:
    """By TIFF's tags: `bits` of a number, and its `sign`, 1 for numbers without one."""
    are_unsigned = image.mode == "I" and bits == (32,) and sign == (1,)
    if are_unsigned:
        numbers = np.asarray(image).view(np.uint32)
        low, high = float(numbers.min()), float(numbers.max())
    else:
        low, high = np.asarray(image.getextrema(), np.float64)
    if not (math.isfinite(low) and math.isfinite(high)):
        return Levels(0.0, 1.0)
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    for white in (32767.0,) if bits == (16,) else usual:
        if low >= 0.0 and high <= white:
            return Levels(0.0, white, are_unsigned)
    if are_unsigned and high > 2.0**31:
        return Levels(0.0, 2.0**32 - 1, are_unsigned)
    return Levels(float(low), float(high), are_unsigned)


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile's colours to sRGB; None if there is nothing to do or it is unusable.

    A photo with a broken profile is still a photo: it is then taken as if it had none.
    """
    space = {b"RGB ": "RGB", b"CMYK": "CMYK"}.get(profile[16:20])
    if space != mode or len(profile) > MAX_PROFILE_BYTES or b"sRGB IEC61966" in profile:
        return None
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None

"""What can still be seen of a damaged photo, so that a clerk knows which item to take again.

Only of files that decoders refused in order, never of one that crashed them; with the same limits.
"""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np
from PIL import Image, ImageFile

from config.errors import PhotoProblem
from daemon.reporting.jpegs import as_jpeg

# Others hold their pixels in pieces of which no part can be shown.
_FORMATS = ("JPEG", "PNG", "BMP")
_SHOWN = frozenset({PhotoProblem.CORRUPT, PhotoProblem.TRUNCATED})
_QUALITY = 72


def may_be_shown(problem: str) -> bool:
    """Whether looking at a photo with this problem is safe, and may show something."""
    return problem in _SHOWN


def remains(data: bytes, side: int, max_megapixels: float) -> bytes | None:
    """A JPEG of at most `side` pixels of what could be decoded; None where nothing could."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(BytesIO(data), formats=_FORMATS)
            if image.width * image.height > max_megapixels * 1e6:
                return None
            image.draft("RGB", (side, side))
            return _jpeg(_as_far_as_it_goes(image), side)
    except Exception:  # noqa: BLE001 - decoders raise nearly everything on damaged files
        return None


def _as_far_as_it_goes(image: ImageFile.ImageFile) -> Image.Image:
    try:
        image.load()
    except Exception:  # noqa: BLE001 - as above
        # What was decoded before the damage stays in the image, the rest of it is black: nothing is
        # left that would be read from the file.
        image.tile = []
    return image.convert("RGB")


def _jpeg(image: Image.Image, side: int) -> bytes | None:
    if np.ptp(np.asarray(image)) == 0:
        return None  # black: nothing of the photo
    image.thumbnail((side, side))
    return as_jpeg(image, _QUALITY)

"""What is wrong with a photo as a photo: too dark, too blurred, too small to be judged.

Judged from the pixels that the model gets, so that it costs next to nothing, and by measures that
do not depend on what the photo shows. `python -m classifier.training.quality` measures what the
limits do to good photos and to spoilt ones; docs/decisions/0011-photo-quality.md holds its table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from classifier.pixels import Picture
from classifier.verdict import Reason

# The photos' shorter side. The old catalogue's 60x80 are fine.
LEAST_SIDE_PX = 32
# How bright the brightest fiftieth is, 0..255: below it, the model begins to guess.
LEAST_LIGHT = 32.0
# The sharpest edges' steps from one quarter-size pixel to the next, as shares of the contrast.
LEAST_SHARPNESS = 0.24
# Below this, between the darkest and the brightest fiftieth, noise would pass for edges.
LEAST_CONTRAST = 24.0

_REDUCE = 4  # finer detail than this is noise, or absent from a 60x80 photo
_EDGES = 8  # so many sharpest steps are averaged


@dataclass(frozen=True, slots=True)
class Quality:
    """What can be said of a photo without knowing what it shows."""

    shorter_side_px: int
    light: float  # of the brightest fiftieth, 0..255
    sharpness: float | None  # in the direction that is less sharp; None: no contrast to see it by


def flaw_of(picture: Picture) -> Reason | None:
    """Why the photo should be taken again, if it should."""
    quality = quality_of(picture)
    if quality.shorter_side_px < LEAST_SIDE_PX:
        return Reason.TOO_SMALL
    if quality.light < LEAST_LIGHT:
        return Reason.TOO_DARK
    if quality.sharpness is not None and quality.sharpness < LEAST_SHARPNESS:
        return Reason.TOO_BLURRED
    return None


def quality_of(picture: Picture) -> Quality:
    """Measure one photo."""
    grey = np.asarray(picture.image.convert("L").reduce(_REDUCE), dtype=np.int16)
    dark, light = _fiftieths(grey)
    contrast = float(light - dark)
    sharpness = None
    if contrast >= LEAST_CONTRAST:
        # Motion blurs one direction only: the weaker one counts.
        sharpness = min(_steps(grey, axis) for axis in (0, 1)) / contrast
    return Quality(min(picture.width, picture.height), float(light), sharpness)


def _fiftieths(grey: np.ndarray[Any, np.dtype[np.int16]]) -> tuple[int, int]:
    """The levels that a fiftieth of the pixels lie below, and above."""
    at = grey.size // 50
    ordered = np.partition(grey, (at, grey.size - 1 - at), axis=None)
    return int(ordered[at]), int(ordered[grey.size - 1 - at])


def _steps(grey: np.ndarray[Any, np.dtype[np.int16]], axis: int) -> float:
    """The mean of the sharpest steps between neighbours."""
    steps = np.abs(grey[1:] - grey[:-1]) if axis == 0 else np.abs(grey[:, 1:] - grey[:, :-1])
    # Counted: to sort them, of which so many are equal, takes twice as long.
    counted = np.bincount(steps.ravel())[::-1]
    return float(np.repeat(np.arange(len(counted))[::-1], counted)[:_EDGES].mean())

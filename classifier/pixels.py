"""Bytes of one photo in, upright RGB pixels at the model's size out; or a PhotoError, nothing else.

Owns decoding: the only module that hands a photo to a decoder library. Whether the file is whole is
`classifier.wholeness`' word, colours are `classifier.colours`'. It knows no file names or folders,
keeps no state between photos, and may be called from several threads at once.
"""

from __future__ import annotations

import ctypes
import logging
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, _imaging

from classifier.colours import shrink, to_srgb
from classifier.containers import Format, corrupt, not_an_image, recognise, truncated, webp_size
from classifier.directories import MARKS, BrokenDirectoryError, Directory
from classifier.wholeness import check_whole, ends_in_zeros, jpeg_scans
from config.errors import PhotoError, PhotoProblem

UInt8Array = NDArray[np.uint8]

# Above this, a picture that the decoder holds whole waits until it is the only one in memory.
LARGE_MEGAPIXELS = 16.0
# A scan costs a pass over the whole picture: 20 of them on 100 megapixels, 200 on 12, are decoded.
MAX_SCAN_MEGAPIXELS = 2500.0
_large_pictures = threading.RLock()
_pillow_log = logging.getLogger("PIL")

# How to undo what EXIF's orientation says. Source: Exif 2.32, 4.6.4 A, tag 0x0112.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_JPEGS = frozenset({Format.JPEG, Format.MPO})
# libheif and Pillow's TIFF reader turn the picture themselves.
_TURNED_BY_DECODER = frozenset({Format.HEIC, Format.TIFF})
_PILLOW = re.compile(r"PIL\.")
_PILLOW_IGNORED = ("ignore", None, Warning, _PILLOW, 0)  # as `warnings` keeps its filters
_PLUGINS = {
    Format.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    Format.WEBP: ("PIL.WebPImagePlugin", "WebPImageFile"),
    Format.BMP: ("PIL.BmpImagePlugin", "BmpImageFile"),
    Format.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
    Format.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    Format.AVIF: ("PIL.AvifImagePlugin", "AvifImageFile"),
    Format.HEIC: ("pi_heif", "HeifImageFile"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded photo."""

    pixels: UInt8Array  # (height, width, 3) uint8 RGB at the asked size, upright
    width: int  # of the photo itself, upright, in pixels
    height: int
    format: str  # "JPEG", "HEIC", ...


def decode(
    data: bytes, *, size: tuple[int, int] = (224, 224), max_megapixels: float = 100.0
) -> Picture:
    """Decode a photo and stretch it to `size` (width, height), as the model was trained.

    Raises PhotoError, whatever the bytes: not_an_image, truncated, corrupt or too_large, with a
    sentence for a clerk. Never more than `max_megapixels` are decoded.
    """
    _keep_libraries_quiet()
    kind = recognise(data)
    try:
        check_whole(kind, data)
        return _decode(kind, data, size, max_megapixels)
    except PhotoError:
        raise
    except MemoryError as exc:
        raise PhotoError(
            PhotoProblem.TOO_LARGE,
            "there is not enough memory to decode the photo: save it with fewer pixels",
        ) from exc
    # Decoder libraries raise nearly every built-in error on damaged files: this is their edge.
    except Exception as exc:
        if "truncated" in str(exc) or ends_in_zeros(data):
            raise truncated("the photo is incomplete, a part of it is missing") from exc
        raise corrupt("its content cannot be decoded") from exc


def _decode(kind: Format, data: bytes, size: tuple[int, int], max_megapixels: float) -> Picture:
    # libwebp reserves the whole picture when it opens the file, so ask the header before.
    announced = webp_size(data) if kind is Format.WEBP else (0, 0)
    _check_size(announced, max_megapixels)
    scans = jpeg_scans(data) if kind in _JPEGS else 0
    with _turn(announced, drafted=False):
        image = _opener(kind)(BytesIO(data))
        _check_size(image.size, max_megapixels)
        _check_scans(scans, image.size)
        if kind is Format.TIFF:
            _check_not_raw(image.tag_v2)
        with _turn(image.size, drafted=scans == 1):
            return _picture(kind, image, size)


def _picture(kind: Format, image: ImageFile.ImageFile, size: tuple[int, int]) -> Picture:
    width, height = image.size
    turn = 1 if kind in _TURNED_BY_DECODER else _orientation(image.info.get("exif"))
    if turn >= 5:  # lies on its side
        width, height, size = height, width, (size[1], size[0])
    image.draft(None, size)  # JPEG only: decode at a half, a quarter or an eighth
    image.load()
    if kind is Format.PNG:  # its EXIF may stand behind the pixels
        late = _orientation(image.info.get("exif"))
        if (late >= 5) != (turn >= 5):
            width, height, size = height, width, (size[1], size[0])
        turn = late
    small = shrink(image, size)
    if small.mode == "CMYK" and kind in _JPEGS and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG as Adobe writes it, inverted; without Adobe's mark it is not.
        small = Image.eval(small, lambda level: 255 - level)
    rgb = to_srgb(small, image.info.get("icc_profile"))
    if turn in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[turn])
    return Picture(np.asarray(rgb), width, height, kind.value)


def _check_size(size: tuple[int, int], max_megapixels: float) -> None:
    megapixels = size[0] * size[1] / 1e6
    if megapixels > max_megapixels:
        raise PhotoError(
            PhotoProblem.TOO_LARGE,
            f"the photo has {megapixels:,.1f} megapixels, {max_megapixels:g} are allowed: "
            "save it with fewer pixels, or ask your administrator to raise max_megapixels",
        )


def _check_scans(scans: int, size: tuple[int, int]) -> None:
    if scans * size[0] * size[1] > MAX_SCAN_MEGAPIXELS * 1e6:
        raise corrupt("it repeats itself more often than a photo can")


def _check_not_raw(tags: Mapping[int, object]) -> None:
    """Refuse a camera's raw photo: a TIFF by its marks, with a thumbnail where the photo would be.

    Source: DNG 1.6 (DNGVersion, 50706); TIFF/EP (sub-directories, 330, behind a reduced picture).
    """
    if 50706 in tags or (330 in tags and tags.get(254) == 1):
        raise not_an_image("a raw photo as cameras store them")


def _turn(size: tuple[int, int], *, drafted: bool) -> AbstractContextManager[object]:
    """Wait for a large picture's turn; JPEGs take little memory, they are made small on reading."""
    large = size[0] * size[1] > LARGE_MEGAPIXELS * 1e6
    return _large_pictures if large and not drafted else nullcontext()


def _orientation(exif: bytes | None) -> int:
    """Read EXIF's orientation, 1 to 8; 1 (upright) where EXIF is absent or broken.

    Read here, not by Pillow: that warns about, or fails on, what is broken elsewhere in EXIF.
    """
    exif = (exif or b"").removeprefix(b"Exif\0\0")
    if not exif.startswith(MARKS):
        return 1
    try:
        orientation = Directory(exif).number(0x0112, 1)
    except BrokenDirectoryError:
        return 1
    return orientation if 1 <= orientation <= 8 else 1


@cache
def _opener(kind: Format) -> Callable[[BytesIO], Any]:
    """The class that opens one format; imported at its first use, so that JPEGs pay for nothing.

    Opened by class, not by Image.open: nothing else is tried, and the decoder's own error arrives.
    """
    if kind in _JPEGS:  # the first picture of an MPO is a plain JPEG
        return JpegImagePlugin.JpegImageFile
    module, name = _PLUGINS[kind]
    plugin = import_module(module)
    if kind is Format.HEIC:
        plugin.options.THUMBNAILS = plugin.options.DEPTH_IMAGES = False
        plugin.options.AUX_IMAGES = False
        plugin.options.DECODE_THREADS = 1
    if kind is Format.TIFF:
        # libtiff writes its complaints to file descriptor 2, where they would reach log or clerk.
        libtiff = ctypes.CDLL(_imaging.__file__)
        libtiff.TIFFSetErrorHandler(None)
        libtiff.TIFFSetWarningHandler(None)
    opener: Callable[[BytesIO], Any] = getattr(plugin, name)
    return opener


def _keep_libraries_quiet() -> None:
    """Let a photo's faults reach the caller as PhotoError only, never as text on stderr.

    Pillow's limit is off because `_check_size` applies the setting's; its warnings are about
    metadata, or about damage that `containers` has already told apart.
    """
    Image.MAX_IMAGE_PIXELS = None
    if _pillow_log.level != logging.CRITICAL:
        _pillow_log.setLevel(logging.CRITICAL)
    # Looked up first: catch_warnings, which would restore the filters, is not for several threads.
    if _PILLOW_IGNORED not in warnings.filters:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)

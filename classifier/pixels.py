"""Bytes of one photo in, upright RGB pixels at the model's size out; or a PhotoError, nothing else.

Owns decoding: the only module that hands a photo to a decoder library. Whether the file is whole is
`classifier.wholeness`' word, colours are `classifier.colours`'. It knows no file names or folders,
keeps no state between photos, and may be called from several threads at once.
"""

from __future__ import annotations

import ctypes
import logging
import math
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, _imaging

from classifier import jpeg, png, tiff, webp
from classifier.bare import bare
from classifier.colours import reductions, shrink, to_srgb
from classifier.containers import (
    Format,
    corrupt,
    recognise,
    truncated,
    unsupported,
)
from classifier.directories import orientation_of
from classifier.support import check_supported
from classifier.wholeness import check_whole
from classifier.zeros import ends_in_zeros
from config.errors import NO_MEMORY, PhotoError, PhotoProblem

UInt8Array = NDArray[np.uint8]

# Above this, a picture that the decoder holds whole waits until it is the only such one in memory.
LARGE_MEGAPIXELS = 16.0
# A scan costs a pass over the whole picture: 20 of them on 100 megapixels, 200 on 12, are decoded.
MAX_SCAN_MEGAPIXELS = 2500.0
# What a decoder gave is made small before it is kept at hand when it has more.
MOST_KEPT_PIXELS = 500_000
_large_pictures = threading.Lock()
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
# How Pillow unpacks numbers from libtiff, by how it would from the file.
_NATIVE = {
    **dict.fromkeys(("I;16S", "I;16BS"), "I;16NS"),
    **dict.fromkeys(("I;32S", "I;32BS"), "I;32NS"),
    **dict.fromkeys(("F;32F", "F;32BF"), "F;32NF"),
}
_PILLOW = re.compile(r"PIL\.")
_PILLOW_IGNORED = ("ignore", None, Warning, _PILLOW, 0)  # as `warnings` keeps its filters
_PLUGINS = {
    Format.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    Format.BMP: ("PIL.BmpImagePlugin", "BmpImageFile"),
    Format.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
    Format.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    Format.AVIF: ("PIL.AvifImagePlugin", "AvifImageFile"),
    Format.HEIC: ("pi_heif", "HeifImageFile"),
}


class HeldWholeError(Exception):
    """A photo would take more memory than the caller allows, as its decoder holds it whole."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder gave, before it is made small, turned upright, and shown in sRGB."""

    image: Image.Image
    profile: bytes | None
    turn: int  # EXIF's orientation, 1 for none
    may_be_inverted: bool

    def at(self, size: tuple[int, int]) -> Image.Image:
        """The picture in RGB, stretched to `size` as it lies, then turned upright."""
        small = shrink(self.image, size)
        if small.mode == "CMYK" and self.may_be_inverted:
            small = Image.eval(small, lambda level: 255 - level)
        rgb = to_srgb(small, self.profile)
        return rgb.transpose(_UPRIGHT[self.turn]) if self.turn in _UPRIGHT else rgb

    def within(self, side: int) -> Image.Image:
        """The same in its own proportions, neither side longer than `side`, and never enlarged."""
        return self.at(_within(self.image.size, side, side))


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded photo."""

    image: Image.Image  # in RGB at the asked size, upright
    width: int  # of the photo itself, upright, in pixels
    height: int
    format: str  # "JPEG", "HEIC", ...
    decoded: Decoded | None = None  # where it was asked for

    @property
    def pixels(self) -> UInt8Array:
        """A copy of the image: (height, width, 3) uint8 RGB."""
        return np.asarray(self.image)


def decode(
    data: bytes,
    *,
    size: tuple[int, int] = (224, 224),
    max_megapixels: float = 100.0,
    keep_side: int = 0,
    most_whole_megapixels: float = math.inf,
    fit: bool = False,
) -> Picture:
    """Decode a photo and stretch it to `size` (width, height), as the model was trained.

    fit: it keeps its proportions instead, as large as `size` has room for, and is never enlarged.
    keep_side: what was decoded stays at hand, to make a picture of up to that many pixels of it
    for people; from a JPEG it may have fewer, but never a shorter side than `size`.
    most_whole_megapixels: a picture that its decoder holds whole, and that has more, is not
    decoded: HeldWholeError.

    Raises PhotoError, whatever the bytes: not_an_image, truncated, corrupt or too_large, with a
    sentence for a clerk. Never more than `max_megapixels` are decoded.
    """
    _keep_libraries_quiet()
    kind = recognise(data)
    try:
        check_whole(kind, data)
        wanted = _Wanted(size, keep_side, max_megapixels, most_whole_megapixels, fit)
        return _decode_somehow(kind, data, wanted)
    except (PhotoError, HeldWholeError):
        raise
    except MemoryError as exc:
        raise PhotoError(PhotoProblem.TOO_LARGE, NO_MEMORY) from exc
    # Decoder libraries raise nearly every built-in error on damaged files: this is their edge.
    except Exception as exc:
        raise _told(kind, data, exc) from exc


def of_pixels(pixels: bytes, made: Sequence[int], width: int, height: int, kind: str) -> Picture:
    """What another process decoded to the size `made`, in RGB: the same as if it was done here."""
    image = Image.frombytes("RGB", (made[0], made[1]), pixels)
    return Picture(image, width, height, kind)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be made of a photo."""

    size: tuple[int, int]
    keep_side: int
    max_megapixels: float
    most_whole_megapixels: float
    fit: bool

    def made_of(self, whole: tuple[int, int], turn: int) -> tuple[int, int]:
        """The size to make of a picture of that size, as it lies before it is turned upright."""
        size = self.size[::-1] if turn >= 5 else self.size
        return _within(whole, *size) if self.fit else size


def _decode_somehow(kind: Format, data: bytes, wanted: _Wanted) -> Picture:
    """Decode as it is; what is refused is tried once more without what stands beside its pixels."""
    try:
        return _decode(kind, data, wanted)
    except (PhotoError, HeldWholeError, MemoryError):
        raise
    except Exception:
        less = bare(kind, data)
        if less == data:
            raise
        return _decode(kind, less, wanted)


def _told(kind: Format, data: bytes, error: Exception) -> PhotoError:
    """What a decoder's refusal of a photo that seemed whole says of it."""
    if kind is Format.TIFF and isinstance(error, SyntaxError | KeyError):
        return unsupported("a TIFF of an unusual layout")
    if kind in (Format.BMP, Format.HEIC) and str(error).startswith("Unsupported"):
        return unsupported(f"an unusual {kind.value}")
    if "truncated" in str(error) or ends_in_zeros(data):
        return truncated("the photo is incomplete, a part of it is missing")
    return corrupt("its content cannot be decoded")


def _decode(kind: Format, data: bytes, wanted: _Wanted) -> Picture:
    if kind is Format.WEBP:
        return _webp(data, wanted)
    frame = jpeg.frame_of(data) if kind in _JPEGS else jpeg.Frame()
    check_supported(kind, data, frame)
    scans = jpeg.scans_of(data, frame)
    image = _opened(kind, data, frame)
    _check_size(image.size, wanted.max_megapixels)
    _check_scans(scans, image.size)
    may_draft = frame.kind != jpeg.LOSSLESS
    drafted = kind in _JPEGS and scans == 1 and may_draft
    with _turn(image.size, wanted, drafted=drafted):
        return _picture(kind, image, wanted, may_draft=may_draft)


def _webp(data: bytes, wanted: _Wanted) -> Picture:
    still = webp.still(data)
    _check_size(still.size, wanted.max_megapixels)
    turn = orientation_of(still.exif)
    with _turn(still.size, wanted, drafted=still.is_lossy):
        image = still.decoded(reductions(still.size, wanted.made_of(still.size, turn)))
        decoded = Decoded(image, still.icc_profile, turn, may_be_inverted=False)
        return _shown(Format.WEBP, decoded, still.size, wanted)


def _opened(kind: Format, data: bytes, frame: jpeg.Frame) -> Any:
    """A photo's header, read by its decoder; the pixels are not touched yet."""
    if kind is Format.PNG:
        only_pixels = png.bare(data)
        image = _opener(kind)(BytesIO(only_pixels.data))
        image.info |= {"exif": only_pixels.exif, "icc_profile": only_pixels.icc_profile}
        return image
    if kind is Format.TIFF:
        image = _opener(kind)(BytesIO(tiff.readable(data)))
        image.tile = [tile._replace(args=_in_native_order(tile.args)) for tile in image.tile]
        return image
    if kind in _JPEGS and frame.kind and not frame.height:
        data = jpeg.with_height(data, frame)
    return _opener(kind)(BytesIO(data))


def _in_native_order(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers come from libtiff in this machine's order, which Pillow minds for some of them."""
    layout = str(arguments[0])
    return (_NATIVE.get(layout, layout), *arguments[1:])


def _picture(
    kind: Format, image: ImageFile.ImageFile, wanted: _Wanted, *, may_draft: bool
) -> Picture:
    whole = image.size
    turn = 1 if kind in _TURNED_BY_DECODER else orientation_of(image.info.get("exif"))
    if may_draft:  # JPEG only: decode at a half, a quarter or an eighth
        image.draft(None, wanted.made_of(whole, turn))
    image.load()
    if kind is Format.BMP and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        image.putalpha(255)  # as writers leave it that know of no alpha
    # Pillow takes every CMYK JPEG as Adobe writes it, inverted; without Adobe's mark it is not.
    may_be_inverted = kind in _JPEGS and "adobe" not in image.info
    decoded = Decoded(image, image.info.get("icc_profile"), turn, may_be_inverted)
    return _shown(kind, decoded, whole, wanted)


def _shown(kind: Format, decoded: Decoded, whole: tuple[int, int], wanted: _Wanted) -> Picture:
    """whole: the photo's size as it lies."""
    width, height = whole[::-1] if decoded.turn >= 5 else whole
    kept = _kept(decoded, wanted.keep_side) if wanted.keep_side else None
    image = decoded.at(wanted.made_of(whole, decoded.turn))
    return Picture(image, width, height, kind.value, kept)


def _kept(decoded: Decoded, side: int) -> Decoded:
    """What stays at hand: a JPEG was made small by its decoder, others are made small now."""
    image = decoded.image
    if image.width * image.height <= MOST_KEPT_PIXELS:
        return decoded
    return replace(decoded, image=shrink(image, _within(image.size, side, side)))


def _within(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, width / size[0], height / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


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


def _turn(
    size: tuple[int, int], wanted: _Wanted, *, drafted: bool
) -> AbstractContextManager[object]:
    """Wait for a large picture's turn; what is made small on reading (`drafted`) takes none."""
    megapixels = 0.0 if drafted else size[0] * size[1] / 1e6
    if megapixels > wanted.most_whole_megapixels:
        raise HeldWholeError
    return _large_pictures if megapixels > LARGE_MEGAPIXELS else nullcontext()


@cache
def _opener(kind: Format) -> Callable[[BytesIO], Any]:
    """The class that opens one format; imported at its first use, so that JPEGs pay for nothing.

    Opened by class, not by Image.open: nothing else is tried, and the decoder's own error arrives.
    """
    if kind in _JPEGS:  # the first picture of an MPO is a plain JPEG
        return JpegImagePlugin.JpegImageFile
    module, name = _PLUGINS[kind]
    plugin: Any = import_module(module)
    if kind is Format.HEIC:
        plugin.options.THUMBNAILS = plugin.options.DEPTH_IMAGES = False
        plugin.options.AUX_IMAGES = False
        plugin.options.DECODE_THREADS = 1
    if kind is Format.AVIF:
        plugin.DEFAULT_MAX_THREADS = 1  # else one for each core, beside the workers
    if kind is Format.TIFF:
        plugin.READ_LIBTIFF = (
            True  # Pillow's own reader garbles planes of 16 bits, and is no faster
        )
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

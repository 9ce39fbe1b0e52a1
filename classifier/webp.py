"""A WebP's pixels by libwebp itself, which makes a picture small while it reads it.

Pillow's reader, made for films, holds each picture four times, 16 bytes a pixel. By this one a
lossy photo takes next to nothing, and one without loss 4 bytes a pixel, as its pixels refer to each
other.
Sources: WebP container specification; libwebp's decode.h, version 2.9 of its interface.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from PIL import Image

_ANIMATED, _ALPHA = 0x02, 0x10  # flags of the header
_WITHOUT_LOSS = frozenset({b"VP8L", b"ALPH"})
_INTERFACE = 0x0209
_RGB, _RGBA = 0, 1
_DONE, _NO_MEMORY, _TOO_SHORT = 0, 1, (5, 7)


@dataclass(frozen=True, slots=True)
class Still:
    """The picture of a WebP file, of an animated one the first, and how it is shown."""

    data: bytes  # a file of this picture alone
    size: tuple[int, int]  # of the whole, in pixels
    at: tuple[int, int]  # where in the whole it lies; around it all is transparent
    is_lossy: bool  # all of it; transparency is kept without loss
    exif: bytes | None
    icc_profile: bytes | None

    def decoded(self, less: tuple[int, int]) -> Image.Image:
        """So many times as narrow and as low, averaged as Pillow's `reduce` does.

        Raises MemoryError, ValueError where it cannot be decoded.
        """
        image, size = _decoded(self.data, less), _divided(self.size, less)
        if image.size == size:
            return image
        whole = Image.new("RGBA", size)
        whole.paste(image, (self.at[0] // less[0], self.at[1] // less[1]))
        return whole


def still(data: bytes) -> Still:
    """Look for it; nothing is decoded. Raises ValueError where there is none."""
    chunks = _chunks(data, 12)
    header, pixels, at = chunks.get(b"VP8X", b"\0"), chunks, (0, 0)
    if header[0] & _ANIMATED:
        frame = chunks.get(b"ANMF", b"")
        if len(header) < 10 or len(frame) < 16:
            raise ValueError("truncated")
        pixels, at = _chunks(frame, 16), (2 * _number(frame, 0), 2 * _number(frame, 3))
        data = _alone(frame, has_alpha=b"ALPH" in pixels)
        size = _number(header, 4) + 1, _number(header, 7) + 1
    else:
        features = _features(data)
        size = features.width, features.height
    exif, profile = chunks.get(b"EXIF"), chunks.get(b"ICCP")
    return Still(data, size, at, not _WITHOUT_LOSS & pixels.keys(), exif, profile)


def _chunks(data: bytes, at: int) -> dict[bytes, bytes]:
    """The first of each name, behind `at`; of one that does not fit, what is there."""
    found: dict[bytes, bytes] = {}
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name not in found:
            found[name] = data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    return found


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _alone(frame: bytes, *, has_alpha: bool) -> bytes:
    """A file of one picture of an animated one."""
    flags = _ALPHA if has_alpha else 0
    header = struct.pack("<4sIB3x6s", b"VP8X", 10, flags, frame[6:12])
    return struct.pack("<4sI4s", b"RIFF", 4 + 18 + len(frame) - 16, b"WEBP") + header + frame[16:]


def _decoded(data: bytes, less: tuple[int, int]) -> Image.Image:
    features, config = _features(data), _Config()
    if not _library().WebPInitDecoderConfigInternal(ctypes.byref(config), _INTERFACE):
        raise ValueError("libwebp has another interface")
    width, height = _divided((features.width, features.height), less)
    mode, colours = ("RGBA", _RGBA) if features.has_alpha else ("RGB", _RGB)
    pixels = bytearray(width * height * len(mode))
    output, options = config.output, config.options
    output.colours, output.is_ours = colours, 1
    start = ctypes.addressof(ctypes.c_char.from_buffer(pixels))
    output.rgba = _Rgba(start, width * len(mode), len(pixels))
    options.use_scaling = less != (1, 1)
    options.scaled_width, options.scaled_height = width, height
    _check(_library().WebPDecode(data, ctypes.c_size_t(len(data)), ctypes.byref(config)))
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def _features(data: bytes) -> _Features:
    found, size = _Features(), ctypes.c_size_t(len(data))
    _check(_library().WebPGetFeaturesInternal(data, size, ctypes.byref(found), _INTERFACE))
    return found


def _divided(size: tuple[int, int], less: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // less[0]), -(-size[1] // less[1])


def _check(status: int) -> None:
    if status == _NO_MEMORY:
        raise MemoryError
    if status != _DONE:
        raise ValueError("truncated" if status in _TOO_SHORT else f"libwebp: {status}")


@cache
def _library() -> Any:
    """The one that Pillow brings along."""
    # At its first use, so that JPEGs pay for nothing.
    return ctypes.CDLL(import_module("PIL._webp").__file__)


_INT, _SIZE = ctypes.c_int, ctypes.c_size_t


class _Features(ctypes.Structure):
    _fields_ = (
        *((name, _INT) for name in ("width", "height", "has_alpha", "has_animation", "format")),
        ("later", _INT * 5),
    )


class _Rgba(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("row_bytes", _INT), ("size", _SIZE))


class _Buffer(ctypes.Union):
    _fields_ = (("rgba", _Rgba), ("others", ctypes.c_void_p * 10))  # planes take more


class _Output(ctypes.Structure):
    _anonymous_ = ("buffer",)
    _fields_ = (
        *((name, _INT) for name in ("colours", "width", "height", "is_ours")),
        ("buffer", _Buffer),
        ("later", _INT * 4),
        ("private", ctypes.c_void_p),
    )


class _Options(ctypes.Structure):
    _fields_ = (
        ("others", _INT * 7),
        *((name, _INT) for name in ("use_scaling", "scaled_width", "scaled_height")),
        ("more", _INT * 9),
    )


class _Config(ctypes.Structure):
    _fields_ = (("features", _Features), ("output", _Output), ("options", _Options))

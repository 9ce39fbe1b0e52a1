"""A PNG's chunks, and the file that is left when all are dropped that make no pixels.

A decoder is given only that: it then has no reason to refuse whole pixels for a fault in a text, a
profile or a time, and nothing in these can lead it astray. What is damaged there counts as absent.
Source: Portable Network Graphics (3rd edition), 5 and 11.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from classifier.containers import corrupt, truncated
from classifier.zeros import ends_in_zeros

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# More than any real file has; past it a file only wants to keep the reader busy.
MAX_CHUNKS = 200_000
MAX_PROFILE_BYTES = 4_000_000
_MOST_TRIES = 100  # of one file: each may read all of it
_PALETTE = 3  # colour type
# How long a tRNS may be, by colour type; the others have alpha of their own.
_TRANSPARENCY_BYTES = {0: range(2, 3), 2: range(6, 7), _PALETTE: range(257)}
_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_READ = frozenset({b"tRNS", b"eXIf", b"iCCP"})
_WHERE_PIXELS_GO_ON = re.compile(rb"IDAT|IEND|PLTE|tRNS")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; `start` and `end` are its body's."""

    name: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Bare:
    """A PNG of pixels only, and what of the rest says how to show them."""

    data: bytes
    exif: bytes | None
    icc_profile: bytes | None


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield all chunks up to and with the last one, IEND.

    A damaged length of a chunk beside the pixels leads to where the pixels go on.
    Raises PhotoError: truncated where the file ends before IEND, corrupt where there is no order.
    """
    at, tries = len(SIGNATURE), iter(range(_MOST_TRIES))
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            raise truncated("the photo is incomplete, its end is missing")
        length, name = struct.unpack_from(">I4s", data, at)
        chunk = Chunk(name, at + 8, at + 8 + length)
        if name == b"IEND":
            yield chunk
            return
        if name not in _PIXELS and not _begins_chunk(data, chunk.end + 4):
            at = _where_pixels_go_on(data, at, tries)
        else:
            yield chunk
            at = chunk.end + 4
    raise corrupt("it has more parts than a photo can have")


def bare(data: bytes) -> Bare:
    """The file with nothing in it but pixels. Raises PhotoError as `chunks`."""
    bits, colour_type = (data[24], data[25]) if len(data) > 25 else (8, 0)
    kept = _PIXELS if colour_type == _PALETTE else _PIXELS - {b"PLTE"}
    parts: list[bytes | memoryview] = [SIGNATURE]
    exif, profile, whole = None, None, memoryview(data)  # a view: pixels are copied once only
    for chunk in chunks(data):
        if chunk.name in kept:
            parts.append(whole[chunk.start - 8 : chunk.end + 4])
        elif chunk.name in _READ and _is_sound(data, chunk):
            body = data[chunk.start : chunk.end]
            if chunk.name == b"eXIf":
                exif = body
            elif chunk.name == b"iCCP":
                profile = _profile(body)
            elif len(body) in _TRANSPARENCY_BYTES.get(colour_type, ()):
                parts.append(written(b"tRNS", _transparency(body, colour_type, bits)))
    return Bare(b"".join(parts), exif, profile)


def _transparency(body: bytes, colour_type: int, bits: int) -> bytes:
    """Which colour is transparent, as Pillow takes it: grey of 2 or 4 bits it widens to 8 first."""
    if colour_type != 0 or bits not in (2, 4):
        return body
    return struct.pack(">H", int.from_bytes(body, "big") * 255 // ((1 << bits) - 1) & 0xFFFF)


def written(name: bytes, body: bytes) -> bytes:
    """A chunk."""
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def _profile(body: bytes) -> bytes | None:
    """Unpack a colour profile; None where it is damaged, too large, or packed in another way."""
    _, _, packed = body.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if packed[:1] == b"\0" and unpacking.eof else None


def _is_sound(data: bytes, chunk: Chunk) -> bool:
    """Whether the chunk is what its checksum was made of."""
    checksum = int.from_bytes(data[chunk.end : chunk.end + 4], "big")
    return zlib.crc32(data[chunk.start - 4 : chunk.end]) == checksum


def _begins_chunk(data: bytes, at: int) -> bool:
    return at + 12 <= len(data) and data[at + 4 : at + 8].isalpha()


def _where_pixels_go_on(data: bytes, at: int, tries: Iterator[int]) -> int:
    """The next chunk that matters, behind the one at `at`, whose length or name is wrong.

    Only a sound one counts: its name alone may stand in any compressed pixels. tries: that are
    left. Raises PhotoError where there is none.
    """
    for _, found in zip(tries, _WHERE_PIXELS_GO_ON.finditer(data, at + 8), strict=False):
        start = found.end()
        length = int.from_bytes(data[start - 8 : start - 4], "big")
        if start + length + 4 <= len(data) and _is_sound(data, Chunk(b"", start, start + length)):
            return start - 8
    if ends_in_zeros(data, at):
        raise truncated("the photo is incomplete, its last part is filled with zeros")
    if not data[at + 4 : at + 8].isalpha():
        raise corrupt("its parts do not follow each other")
    raise truncated("the photo is incomplete, its end is missing")

"""A photo without what stands beside its pixels: what a decoder is given when it refused the whole.

Texts, comments, notes of cameras, thumbnails: a fault there says nothing against the pixels. What
says how these are shown (orientation, colour profile, colour transform) is kept where it is whole.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from classifier import gif, jpeg, tiff
from classifier.containers import Format
from classifier.directories import BrokenDirectoryError

_ADOBE, _EXIF, _PROFILES = 0xEE, 0xE1, 0xE2
_COMMENT = 0xFE
_PROFILE_MARK = b"ICC_PROFILE\0"
_WEBP_CHUNKS = frozenset({b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L", b"EXIF"})
_WEBP_PICTURE_FLAGS = 0x12  # alpha, animation
_WEBP_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08}
# The entry of an item in HEIF and AVIF: its box, version and flags, id, protection, then the type.
_SIDE_ITEM = re.compile(rb"(infe[\x02\x03].{7}(?:..)?)(?:Exif|mime)", re.DOTALL)


def bare(kind: Format, data: bytes) -> bytes:
    """The file without what its decoder can do without; the same where there is no such thing."""
    make = _WITHOUT.get(kind)
    try:
        return data if make is None else make(data)
    except (BrokenDirectoryError, struct.error):
        return data


def _bare_jpeg(data: bytes) -> bytes:
    kept, rest = [data[:2]], 0
    for marker, start, end in jpeg.segments(data):
        body = data[start:end]
        if not (0xE0 <= marker <= 0xEF or marker == _COMMENT) or _is_needed(marker, body):
            kept.append(data[start - 4 : end])
        rest = end
    return b"".join((*kept, data[rest:]))


def _is_needed(marker: int, body: bytes) -> bool:
    """Whether a segment beside the pixels says how they are shown, and is long enough to say it."""
    if marker == _ADOBE:
        return body.startswith(b"Adobe") and len(body) >= 12
    if marker == _PROFILES:
        return body.startswith(_PROFILE_MARK) and len(body) > 14
    return marker == _EXIF and body.startswith(b"Exif\0\0")


def _bare_webp(data: bytes) -> bytes:
    """Up to a chunk that does not fit into the file; its header announces what is left."""
    kept, at = [], 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if end > len(data):
            break
        kept += [(name, data[at:end])] if name in _WEBP_CHUNKS else []
        at = end
    names = {name for name, _ in kept}
    body = b"WEBP" + b"".join(_announcing(chunk, names) for _, chunk in kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _announcing(chunk: bytes, names: set[bytes]) -> bytes:
    if not chunk.startswith(b"VP8X"):
        return chunk
    flags = chunk[8] & _WEBP_PICTURE_FLAGS
    flags |= sum(flag for name, flag in _WEBP_FLAGS.items() if name in names)
    return chunk[:8] + bytes((flags,)) + chunk[9:]


def _bare_gif(data: bytes) -> bytes:
    """Its first picture, and what says which of its colours is transparent."""
    kept = [data[: gif.head_bytes(data)]]
    for block in gif.blocks(data):
        content = data[block.start : block.end]
        if block.mark == gif.IMAGE:
            return b"".join((*kept, content, gif.TRAILER))
        kept += [content] if content.startswith(b"!\xf9\4") else []
    return data


def _bare_heif(data: bytes) -> bytes:
    return _SIDE_ITEM.sub(rb"\1none", data)


_WITHOUT: dict[Format, Callable[[bytes], bytes]] = {
    Format.JPEG: _bare_jpeg,
    Format.MPO: _bare_jpeg,
    Format.WEBP: _bare_webp,
    Format.GIF: _bare_gif,
    Format.TIFF: tiff.bare,
    Format.AVIF: _bare_heif,
    Format.HEIC: _bare_heif,
}

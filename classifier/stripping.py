"""A photo without what says where, when, by what and by whom it was taken: for copies elsewhere.

Its compressed pixels stay as they are, bit for bit, and with them what says how they are shown:
orientation, colour profile, transparency. Everything else goes, thumbnails, further pictures and
what is appended included. What cannot be told apart is refused, never let through.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from classifier import gif, heif, jpeg, png, tiff
from classifier.containers import Format, corrupt, recognise, truncated
from classifier.directories import BrokenDirectoryError, orientation_of
from config.errors import PhotoError

_JFIF, _EXIF, _PROFILE, _ADOBE, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_EXIF_MARK = b"Exif\0\0"
_PNG_KEPT = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT"),
        *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD"),
    }
)
_WEBP_KEPT = frozenset({b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"})
_WEBP_MOST_CHUNKS = 100_000  # more than any film of pictures has
_WEBP_EXIF, _WEBP_BESIDE = 0x08, 0x0C  # flags of its header; both: of EXIF and XMP
_GIF_REPEATS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def stripped(data: bytes) -> bytes:
    """The photo's bytes without its metadata; what was stripped before stays as it is.

    Raises PhotoError where it is no photo, is too damaged, or cannot be taken apart.
    """
    kind = recognise(data)
    try:
        return _WITHOUT[kind](data)
    except PhotoError:
        raise
    except (BrokenDirectoryError, struct.error, OverflowError, IndexError) as exc:
        raise corrupt("what stands beside its pixels is in no order") from exc


# --- JPEG ----------------------------------------------------------------------------------------


def _jpeg(data: bytes) -> bytes:
    kept, turn, scan_at = [data[:2]], 1, len(data)
    for marker, start, end in jpeg.segments(data):
        body = data[start:end]
        if end > len(data):
            raise truncated("the photo is incomplete, it ends within its header")
        if marker == _EXIF and body.startswith(_EXIF_MARK):
            turn = orientation_of(body) if turn == 1 else turn
        kept.append(_shown(marker, body) if _is_beside(marker) else data[start - 4 : end])
        scan_at = end
    exif = _segment(_EXIF, _EXIF_MARK + _turned(turn)) if turn > 1 else b""
    return b"".join((kept[0], exif, *kept[1:], *_scans(data, scan_at)))


def _is_beside(marker: int) -> bool:
    return 0xE0 <= marker <= 0xEF or marker == _COMMENT


def _shown(marker: int, body: bytes) -> bytes:
    """What a segment beside the pixels says of how they are shown."""
    if marker == _JFIF and body.startswith(b"JFIF\0") and len(body) >= 14:
        return _segment(marker, body[:12] + b"\0\0")  # without its thumbnail
    if marker == _PROFILE and body.startswith(b"ICC_PROFILE\0"):
        return _segment(marker, body)
    if marker == _ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
        return _segment(marker, body[:12])
    return b""


def _scans(data: bytes, scan_at: int) -> Iterator[bytes]:
    """The compressed pixels, up to the end mark, without notes between them."""
    begin = scan_at
    for marker, at in jpeg.markers(data, scan_at):
        if marker == jpeg.EOI:
            yield data[begin : at + 2]
            return
        if _is_beside(marker):
            yield data[begin:at]
            begin = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    yield data[begin:]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def _turned(turn: int) -> bytes:
    """An EXIF block that says the orientation, and no more."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, turn, 0, 0)


# --- others --------------------------------------------------------------------------------------


def _png(data: bytes) -> bytes:
    parts = [png.SIGNATURE]
    for chunk in png.chunks(data):
        if chunk.end + 4 > len(data):
            raise truncated("the photo is incomplete, its end is missing")
        if chunk.name in _PNG_KEPT:
            parts.append(data[chunk.start - 8 : chunk.end + 4])
        elif chunk.name == b"eXIf" and (turn := orientation_of(data[chunk.start : chunk.end])) > 1:
            parts.append(png.written(b"eXIf", _turned(turn)))
    return b"".join(parts)


def _webp(data: bytes) -> bytes:
    chunks = [*_webp_chunks(data)]
    turn = next((orientation_of(body) for name, body in chunks if name == b"EXIF"), 1)
    parts = [(name, body) for name, body in chunks if name in _WEBP_KEPT]
    if parts and parts[0][0] == b"VP8X":
        head = parts[0][1]
        flags = head[0] & ~_WEBP_BESIDE | (_WEBP_EXIF if turn > 1 else 0)
        parts[0] = b"VP8X", bytes((flags,)) + head[1:]
        parts += [(b"EXIF", _turned(turn))] if turn > 1 else []
    whole = b"".join(
        struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2) for name, body in parts
    )
    return struct.pack("<4sI4s", b"RIFF", 4 + len(whole), b"WEBP") + whole


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of each, within the length that the file announces."""
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    for _ in range(_WEBP_MOST_CHUNKS):
        if at + 8 > end:
            return
        name, length = struct.unpack_from("<4sI", data, at)
        at += 8 + length
        if at > len(data):
            raise truncated("the photo is incomplete, its end is missing")
        yield name, data[at - length : at]
        at += length % 2
    raise corrupt("it has more parts than a photo can have")


def _gif(data: bytes) -> bytes:
    kept = [data[: gif.head_bytes(data)]]
    for block in gif.blocks(data):
        content = data[block.start : block.end]
        is_repeat = content[:3] == b"!\xff\x0b" and content[3:14] in _GIF_REPEATS
        if block.mark == gif.IMAGE or content.startswith(b"!\xf9") or is_repeat:
            kept.append(content)
    return b"".join((*kept, gif.TRAILER))


def _bmp(data: bytes) -> bytes:
    """It knows no metadata; what is appended goes."""
    length = int.from_bytes(data[2:6], "little")
    return data[:length] if length > 54 else data


_WITHOUT: dict[Format, Callable[[bytes], bytes]] = {
    Format.JPEG: _jpeg,
    Format.MPO: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.BMP: _bmp,
    Format.GIF: _gif,
    Format.TIFF: tiff.only_pixels,
    Format.AVIF: heif.stripped,
    Format.HEIC: heif.stripped,
}

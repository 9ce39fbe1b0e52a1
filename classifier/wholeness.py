"""Is all of a photo there? Each format's own lengths and end marks say so, before any decoding.

Pure arithmetic on bytes, no library: decoders fill in what is missing without a word (a JPEG whose
second half is zeros decodes to a half-grey picture), so they are not asked. A part of zeros is what
a copy under way looks like: Windows reserves the whole size first and fills it slowly.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from classifier.containers import Format, corrupt, mpo_pictures, truncated
from classifier.directories import BrokenDirectoryError, Directory, UInt64Array

# Compressed pixels end in few zero bytes (measured: a blank 12-megapixel WebP in 1,160 of 21,454),
# while a copy under way leaves whole blocks of them.
ZERO_TAIL_BYTES = 16_384
ZERO_TAIL_SHARE = 0.08
FEW_ZEROS_BYTES = 64

# More pieces than any real file has; past it a file only wants to keep the reader busy.
MAX_PIECES = 200_000
MAX_JPEG_SEGMENTS = 10_000
MAX_JPEG_JUNK_BYTES = 65_536
MAX_TIFF_VALUES = 1_000_000
MAX_TIFF_PAGES = 50  # that are checked; the first is the one that is decoded

_SEQUENTIAL_FRAMES = frozenset({0xC0, 0xC1, 0xC3, 0xC9, 0xCB})
_PROGRESSIVE_FRAMES = frozenset({0xC2, 0xCA})
_DESCRIBING_BOXES = frozenset({b"meta", b"moov"})


def check_whole(kind: Format, data: bytes) -> None:
    """Check that no part of the file is missing.

    Raises PhotoError: truncated where the format's lengths or end marks say that data is missing,
    corrupt where they contradict each other beyond reading.
    """
    _WHOLENESS[kind](data)


def ends_in_zeros(data: bytes, start: int = 0, end: int | None = None) -> bool:
    """Say whether compressed data, from `start` to `end`, ends like a copy that never finished."""
    end = len(data) if end is None else end
    share = ZERO_TAIL_SHARE * (end - start)
    return zero_tail(data, end) >= min(ZERO_TAIL_BYTES, max(FEW_ZEROS_BYTES, share))


def zero_tail(data: bytes, end: int) -> int:
    """Count the zero bytes before `end`, which may lie past the data's."""
    end = at = min(end, len(data))
    while at > 0:
        block = data[max(0, at - 65_536) : at]
        kept = len(block.rstrip(b"\0"))
        at -= len(block) - kept
        if kept:
            break
    return end - at


def jpeg_scans(data: bytes) -> int:
    """Count the scans that a JPEG's decoder will read: 1 unless it is progressive or in parts.

    Each further one costs a pass over the whole picture, which the decoder then holds in memory.
    """
    progressive, components = False, 0
    for marker, start, _ in _jpeg_segments(data):
        if marker in _PROGRESSIVE_FRAMES or marker in _SEQUENTIAL_FRAMES:
            progressive = marker in _PROGRESSIVE_FRAMES
            components = data[start + 5] if start + 5 < len(data) else 0
        if marker == 0xDA and not progressive and data[start] >= components:
            return 1
    return data.count(b"\xff\xda")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each segment up to and with the first start of scan.

    Raises PhotoError: truncated where the file ends before a scan, corrupt where there is none.
    """
    at, junk_bytes = 2, 0
    for _ in range(MAX_JPEG_SEGMENTS):
        found = data.find(b"\xff", at)
        if found < 0 or found + 4 > len(data):
            raise truncated("the photo is incomplete, it ends within its header")
        junk_bytes += found - at
        if junk_bytes > MAX_JPEG_JUNK_BYTES:
            break
        marker = data[found + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:  # nothing follows these
            at = found + (1 if marker == 0xFF else 2)
            continue
        end = found + 2 + int.from_bytes(data[found + 2 : found + 4], "big")
        yield marker, found + 4, end
        if marker == 0xDA:
            return
        if marker == 0xD9:
            break
        at = max(end, found + 4)
    raise corrupt("there is no picture between its headers")


def _check_jpeg(data: bytes) -> None:
    if data.endswith(b"\xff\xd9"):  # as nearly all do, and searching megabytes takes its time
        return
    scan = next(end for marker, _, end in _jpeg_segments(data) if marker == 0xDA)
    # Inside a scan FF is always followed by 00 or a restart mark, so the first FF D9 is the end.
    if data.find(b"\xff\xd9", scan) < 0:
        tail = "is filled with zeros" if ends_in_zeros(data, scan) else "is missing"
        raise truncated(f"the photo is incomplete, its last part {tail}")


def _check_mpo(data: bytes) -> None:
    """Only the first picture is looked at, but a missing further one means a copy under way.

    Editors leave stale indexes behind: an entry counts only where a picture, or zeros, begin.
    """
    _check_jpeg(data)
    for offset, length in mpo_pictures(data)[1:]:
        begins = data[offset : offset + 2] == b"\xff\xd8"
        ends = offset + length <= len(data) and data.find(b"\xff\xd9", offset) >= 0
        in_zeros = offset < len(data) and zero_tail(data, len(data)) >= len(data) - offset
        if (begins and not ends) or in_zeros or offset == len(data):
            raise truncated("the photo is incomplete, its second picture is missing")


def _check_png(data: bytes) -> None:
    at = 8
    for _ in range(MAX_PIECES):
        if at + 12 > len(data):
            raise truncated("the photo is incomplete, its end is missing")
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IEND":
            return
        if not name.isalpha():
            if ends_in_zeros(data, at):
                raise truncated("the photo is incomplete, its last part is filled with zeros")
            raise corrupt("its parts do not follow each other")
        at += 12 + length
    raise corrupt("it has more parts than a photo can have")


def _check_webp(data: bytes) -> None:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise truncated("the photo is incomplete, its end is missing")
    at = 12
    for _ in range(MAX_PIECES):
        if at + 8 > end:
            return
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"\0\0\0\0" or (name in (b"VP8 ", b"VP8L", b"ANMF") and ends_in_zeros(body)):
            raise truncated("the photo is incomplete, its last part is filled with zeros")
        at += 8 + length + length % 2
    raise corrupt("it has more parts than a photo can have")


def _check_gif(data: bytes) -> None:
    """Walk all blocks to the trailer; the pictures after the first are not decoded later."""
    at = 13 + _gif_palette_bytes(data, 10)
    pictures = 0
    for _ in range(MAX_PIECES):
        mark = data[at : at + 1]
        if mark == b";":
            return
        if mark == b"":
            raise truncated("the photo is incomplete, its end is missing")
        if mark == b"\0" and ends_in_zeros(data, at):
            raise truncated("the photo is incomplete, its last part is filled with zeros")
        if mark == b"!":
            at = _gif_blocks_end(data, at + 2)
        elif mark == b",":
            pictures += 1
            at = _gif_blocks_end(data, at + 11 + _gif_palette_bytes(data, at + 9))
        elif pictures:  # as browsers do: what follows a whole picture does not harm it
            return
        else:
            raise corrupt("its parts do not follow each other")


def _gif_palette_bytes(data: bytes, at: int) -> int:
    """Bytes of the colour table that the flags at `at` announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_blocks_end(data: bytes, at: int) -> int:
    """Where the chain of length-prefixed blocks that starts at `at` ends."""
    for _ in range(MAX_PIECES):
        if at >= len(data):
            raise truncated("the photo is incomplete, its end is missing")
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
    raise corrupt("it has more parts than a photo can have")


def _check_bmp(data: bytes) -> None:
    """Uncompressed rows have a length that can be worked out; run-lengths tell the decoder."""
    if len(data) < 34:
        raise truncated("the photo is incomplete, it ends within its header")
    (start,) = struct.unpack_from("<I", data, 10)
    if data[14] == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression not in (0, 3):  # 0 none, 3 none with colour masks
        return
    row_bytes = (abs(width) * bits + 31) // 32 * 4
    end = start + row_bytes * abs(height)
    if end > len(data):
        raise truncated("the photo is incomplete, its end is missing")
    # Index 0 may be any colour, a direct 0 is black.
    if _pixels_end_in_zeros(data, start, end, zero_is_black=bits >= 16):
        raise truncated("the photo is incomplete, its last part is filled with zeros")


def _pixels_end_in_zeros(data: bytes, start: int, end: int, *, zero_is_black: bool) -> bool:
    """Say whether uncompressed pixels break off.

    No camera gives black without noise for long; zeros that mean white or transparent may well be
    a border, but not half the photo.
    """
    share = 16 if zero_is_black else 2
    return zero_tail(data, end) >= max(1024, (end - start) // share)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, end) of each top-level box. Source: ISO/IEC 14496-12, 4.2."""
    at = 0
    for _ in range(MAX_PIECES):
        if at + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, at)
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
        end = at + length if length else len(data)  # 0: to the end of the file
        yield name, at, end
        if length and length < 8:
            raise corrupt("its parts do not follow each other")
        at = end


def _check_boxes(data: bytes) -> None:
    """AVIF and HEIC: what describes the picture (meta or moov), and its data (mdat), are there."""
    seen: set[bytes] = set()
    for name, start, end in _boxes(data):
        if not name.isalnum() and b"mdat" in seen and seen & _DESCRIBING_BOXES:
            return  # padding, or what a phone appends
        if name == b"\0\0\0\0" or (name == b"mdat" and ends_in_zeros(data, start, end)):
            raise truncated("the photo is incomplete, its last part is filled with zeros")
        if end > len(data):
            raise truncated("the photo is incomplete, its end is missing")
        seen.add(name)
    if b"mdat" not in seen or not seen & _DESCRIBING_BOXES:
        raise truncated("the photo is incomplete, its end is missing")


def _check_tiff(data: bytes) -> None:
    """Check that every page's directory and the strips or tiles that it lists lie in the file.

    Only the first page is decoded, but a missing further one means a copy under way.
    """
    start: int | None = None
    seen: set[int] = set()
    while start not in seen and len(seen) < MAX_TIFF_PAGES:
        try:
            tags = Directory(data, start)
            _check_tiff_page(data, tags)
        except BrokenDirectoryError:
            raise truncated("the photo is incomplete, a directory is missing") from None
        seen.add(start or 0)
        start = tags.next  # 0, "no more", counts as seen


def _check_tiff_page(data: bytes, tags: Directory) -> None:
    """Raises PhotoError, or BrokenDirectoryError where a tag's values are missing."""
    if tags.largest_count > MAX_TIFF_VALUES:
        raise corrupt("it has more parts than a photo can have")
    for tag in (258, 320, 347):  # bits, palette, JPEG's tables: no decoding without them
        tags.raw(tag)
    pieces = 273 if 273 in tags else 324  # strips or tiles; 279 and 325 are their lengths
    offsets, lengths = tags.numbers(pieces), tags.numbers(279 if pieces == 273 else 325)
    if not len(offsets) or len(offsets) != len(lengths):
        return  # Old writers leave the lengths out; the decoder finds out.
    end = int((offsets + lengths).max())
    if end > len(data):
        raise truncated("the photo is incomplete, its end is missing")
    if _tiff_breaks_off(data, end, tags, offsets):
        raise truncated("the photo is incomplete, its last part is filled with zeros")


def _tiff_breaks_off(data: bytes, end: int, tags: Directory, offsets: UInt64Array) -> bool:
    if tags.number(259, 1) != 1:  # compressed
        return ends_in_zeros(data, int(offsets.max()), end)
    # 262: what zero means, 1, 2, 6 and 8 black or near; 338: alpha, where zeros are usual.
    zero_is_black = tags.number(262, 0) in (1, 2, 6, 8) and 338 not in tags
    return _pixels_end_in_zeros(data, int(offsets.min()), end, zero_is_black=zero_is_black)


_WHOLENESS: dict[Format, Callable[[bytes], None]] = {
    Format.JPEG: _check_jpeg,
    Format.MPO: _check_mpo,
    Format.PNG: _check_png,
    Format.WEBP: _check_webp,
    Format.BMP: _check_bmp,
    Format.GIF: _check_gif,
    Format.TIFF: _check_tiff,
    Format.AVIF: _check_boxes,
    Format.HEIC: _check_boxes,
}

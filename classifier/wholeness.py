"""Is all of a photo there? Each format's own lengths and end marks say so, before any decoding.

Pure arithmetic on bytes, no library: decoders fill in what is missing without a word (a JPEG whose
second half is zeros decodes to a half-grey picture), so they are not asked. A part of zeros is what
a copy under way looks like: Windows reserves the whole size first and fills it slowly.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import numpy as np

from classifier import gif, jpeg, png
from classifier.containers import Format, corrupt, mpo_pictures, truncated
from classifier.directories import BrokenDirectoryError, Directory, UInt64Array
from classifier.zeros import ends_in_zeros, zero_tail

# More pieces than any real file has; past it a file only wants to keep the reader busy.
MAX_PIECES = 200_000
MAX_TIFF_VALUES = 1_000_000
MAX_TIFF_PAGES = 50  # that are checked; the first is the one that is decoded

_BEGINS = b"\xff\xd8"  # a JPEG
_DESCRIBING_BOXES = frozenset({b"meta", b"moov"})


def check_whole(kind: Format, data: bytes) -> None:
    """Check that no part of the file is missing.

    Raises PhotoError: truncated where the format's lengths or end marks say that data is missing,
    corrupt where they contradict each other beyond reading.
    """
    _WHOLENESS[kind](data)


def _check_jpeg(data: bytes) -> None:
    if data.endswith(b"\xff\xd9"):  # as nearly all do, and searching megabytes takes its time
        return
    frame = jpeg.frame_of(data)
    if not jpeg.has_end(data, frame):
        tail = "is filled with zeros" if ends_in_zeros(data, frame.scan_at) else "is missing"
        raise truncated(f"the photo is incomplete, its last part {tail}")


def _check_mpo(data: bytes) -> None:
    """Only the first picture is looked at, but a missing further one means a copy under way.

    Editors leave stale indexes behind: an entry counts only where a picture, or zeros, begin.
    """
    _check_jpeg(data)
    for offset, length in mpo_pictures(data)[1:]:
        mark = data[offset : offset + 2].rstrip(b"\0")
        if mark == _BEGINS:
            is_missing = offset + length > len(data) or data.find(b"\xff\xd9", offset) < 0
        else:  # the file ends, or zeros begin, before this picture or within its mark
            rest = len(data) - offset - len(mark)
            is_missing = _BEGINS.startswith(mark) and 0 <= rest <= zero_tail(data, len(data))
        if is_missing:
            raise truncated("the photo is incomplete, its second picture is missing")


def _check_png(data: bytes) -> None:
    for _ in png.chunks(data):
        pass


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
    for _ in gif.blocks(data):  # the pictures after the first are not decoded later
        pass


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
    if _are_too_many_zeros(zero_tail(data, end), end - start, zero_is_black=bits >= 16):
        raise truncated("the photo is incomplete, its last part is filled with zeros")


def _are_too_many_zeros(zeros: int, size_bytes: int, *, zero_is_black: bool) -> bool:
    """Say whether uncompressed pixels break off, by the zeros at their end.

    No camera gives black without noise for long; zeros that mean white or transparent may well be
    a border, but not half the photo.
    """
    share = 16 if zero_is_black else 2
    return zeros >= max(1024, size_bytes // share)


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
    if (0 in tags and not tags.kind(0)) or not tags.numbers(258).all():
        raise BrokenDirectoryError  # zeros where the copy has not arrived yet
    for tag in (258, 320, 347):  # bits, palette, JPEG's tables: no decoding without them
        tags.raw(tag)
    pieces = 273 if 273 in tags else 324  # strips or tiles; 279 and 325 are their lengths
    if tags.count(pieces) > MAX_TIFF_VALUES:
        raise corrupt("it has more parts than a photo can have")
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
    start, zeros = int(offsets.min()), zero_tail(data, end)
    if not zeros:
        return False
    lost, pixels = _tiff_pixels(tags, offsets, end - zeros, end) or (zeros, end - start)
    return _are_too_many_zeros(lost, pixels, zero_is_black=zero_is_black)


def _tiff_pixels(
    tags: Directory, offsets: UInt64Array, zeros_from: int, end: int
) -> tuple[int, int] | None:
    """Bytes of pixels behind `zeros_from`, and in all; None where measures are missing.

    Tiles reach beyond the picture, and so may the last strip, which writers fill with zeros.
    """
    width, height = tags.number(256, 0), tags.number(257, 0)
    if 273 in tags:
        columns, rows = width, min(tags.number(278, height), height)
    else:
        columns, rows = tags.number(322, width), tags.number(323, height)
    if not (width and height and columns and rows):
        return None
    across, down = -(-width // columns), -(-height // rows)
    # Planes follow each other. Floating point, as a damaged measure may be of any size.
    place = np.arange(len(offsets)) % min(across * down, len(offsets))
    real_columns = np.minimum(columns, width - place % across * columns)
    real_rows = np.minimum(rows, height - place // across * rows)
    row_bytes, starts = _tiff_row_bytes(tags, columns), offsets.astype(np.float64)
    ends = np.minimum(starts + row_bytes * rows, end)
    zero_rows = np.clip((ends - np.maximum(starts, zeros_from)) / row_bytes, 0, rows)
    lost_rows = np.clip(zero_rows - (rows - real_rows), 0, None)
    real_bytes = real_columns / columns * row_bytes
    return int((lost_rows * real_bytes).sum()), int((real_rows * real_bytes).sum())


def _tiff_row_bytes(tags: Directory, columns: int) -> float:
    bits, samples = tags.numbers(258), tags.number(277, 1)
    first = int(bits[0]) if len(bits) else 1
    one_plane = tags.number(284, 1) == 2
    return float(max(1, (columns * first * (1 if one_plane else samples) + 7) // 8))


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

"""A TIFF's first page as its decoder needs it: written anew with only the tags that make pixels.

So it is given where the file is a BigTIFF of the byte order that Pillow cannot read, and where what
stands beside the pixels keeps it from being read. The compressed pixels stay where they are.
Sources: TIFF 6.0; the BigTIFF design (libtiff).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from classifier.directories import BrokenDirectoryError, Directory

# By name: the picture's measures, colours, compression and pieces, its orientation, its profile.
_SIZE, _COLOURS = (256, 257), (258, 262, 266, 277, 284, 320, 338, 339)
_COMPRESSION = (259, 292, 293, 317, 347, *range(512, 522))
_PIECES = (273, 278, 279, 322, 323, 324, 325)
_YCBCR = (529, 530, 531, 532)
_ORIENTATION, _PROFILE = 274, 34675
_NEEDED = sorted((*_SIZE, *_COLOURS, *_COMPRESSION, *_PIECES, *_YCBCR, _ORIENTATION, _PROFILE))
_MAY_BE_LEFT_OUT = frozenset({_ORIENTATION, _PROFILE})
# More values than any tag beside the pixels has; a decoder that reads them all takes its time.
MOST_VALUES = 1_000_000
# More strips or tiles than any photo has: each costs a hundred bytes while it is moved.
_MOST_PIECES = 400_000
_LONG, _LONG8 = 4, 16
_OLD_JPEG = 6
_WHERE = ((273, 279), (324, 325))  # strips and tiles: where they begin, how long they are

_Entry = tuple[int, int, int, bytes]  # tag, type, count, values


def readable(data: bytes) -> bytes:
    """The file as it is, or written anew if a decoder should not be given it so."""
    is_big = data[2:4] in (b"+\0", b"\0+")
    is_foreign = is_big and data[:2] == b"MM"
    if is_foreign or Directory(data).largest_count > MOST_VALUES:
        return bare(data)
    return data


def bare(data: bytes) -> bytes:
    """A classic TIFF of the first page, with nothing in it but pixels.

    Raises BrokenDirectoryError where what makes the pixels is not all there, and struct.error where
    it lies beyond four gigabytes.
    """
    tags = Directory(data)
    return _written(data, tags.order, _entries(tags, len(data)))


def only_pixels(data: bytes) -> bytes:
    """A classic TIFF of the first page, made anew: nothing else of the file is in it.

    Raises BrokenDirectoryError where its pixels are not all there, or kept as old JPEGs.
    """
    tags = Directory(data)
    if tags.number(_COMPRESSION[0], 1) == _OLD_JPEG:
        raise BrokenDirectoryError
    kept, at, moved = [data[:8]], 8, {}
    for starts, lengths in _WHERE:
        where = []
        for piece in _pieces(data, tags, starts, lengths):
            where.append(at)
            kept += [piece, bytes(len(piece) % 2)]
            at += len(piece) + len(piece) % 2
        if where:
            packed = struct.pack(f"{tags.order}{len(where)}I", *where)
            moved[starts] = (starts, _LONG, len(where), packed)
    entries = [moved.get(entry[0], entry) for entry in _entries(tags, len(data))]
    return _written(b"".join(kept), tags.order, entries)


def _pieces(data: bytes, tags: Directory, starts: int, lengths: int) -> Iterator[bytes]:
    """The compressed pixels that a pair of tags points to."""
    if max(tags.count(starts), tags.count(lengths)) > _MOST_PIECES:
        raise BrokenDirectoryError
    begins, sizes = tags.numbers(starts).tolist(), tags.numbers(lengths).tolist()
    # Pieces that share bytes would make much of little.
    if len(begins) != len(sizes) or sum(sizes) > len(data):
        raise BrokenDirectoryError
    for begin, size in zip(begins, sizes, strict=True):
        if begin + size > len(data):
            raise BrokenDirectoryError
        yield data[begin : begin + size]


def _entries(tags: Directory, most_bytes: int) -> list[_Entry]:
    """What makes the pixels."""
    entries: list[_Entry] = []
    for tag in (tag for tag in _NEEDED if tag in tags):
        try:
            entries.append((tag, *_values(tags, tag)))
        except BrokenDirectoryError:
            if tag not in _MAY_BE_LEFT_OUT:
                raise
        # Tags that share bytes would make much of little.
        if sum(len(entry[3]) for entry in entries) > most_bytes:
            raise BrokenDirectoryError
    return entries


def _values(tags: Directory, tag: int) -> tuple[int, int, bytes]:
    """(type, count, bytes) of a tag, in types that a classic TIFF has."""
    kind, count, raw = tags.kind(tag), tags.count(tag), tags.raw(tag)
    if kind != _LONG8:
        return kind, count, raw
    if count > MOST_VALUES:
        raise BrokenDirectoryError
    numbers = struct.unpack(f"{tags.order}{count}Q", raw)
    return _LONG, count, struct.pack(f"{tags.order}{count}I", *numbers)


def _written(data: bytes, order: str, entries: list[_Entry]) -> bytes:
    """The file with another directory, behind all that it has."""
    start = len(data) + len(data) % 2
    values_at = start + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(order + "H", len(entries)), b""
    for tag, kind, count, raw in entries:
        directory += struct.pack(order + "HHI", tag, kind, count)
        if len(raw) <= 4:
            directory += raw.ljust(4, b"\0")
        else:
            directory += struct.pack(order + "I", values_at + len(values))
            values += raw + bytes(len(raw) % 2)
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HI", 42, start)
    return b"".join((head, data[8:], bytes(start - len(data)), directory, bytes(4), values))

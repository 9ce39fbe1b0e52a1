"""TIFF directories, the numbered tags that TIFF files, EXIF blocks and multi-picture indexes hold.

A directory is read by itself, and of it only what is asked for: the bytes may be anything.
Sources: TIFF 6.0, section 2; for 64-bit offsets the BigTIFF design (libtiff).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NUMBER_TYPES = {3: "u2", 4: "u4", 16: "u8"}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
_BYTE_TYPES = frozenset({1, 2, 6, 7})


class BrokenDirectoryError(ValueError):
    """The directory, or values that it points to, are not all there."""


def orientation_of(exif: bytes | None) -> int:
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


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    at: int  # where in the entry the value, or the offset of the values, stands


class Directory:
    """A directory of `data`, which begins with one of MARKS: the first, or the one at `start`."""

    next: int  # where the next directory starts; 0: there is none

    def __init__(self, data: bytes, start: int | None = None) -> None:
        """Raises BrokenDirectoryError if the directory is not there."""
        self._data = data
        self._order = "<" if data[:2] == b"II" else ">"
        big = b"+" in data[2:4]
        self._word, self._word_bytes = ("Q", 8) if big else ("I", 4)
        self._entries: dict[int, _Entry] = {}
        try:
            if start is None:
                (start,) = self._unpack(self._word, 8 if big else 4)
            (count,) = self._unpack("Q" if big else "H", start)
            self.next = self._read_entries(start + (8 if big else 2), count)
        except (struct.error, OverflowError) as exc:
            raise BrokenDirectoryError from exc

    @property
    def largest_count(self) -> int:
        """How many values the longest tag has, texts and other bytes aside."""
        counts = (entry.count for entry in self._entries.values() if entry.kind not in _BYTE_TYPES)
        return max(counts, default=0)

    @property
    def order(self) -> str:
        """How numbers are written, as `struct` calls it: "<" or ">"."""
        return self._order

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int) -> UInt64Array:
        """The whole numbers of a tag; empty if it is absent or holds something else.

        Raises BrokenDirectoryError if they are not all there.
        """
        entry = self._entries.get(tag)
        if entry is None or entry.kind not in _NUMBER_TYPES or not entry.count:
            return np.zeros(0, np.uint64)
        dtype = np.dtype(self._order + _NUMBER_TYPES[entry.kind])
        return np.frombuffer(self._values(entry), dtype).astype(np.uint64)

    def number(self, tag: int, default: int) -> int:
        """The first whole number of a tag."""
        found = self.numbers(tag)
        return int(found[0]) if len(found) else default

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag; empty if it is absent. Raises BrokenDirectoryError like `numbers`."""
        entry = self._entries.get(tag)
        return b"" if entry is None or entry.kind not in _TYPE_BYTES else self._values(entry)

    def kind(self, tag: int) -> int:
        """The type of a tag's values, by TIFF's number; 0 if the tag is absent."""
        entry = self._entries.get(tag)
        return 0 if entry is None else entry.kind

    def count(self, tag: int) -> int:
        """How many values a tag announces."""
        entry = self._entries.get(tag)
        return 0 if entry is None else entry.count

    def _read_entries(self, first: int, count: int) -> int:
        """Read the entries that begin at `first`; returns what stands behind them."""
        entry_bytes = 4 + 2 * self._word_bytes
        end = first + entry_bytes * count
        if not 0 < count <= 65_536 or end > len(self._data):
            raise BrokenDirectoryError
        for at in range(first, end, entry_bytes):
            tag, kind, length = self._unpack("HH" + self._word, at)
            self._entries[tag] = _Entry(kind, length, at + 4 + self._word_bytes)
        # EXIF blocks often end here.
        return self._unpack(self._word, end)[0] if end + self._word_bytes <= len(self._data) else 0

    def _values(self, entry: _Entry) -> bytes:
        size, at = entry.count * _TYPE_BYTES[entry.kind], entry.at
        if size > self._word_bytes:
            (at,) = self._unpack(self._word, at)
        if at + size > len(self._data):
            raise BrokenDirectoryError
        return self._data[at : at + size]

    def _unpack(self, layout: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + layout, self._data, at)

"""HEIC and AVIF without metadata: all is blanked but pixels and what describes them.

Nothing moves, so that what says where things lie stays true. Orientation and colours are properties
of the picture, and stay. Sources: ISO/IEC 14496-12 (boxes, 8.11 items), 23008-12 (HEIF).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from classifier.containers import corrupt, unsupported

# Everything that pixels are made of; items of another kind are not known, and not let through.
_PIXELS = frozenset({b"hvc1", b"hev1", b"av01", b"grid", b"iden", b"iovl", b"tmap", b"jpeg"})
_BESIDE = frozenset({b"Exif", b"mime", b"uri "})
_DESCRIBES = frozenset(
    {b"ftyp", b"meta", b"hdlr", b"pitm", b"iinf", b"iloc", b"iprp", b"iref", b"dinf", b"grpl"}
)
_KEPT = _DESCRIBES | {b"mdat", b"idat", b"free", b"skip"}
# More than any photo has; each costs a hundred bytes and more while it is looked at.
_MOST_BOXES = _MOST_PARTS = 100_000
# No offset, and a TIFF without a tag: what reads EXIF finds none.
_NO_EXIF = bytes(4) + b"MM\0*" + struct.pack(">IHI", 8, 0, 0)


_Part = tuple[int, int]  # where it begins and ends in the file


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int  # of its header
    body: int
    end: int


def stripped(data: bytes) -> bytes:
    """The same file, of the same length. Raises PhotoError where it cannot be taken apart."""
    top = [*_boxes(data, 0, len(data))]
    meta = next((box for box in top if box.kind == b"meta"), None)
    if meta is None or any(box.kind in (b"moov", b"moof") for box in top):
        raise unsupported("a film of pictures")
    inside = {box.kind: box for box in _boxes(data, meta.body + 4, meta.end)}
    if b"iinf" not in inside or b"iloc" not in inside:
        raise corrupt("its parts do not follow each other")
    blank = bytearray(data)
    for box in [*top, *inside.values()]:
        if box.kind not in _KEPT:
            blank[box.start + 4 : box.start + 8] = b"free"
        if box.kind not in _DESCRIBES:
            blank[box.body : box.end] = bytes(box.end - box.body)
    kinds = _kinds(data, inside[b"iinf"])
    _put_items(blank, data, kinds, _Places(data, inside[b"iloc"], inside.get(b"idat")).read())
    return bytes(blank)


def _put_items(
    blank: bytearray, data: bytes, kinds: dict[int, bytes], places: dict[int, list[_Part]]
) -> None:
    """Put the pixels where they lie, and say in the place of EXIF that there is none."""
    parts: defaultdict[bytes, list[_Part]] = defaultdict(list)
    for number, kind in kinds.items():
        parts[kind] += places.get(number, [])
    for start, end in parts[b"Exif"]:
        blank[start:end] = _NO_EXIF[: end - start].ljust(end - start, b"\0")
    for start, end in (part for kind in _PIXELS for part in parts[kind]):
        blank[start:end] = data[start:end]


def _boxes(data: bytes, at: int, end: int) -> Iterator[_Box]:
    for _ in range(_MOST_BOXES):
        if at == end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = end if size == 0 else at + size
        if stop > end or stop < body:
            raise corrupt("its parts do not follow each other")
        yield _Box(kind, at, body, stop)
        at = stop
    raise corrupt("it has more parts than a photo can have")


def _kinds(data: bytes, box: _Box) -> dict[int, bytes]:
    """What each item is."""
    version = data[box.body]
    kinds = {}
    for entry in _boxes(data, box.body + (6 if version == 0 else 8), box.end):
        if entry.kind != b"infe" or data[entry.body] not in (2, 3):
            raise unsupported("an unusual HEIF")
        wide = data[entry.body] == 3
        number, _, kind = struct.unpack_from(">IH4s" if wide else ">HH4s", data, entry.body + 4)
        if kind not in _PIXELS and kind not in _BESIDE:
            raise unsupported("an unusual HEIF")
        kinds[number] = kind
    return kinds


class _Places:
    """Reads where the items lie."""

    def __init__(self, data: bytes, box: _Box, idat: _Box | None) -> None:
        self._data = data
        self._idat = idat
        self._at = box.body + 4
        self._left = 2 * len(data)
        self._parts_left = _MOST_PARTS
        self._version = data[box.body]
        if self._version > 2:
            raise unsupported("an unusual HEIF")
        sizes = self._number(2)
        self._offset, self._length = sizes >> 12, sizes >> 8 & 15
        self._base, self._index = sizes >> 4 & 15, sizes & 15 if self._version else 0

    def read(self) -> dict[int, list[_Part]]:
        """Where all parts of each item lie."""
        wide = 4 if self._version == 2 else 2
        return {self._number(wide): self._item() for _ in range(self._number(wide))}

    def _item(self) -> list[_Part]:
        method = self._number(2) & 15 if self._version else 0
        self._number(2)  # of which file
        base = self._number(self._base)
        return [self._part(method, base) for _ in range(self._number(2))]

    def _part(self, method: int, base: int) -> _Part:
        self._number(self._index)
        start, length = base + self._number(self._offset), self._number(self._length)
        if method == 1 and self._idat is not None:
            start += self._idat.body
        elif method != 0:
            raise unsupported("an unusual HEIF")
        self._left -= length  # parts that share bytes would make much of little
        self._parts_left -= 1
        is_too_much = self._left < 0 or self._parts_left < 0
        if not length or start + length > len(self._data) or is_too_much:
            raise corrupt("its parts do not follow each other")
        return start, start + length

    def _number(self, size: int) -> int:
        end = self._at + size
        if end > len(self._data):
            raise corrupt("its parts do not follow each other")
        found = int.from_bytes(self._data[self._at : end], "big")
        self._at = end
        return found

"""HEIC and AVIF without metadata: all is blanked but pixels and what describes them.

Nothing moves, so that what says where things lie stays true. Orientation and colours are properties
of the picture, and stay. Sources: ISO/IEC 14496-12 (boxes, 8.11 items), 23008-12 (HEIF).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from classifier.containers import corrupt, unsupported

# Everything that pixels are made of; items of another kind are not known, and not let through.
_PIXELS = frozenset({b"hvc1", b"hev1", b"av01", b"grid", b"iden", b"iovl", b"tmap", b"jpeg"})
_BESIDE = frozenset({b"Exif", b"mime", b"uri "})
_DESCRIBES = frozenset(
    {b"ftyp", b"meta", b"hdlr", b"pitm", b"iinf", b"iloc", b"iprp", b"iref", b"dinf", b"grpl"}
)
# Properties by which a picture is shown. Others tell of it: in words, when, by which lens.
_SHOWS = frozenset(
    {
        *(b"hvcC", b"lhvC", b"av1C", b"jpgC", b"ispe", b"pixi", b"pasp", b"colr", b"clli", b"mdcv"),
        *(b"cclv", b"amve", b"clap", b"irot", b"imir", b"iscl", b"rloc", b"auxC", b"a1op", b"a1lx"),
        *(b"lsel", b"tols", b"free"),
    }
)
_NAMES = frozenset({b"", b"Color", b"Alpha"})  # which encoders give to pixels
# Not zeros: a file that ends in those looks as if its end had not arrived yet.
_FILLING = b" "
_HIDDEN = 1  # among the flags of an item
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
    meta = _only(top).get(b"meta")
    if meta is None or any(box.kind in (b"moov", b"moof") for box in top):
        raise unsupported("a film of pictures")
    within = [*_boxes(data, meta.body + 4, meta.end)]
    inside = _only(within)
    if b"iinf" not in inside or b"iloc" not in inside:
        raise corrupt("its parts do not follow each other")
    blank = bytearray(data)
    for box in [*top, *within]:
        if box.kind not in _KEPT:
            blank[box.start + 4 : box.start + 8] = b"free"
        if box.kind not in _DESCRIBES:
            blank[box.body : box.end] = _FILLING * (box.end - box.body)
    kinds = _kinds(data, inside[b"iinf"])
    _take_names(blank, data, inside)
    if b"iprp" in inside:
        _take_properties(blank, data, [*_boxes(data, inside[b"iprp"].body, inside[b"iprp"].end)])
    if b"iref" in inside:
        _take_thumbnails(blank, data, kinds, inside)
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
        blank[start:end] = _NO_EXIF[: end - start].ljust(end - start, _FILLING)
    for start, end in (part for kind in _PIXELS for part in parts[kind]):
        blank[start:end] = data[start:end]


def _take_names(blank: bytearray, data: bytes, inside: Mapping[bytes, _Box]) -> None:
    """Of the file's kind, and of items: whoever wrote them may have written anything."""
    if b"hdlr" in inside:
        _clear(blank, inside[b"hdlr"].body + 24, inside[b"hdlr"].end)
    for entry in _entries(data, inside[b"iinf"]):
        at = entry.body + (14 if data[entry.body] == 3 else 12)
        if data[at : entry.end].partition(b"\0")[0] not in _NAMES:
            _clear(blank, at, entry.end)


def _only(boxes: Sequence[_Box]) -> dict[bytes, _Box]:
    """By kind. Raises PhotoError where it is not said once what the others are."""
    kinds = [box.kind for box in boxes if box.kind in _DESCRIBES]
    if len(kinds) > len({*kinds}):
        raise corrupt("its parts do not follow each other")
    return {box.kind: box for box in boxes}


def _take_properties(blank: bytearray, data: bytes, boxes: Sequence[_Box]) -> None:
    """Raises PhotoError where one that is not known is needed for the picture."""
    needed = {one for box in boxes if box.kind == b"ipma" for one in _needed(data, box)}
    for box in boxes:
        if box.kind not in (b"ipco", b"ipma"):
            _free(blank, box)
    held = [one for box in boxes if box.kind == b"ipco" for one in _boxes(data, box.body, box.end)]
    for number, one in enumerate(held, start=1):
        if one.kind not in _SHOWS:
            if number in needed:
                raise unsupported("an unusual HEIF")
            _free(blank, one)


def _needed(data: bytes, box: _Box) -> set[int]:
    """The numbers of properties without which an item must not be shown."""
    at, needed, wide = box.body + 8, set(), data[box.body + 3] & 1
    for _ in range(min(int.from_bytes(data[at - 4 : at], "big"), _MOST_BOXES)):
        at += 4 if data[box.body] else 2  # the item's number
        count, at = data[at], at + 1
        for found in struct.unpack_from(f">{count}{'H' if wide else 'B'}", data, at):
            if found >> (15 if wide else 7):
                needed.add(found & (0x7FFF if wide else 0x7F))
        at += count * (1 + wide)
    return needed


def _take_thumbnails(
    blank: bytearray, data: bytes, kinds: dict[int, bytes], inside: Mapping[bytes, _Box]
) -> None:
    """They may show what the picture does not, as before it was cut."""
    box = inside[b"iref"]
    number = ">I" if data[box.body] else ">H"
    taken = set()
    for one in _boxes(data, box.body + 4, box.end):
        if one.kind == b"thmb":
            taken.add(struct.unpack_from(number, data, one.body)[0])
            blank[one.start + 4 : one.start + 8] = b"free"  # a reference of no kind
    for entry in _entries(data, inside[b"iinf"]):
        if (item := _number_of(data, entry)) in taken:
            kinds[item] = b"thmb"
            blank[entry.body + 3] |= _HIDDEN


def _free(blank: bytearray, box: _Box) -> None:
    blank[box.start + 4 : box.start + 8] = b"free"
    _clear(blank, box.body, box.end)


def _clear(blank: bytearray, start: int, end: int) -> None:
    blank[start:end] = bytes(max(end - start, 0))


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
    kinds = {}
    for entry in _entries(data, box):
        if entry.kind != b"infe" or data[entry.body] not in (2, 3):
            raise unsupported("an unusual HEIF")
        at = entry.body + (10 if data[entry.body] == 3 else 8)
        kind = data[at : at + 4]
        if kind not in _PIXELS and kind not in _BESIDE:
            raise unsupported("an unusual HEIF")
        kinds[_number_of(data, entry)] = kind
    return kinds


def _entries(data: bytes, box: _Box) -> Iterator[_Box]:
    return _boxes(data, box.body + (6 if data[box.body] == 0 else 8), box.end)


def _number_of(data: bytes, entry: _Box) -> int:
    wide = data[entry.body] == 3
    found: int = struct.unpack_from(">I" if wide else ">H", data, entry.body + 4)[0]
    return found


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

"""Writes TIFFs that Pillow does not write: planes, tiles, BigTIFF, any samples in either order."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
_FORMATS = {"u": 1, "i": 2, "f": 3}


@dataclass(frozen=True)
class Layout:
    """How the samples are written. tile: (columns, rows), else strips of 50 rows."""

    order: Literal["<", ">"] = "<"
    is_big: bool = False
    is_planar: bool = False
    tile: tuple[int, int] | None = None
    is_packed: bool = False  # by deflate


def tiff(
    samples: Samples,
    photometric: int,
    layout: Layout,
    *,
    extra: Sequence[int] = (),
    tags: dict[int, int] | None = None,
) -> bytes:
    """A file of one page. samples: (height, width, samples) of any kind of number."""
    height, width, count = samples.shape
    pieces = [piece for plane in _planes(samples, layout) for piece in _pieces(plane, layout)]
    packed = [zlib.compress(piece) if layout.is_packed else piece for piece in pieces]
    at = 16 if layout.is_big else 8
    offsets = [at + sum(map(len, packed[:number])) for number in range(len(packed))]
    found = {
        256: [width],
        257: [height],
        258: [samples.dtype.itemsize * 8] * count,
        259: [8 if layout.is_packed else 1],
        262: [photometric],
        277: [count],
        284: [2 if layout.is_planar else 1],
        339: [_FORMATS[samples.dtype.kind]] * count,
    }
    if layout.tile:
        found |= {322: [layout.tile[0]], 323: [layout.tile[1]], 324: offsets}
        found[325] = [len(piece) for piece in packed]
    else:
        found |= {273: offsets, 278: [50], 279: [len(piece) for piece in packed]}
    found |= {338: list(extra)} if extra else {}
    found |= {tag: [value] for tag, value in (tags or {}).items()}
    return _file(layout, b"".join(packed), found)


def _planes(samples: Samples, layout: Layout) -> Iterator[Samples]:
    written = samples.astype(samples.dtype.newbyteorder(layout.order))
    if layout.is_planar:
        yield from (written[..., one : one + 1] for one in range(samples.shape[2]))
    else:
        yield written


def _pieces(plane: Samples, layout: Layout) -> Iterator[bytes]:
    height, width, _ = plane.shape
    if layout.tile is None:
        yield from (plane[top : top + 50].tobytes() for top in range(0, height, 50))
        return
    columns, rows = layout.tile
    padding = ((0, -height % rows), (0, -width % columns), (0, 0))
    whole = np.pad(plane, padding).astype(plane.dtype)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            yield whole[top : top + rows, left : left + columns].tobytes()


def _file(layout: Layout, pixels: bytes, tags: dict[int, list[int]]) -> bytes:
    order, word = layout.order, "Q" if layout.is_big else "I"
    word_bytes = struct.calcsize(word)
    mark = b"II" if order == "<" else b"MM"
    head_bytes = 16 if layout.is_big else 8
    start = head_bytes + len(pixels) + len(pixels) % 2
    numbers = (
        struct.pack(order + "HHH", 43, 8, 0) if layout.is_big else struct.pack(order + "H", 42)
    )
    head = mark + numbers + struct.pack(order + word, start)
    count = struct.pack(order + ("Q" if layout.is_big else "H"), len(tags))
    values_at = start + len(count) + (4 + 2 * word_bytes) * len(tags) + word_bytes
    directory, values = count, b""
    for tag, entries in sorted(tags.items()):
        kind, letter = (4, "I") if tag in (273, 279, 324, 325) else (3, "H")
        raw = struct.pack(f"{order}{len(entries)}{letter}", *entries)
        directory += struct.pack(order + "HH" + word, tag, kind, len(entries))
        if len(raw) <= word_bytes:
            directory += raw.ljust(word_bytes, b"\0")
        else:
            directory += struct.pack(order + word, values_at + len(values))
            values += raw + bytes(len(raw) % 2)
    return head + pixels + bytes(len(pixels) % 2) + directory + bytes(word_bytes) + values

"""A GIF's blocks: the pictures, and the extensions that stand before and between them.

Source: GIF89a specification, 12 to 27.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from classifier.containers import corrupt, truncated
from classifier.zeros import ends_in_zeros

# More than any real file has; past it a file only wants to keep the reader busy.
MAX_BLOCKS = 200_000
IMAGE, EXTENSION, TRAILER = b",", b"!", b";"
_HEADER_BYTES = 13


@dataclass(frozen=True, slots=True)
class Block:
    """A picture or an extension, from its mark to the end of its data."""

    mark: bytes
    start: int
    end: int


def head_bytes(data: bytes) -> int:
    """How long the header is, with the colour table that all pictures share."""
    return _HEADER_BYTES + _palette_bytes(data, 10)


def blocks(data: bytes) -> Iterator[Block]:
    """Yield all blocks up to the trailer.

    Raises PhotoError: truncated where the file ends before it, corrupt where there is no order.
    """
    at, has_picture = head_bytes(data), False
    for _ in range(MAX_BLOCKS):
        mark = data[at : at + 1]
        if mark == TRAILER:
            return
        if mark == b"":
            raise truncated("the photo is incomplete, its end is missing")
        if mark == b"\0" and ends_in_zeros(data, at):
            raise truncated("the photo is incomplete, its last part is filled with zeros")
        if mark not in (IMAGE, EXTENSION):
            if has_picture:  # as browsers do: what follows a whole picture does not harm it
                return
            raise corrupt("its parts do not follow each other")
        inside = at + (2 if mark == EXTENSION else 11 + _palette_bytes(data, at + 9))
        end = _end(data, inside)
        yield Block(mark, at, end)
        at, has_picture = end, has_picture or mark == IMAGE


def _palette_bytes(data: bytes, at: int) -> int:
    """Bytes of the colour table that the flags at `at` announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end(data: bytes, at: int) -> int:
    """Where the chain of length-prefixed pieces that starts at `at` ends."""
    for _ in range(MAX_BLOCKS):
        if at >= len(data):
            raise truncated("the photo is incomplete, its end is missing")
        length = data[at]
        at += 1 + length
        if length == 0:
            return at
    raise corrupt("it has more parts than a photo can have")

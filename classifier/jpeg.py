"""What stands between a JPEG's markers: its frame, its scans, and where its picture ends.

Pure arithmetic on bytes, for `classifier.wholeness`, `classifier.support` and `classifier.pixels`;
read as libjpeg reads it, so that all see the same picture.
Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from classifier.containers import corrupt, truncated

# More than any real file has; past it a file only wants to keep the reader busy.
MAX_SEGMENTS = 10_000
MAX_SCANS = 200_000
MAX_JUNK_BYTES = 65_536

SOI, EOI, SOS, DNL, DHP = 0xD8, 0xD9, 0xDA, 0xDC, 0xDE
LOSSLESS = 0xC3
PROGRESSIVE = frozenset({0xC2, 0xCA})
# All that begin a frame, JPEG-LS (F7) and hierarchical ones (DHP) among them.
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7, DHP} - {0xC4, 0xC8, 0xCC})
# Inside a scan FF is followed by 00 or a restart mark, or by further FFs as padding.
_NEXT_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before the first scan; all 0 where no frame does."""

    kind: int = 0  # its marker: C0 baseline, C2 progressive, C3 lossless ...
    bits: int = 0  # of a colour
    height: int = 0  # 0: said behind the first scan (DNL)
    width: int = 0
    components: int = 0
    height_at: int = 0  # where in the file the height stands
    first_scan_components: int = 0
    scan_at: int = 0  # where the first scan's compressed pixels begin

    @property
    def has_one_scan(self) -> bool:
        """Whether the first scan holds the whole picture."""
        return self.kind not in PROGRESSIVE and self.first_scan_components >= self.components


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, end) of each segment up to and with the first start of scan.

    Raises PhotoError: truncated where the file ends before a scan, corrupt where there is none.
    """
    at, junk_bytes = 2, 0
    for _ in range(MAX_SEGMENTS):
        found = data.find(b"\xff", at)
        if found < 0 or found + 4 > len(data):
            raise truncated("the photo is incomplete, it ends within its header")
        junk_bytes += found - at
        if junk_bytes > MAX_JUNK_BYTES:
            break
        marker = data[found + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= SOI:  # nothing follows these
            at = found + (1 if marker == 0xFF else 2)
            continue
        end = found + 2 + int.from_bytes(data[found + 2 : found + 4], "big")
        yield marker, found + 4, end
        if marker == SOS:
            return
        if marker == EOI:
            break
        at = max(end, found + 4)
    raise corrupt("there is no picture between its headers")


def frame_of(data: bytes) -> Frame:
    """The frame that the first scan belongs to. Raises PhotoError as `segments`."""
    frame = Frame()
    for marker, start, end in segments(data):
        if marker in _FRAMES and frame.kind != DHP:
            head = data[start : start + 6].ljust(6, b"\0")
            height, width = int.from_bytes(head[1:3], "big"), int.from_bytes(head[3:5], "big")
            frame = Frame(marker, head[0], height, width, head[5], height_at=start + 1)
        elif marker == SOS:
            components = data[start] if start < len(data) else 0
            frame = replace(frame, first_scan_components=components, scan_at=end)
    return frame


def scans_of(data: bytes, frame: Frame) -> int:
    """Count the scans that a decoder will read: 1 unless it is progressive or in parts.

    Each further one costs a pass over the whole picture, which the decoder then holds in memory.
    What is appended behind the picture, such as a video, is not looked at.
    """
    if frame.has_one_scan:
        return 1
    return 1 + sum(marker == SOS for marker, _ in markers(data, frame.scan_at))


def has_end(data: bytes, frame: Frame) -> bool:
    """Whether the end mark of the picture is there."""
    if frame.has_one_scan:
        # Inside a scan FF is never followed by D9; looked for from where it mostly stands.
        return data.rfind(b"\xff\xd9", frame.scan_at) >= 0
    return any(marker == EOI for marker, _ in markers(data, frame.scan_at))


def with_height(data: bytes, frame: Frame) -> bytes:
    """The same picture, its height in the frame instead of behind the first scan (DNL).

    Scanners that do not know it beforehand write it so. Raises PhotoError where it is nowhere.
    """
    marker, at = next(markers(data, frame.scan_at), (EOI, 0))
    height = data[at + 4 : at + 6]
    if marker != DNL or not any(height):
        raise corrupt("it does not say how high it is")
    return b"".join((data[: frame.height_at], height, data[frame.height_at + 2 :]))


def markers(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Yield (marker, where it stands) from a scan's compressed pixels on, up to the end mark."""
    for _ in range(MAX_SCANS):
        found = _NEXT_MARKER.search(data, at)
        if found is None:
            return
        marker, at = found[1][0], found.end()
        yield marker, found.start()
        if marker == EOI:
            return
        if marker not in (0x01, SOI):
            at += int.from_bytes(data[at : at + 2], "big")
    raise corrupt("it has more parts than a photo can have")

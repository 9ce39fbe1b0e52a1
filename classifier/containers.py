"""What a photo's first bytes say: which format it is, or what it looks like instead.

Pure arithmetic on bytes, no library. Whether the file is whole is `classifier.wholeness`' word,
decoding is `classifier.pixels`' part.
"""

from __future__ import annotations

import re
import struct
from enum import StrEnum

from classifier.directories import MARKS, BrokenDirectoryError, Directory
from config.errors import PhotoError, PhotoProblem


class Format(StrEnum):
    """What nightsort can decode; the content decides, never the file's name."""

    JPEG = "JPEG"
    MPO = "MPO"
    PNG = "PNG"
    WEBP = "WebP"
    BMP = "BMP"
    GIF = "GIF"
    TIFF = "TIFF"
    AVIF = "AVIF"
    HEIC = "HEIC"


UNSUPPORTED = "this kind of file is not supported"  # people and alerts look for it: it stays

BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_MARKS = (
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
)
# The index stands in one of the first segments, behind EXIF and a colour profile at most.
MPF_WITHIN_BYTES = 262_144
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)

_OTHER_CONTENT = (
    (rb"%PDF", "a PDF document"),
    (rb"\s*<(?:!doctype html|html|head|body)", "a web page"),
    (rb"(?:\s*<\?xml[^>]*>)?\s*(?:<!--.*?-->\s*)?<svg", "an SVG drawing"),
    (rb"PK\x03\x04", "a ZIP archive or an Office document"),
    (rb"\xd0\xcf\x11\xe0", "an old Office document or a thumbnail cache"),
    (rb"Rar!|7z\xbc\xaf|\x1f\x8b|BZh", "an archive"),
    (rb"RIFF....AVI |\x1aE\xdf\xa3|\x00\x00\x01\xba", "a video"),
    (rb"....ftyp(?:crx )", "a raw photo as cameras store them"),
    (rb"II\*\x00....CR|FUJIFILMCCD-RAW|IIU\x00|IIR[OS]", "a raw photo as cameras store them"),
    (rb"....ftyp(?:avc[is]|j2k[is]|jpe?gs?|vvi[cs]|mif2|miaf)", "a rare kind of HEIF"),
    (rb"....ftyp|....moov|....mdat", "a video"),
    (rb"8BPS", "a Photoshop file"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
    (rb"II\xbc[\x00\x01]", "a JPEG XR picture"),
    (rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (rb"\x00\x00[\x01\x02]\x00", "an icon"),
    (rb"ID3|RIFF....WAVE|OggS|fLaC", "a sound"),
    (rb"MZ|\x7fELF", "a program"),
    (rb"\x00\x05\x16[\x00\x07]", "a side file of macOS"),
)


def truncated(what: str) -> PhotoError:
    """The error of a photo of which a part has not arrived; `what` says which."""
    return PhotoError(PhotoProblem.TRUNCATED, f"{what}: copy the photo again")


def corrupt(what: str) -> PhotoError:
    """The error of a photo whose bytes contradict its format; `what` says how."""
    return PhotoError(
        PhotoProblem.CORRUPT, f"the photo is damaged ({what}): take or copy the photo again"
    )


def not_an_image(content: str) -> PhotoError:
    """The error of a file that is none of the formats; `content` says what it is instead."""
    return PhotoError(
        PhotoProblem.NOT_AN_IMAGE,
        f"not a photo, the content looks like {content}: save it as JPEG or PNG, and drop that",
    )


def unsupported(what: str) -> PhotoError:
    """The error of a whole picture that no decoder here reads, or none reads right."""
    return PhotoError(
        PhotoProblem.NOT_AN_IMAGE,
        f"{UNSUPPORTED}: save as JPEG, and drop that (this is {what})",
    )


def recognise(data: bytes) -> Format:
    """Say which format the content is.

    Raises PhotoError: truncated for a file that is empty or nothing but zeros, else not_an_image.
    """
    if not data:
        raise truncated("the file is empty")
    if data[0] == 0 and not data.strip(b"\0"):
        raise truncated("the file holds nothing but zeros, its content never arrived")
    found = _format(data)
    if found is None:
        raise not_an_image(looks_like(data))
    return found


def looks_like(data: bytes) -> str:
    """Name content that is no photo, in a clerk's words."""
    head = data[:1024]
    for pattern, name in _OTHER_CONTENT:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return name
    try:
        text = head.decode("utf-8", errors="strict" if len(data) <= len(head) else "ignore")
    except UnicodeDecodeError:
        return "no format known here"
    readable = all(letter.isprintable() or letter.isspace() for letter in text)
    # What "ignore" dropped may be one letter cut in two at the end, not more.
    return "text" if readable and len(text.encode()) >= len(head) - 3 else "no format known here"


def mpo_pictures(data: bytes) -> list[tuple[int, int]]:
    """(offset, length) in bytes of each picture that a JPEG's multi-picture index lists.

    Source: CIPA DC-007, Multi-Picture Format, tag 0xB002: 16 bytes for each picture.
    """
    base = data.find(b"MPF\0", 0, MPF_WITHIN_BYTES) + 4
    if base < 4 or not data.startswith((b"II*\0", b"MM\0*"), base):
        return []
    order = "<" if data.startswith(b"II", base) else ">"
    try:
        rows = Directory(data[base : base + 65_536]).raw(0xB002)
    except BrokenDirectoryError:
        return []
    entries = struct.iter_unpack(order + "4xII4x", rows[: len(rows) // 16 * 16])
    # Offsets are the index's, but for the first picture's: that one is 0, the file's beginning.
    return [(base + offset if offset else 0, length) for length, offset in entries]


def _format(data: bytes) -> Format | None:
    for mark, found in _MARKS:
        if data.startswith(mark):
            return found
    if data.startswith(b"\xff\xd8\xff"):
        return Format.MPO if len(mpo_pictures(data)) > 1 else Format.JPEG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Format.WEBP
    if data.startswith(MARKS) and data[8:10] != b"CR":  # CR: Canon's raw photos
        return Format.TIFF
    return _format_of_bmp(data) or _format_of_boxes(data)


def _format_of_bmp(data: bytes) -> Format | None:
    """Two letters would take any text beginning with BM; the header's size makes it sure."""
    known = int.from_bytes(data[14:18], "little") in BMP_HEADER_SIZES
    return Format.BMP if data.startswith(b"BM") and known else None


def _format_of_boxes(data: bytes) -> Format | None:
    """AVIF and HEIC are the same container (ISO-BMFF); the brands tell them apart."""
    if data[4:8] != b"ftyp":
        return None
    head = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
    brands = {head[:4], *(head[at : at + 4] for at in range(8, len(head), 4))}
    if brands & AVIF_BRANDS:
        return Format.AVIF
    return Format.HEIC if brands & HEIC_BRANDS else None

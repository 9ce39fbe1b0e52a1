"""Photos with all that programs write beside the pixels, and where in the file it stands.

`annotated()` gives each kind with the spans of bytes that make no pixels: damage in them must never
cost the photo. Lengths and names of chunks are among them only where a format's checksums allow
a reader to find its way again (PNG).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache

from PIL import Image, PngImagePlugin

from classifier.directories import Directory
from classifier.jpeg import segments
from classifier.png import chunks
from tests.support.photos import display_p3_profile, draw_photo, encode

SIZE = (96, 128)
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>'
    + b"Farbe rot " * 40
    + b"</rdf:RDF></x:xmpmeta>"
)
_COMMENT = b"a comment of the photographer " * 10
# What makes a TIFF's pixels; a page's other entries do not.
_TIFF_PIXELS = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 320, 338, 339}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}


@dataclass(frozen=True)
class Annotated:
    """A whole photo, and the spans (start, end) of what stands beside its pixels."""

    data: bytes
    beside: tuple[tuple[int, int], ...]


def exif() -> Image.Exif:
    """What a camera notes, its own notes and the place among it; upright."""
    noted = Image.Exif()
    noted[0x010F], noted[0x0110], noted[0x0131] = "Maker", "Model X", "software"
    noted[0x011A], noted[0x0132] = 72.0, "2026:01:01 00:00:00"
    shot = noted.get_ifd(0x8769)
    shot[0x9003], shot[0x829A], shot[0x927C] = "2026:01:01 00:00:00", 0.01, b"makernote" * 20
    place = noted.get_ifd(0x8825)
    place[1], place[2] = "N", (50.0, 1.0, 2.0)
    return noted


@cache
def annotated() -> dict[str, Annotated]:
    """One photo of each kind that carries such things; all show `draw_photo(1, SIZE)`."""
    image, noted, profile = draw_photo(1, SIZE), exif(), display_p3_profile()
    all_of_it = {"exif": noted, "icc_profile": profile, "xmp": _XMP}
    jpegs = {
        name: encode(image, "JPEG", quality=90, comment=_COMMENT, **all_of_it, **options)
        for name, options in (("JPEG", {}), ("JPEG progressive", {"progressive": True}))
    }
    tiffs = {
        f"TIFF {name}": encode(
            image.copy(), "TIFF", exif=exif(), icc_profile=profile, compression=name, dpi=(72, 72)
        )
        for name in ("raw", "tiff_lzw")
    }
    more = {"save_all": True, "append_images": [draw_photo(2, SIZE)], "loop": 0}
    found = {name: Annotated(data, _in_jpeg(data)) for name, data in jpegs.items()}
    found |= {name: Annotated(data, _in_tiff(data)) for name, data in tiffs.items()}
    png = _png(image, noted, profile)
    webp = encode(image, "WEBP", **all_of_it)
    gif = encode(image.copy(), "GIF", comment=_COMMENT[:200], **more)
    avif = encode(image, "AVIF", **all_of_it)
    heic = encode(image, "HEIC", icc_profile=profile, exif=noted.tobytes()[6:])
    return found | {
        "PNG": Annotated(png, _in_png(png)),
        "WebP": Annotated(webp, _in_riff(webp)),
        "GIF": Annotated(gif, _where(gif, _COMMENT[:200], b"NETSCAPE2.0")),
        "AVIF": Annotated(avif, _where(avif, noted.tobytes(), _XMP, profile)),
        "HEIC": Annotated(heic, _where(heic, noted.tobytes()[6:], profile)),
    }


def _png(image: Image.Image, noted: Image.Exif, profile: bytes) -> bytes:
    beside = PngImagePlugin.PngInfo()
    beside.add_text("Title", "x" * 50)
    beside.add_text("Description", "y" * 300, zip=True)
    beside.add_itxt("XML:com.adobe.xmp", _XMP.decode(), zip=True)
    for name, body in (
        (b"gAMA", struct.pack(">I", 45_455)),
        (b"cHRM", bytes(range(32))),
        (b"tIME", bytes((7, 234, 11, 26, 2, 0, 0))),
        (b"sPLT", b"name\0\x08" + bytes(6)),
        (b"prVt", b"private " * 4),
        (b"acTL", struct.pack(">II", 2, 0)),
    ):
        beside.add(name, body)
    return encode(image, "PNG", exif=noted, icc_profile=profile, pnginfo=beside, dpi=(72, 72))


def _in_jpeg(data: bytes) -> tuple[tuple[int, int], ...]:
    return tuple(
        (start, end)
        for marker, start, end in segments(data)
        if 0xE0 <= marker <= 0xEF or marker == 0xFE
    )


def _in_png(data: bytes) -> tuple[tuple[int, int], ...]:
    """Whole chunks: length, name, body and checksum."""
    pixels = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
    return tuple((c.start - 8, c.end + 4) for c in chunks(data) if c.name not in pixels)


def _in_riff(data: bytes) -> tuple[tuple[int, int], ...]:
    spans, at = [], 12
    while at < len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name in (b"ICCP", b"EXIF", b"XMP "):
            spans.append((at + 8, at + 8 + length))
        at += 8 + length + length % 2
    return tuple(spans)


def _in_tiff(data: bytes) -> tuple[tuple[int, int], ...]:
    """Types, counts and values of all tags that make no pixels, and what those point to."""
    order = Directory(data).order
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    spans = []
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values, value = struct.unpack_from(order + "HHII", data, at)
        if tag not in _TIFF_PIXELS:
            spans.append((at + 2, at + 12))
            size = values * _TYPE_BYTES[kind]
            spans += [(value, value + size)] if size > 4 else []
    return tuple(spans)


def _where(data: bytes, *contents: bytes) -> tuple[tuple[int, int], ...]:
    spans = [
        found.span() for content in contents for found in re.finditer(re.escape(content), data)
    ]
    assert len(spans) >= len(contents), "not all of it is in the file as it was given"
    return tuple(spans)

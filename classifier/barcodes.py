"""Codes that a photo shows: QR, Data Matrix, Code 128, EAN and UPC. What they mean is others' part.

The library is loaded at the first photo that is looked through: whoever wants none pays nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from classifier.pixels import decode
from config.errors import PhotoError

# Longer side, in pixels, at which a photo is looked through: the model's own 224 show no bars.
# Measured on a 12 megapixel JPEG, one core: 62 ms to decode and 19 ms to read, beside the 31 ms for
# the model. At 1200 pixels it is 70 ms in all, but finer bars are lost; at 2000 it is 85 ms.
SIDE = 1600
_LONGEST_TEXT = 500  # a code that holds a business card is no label


class Kind(IntEnum):
    """Kinds of codes: what people print to tell a parcel apart comes before what goods carry."""

    MATRIX = 0  # QR, Data Matrix
    LABEL = 1  # Code 128
    ARTICLE = 2  # EAN, UPC


# As the library calls them.
_KINDS = {
    "QR Code": Kind.MATRIX,
    "Data Matrix": Kind.MATRIX,
    "Code 128": Kind.LABEL,
    "EAN/UPC": Kind.ARTICLE,
}


@dataclass(frozen=True, slots=True)
class Code:
    """What one code says."""

    kind: Kind
    text: str


def read_codes(data: bytes, size: tuple[int, int], *, max_megapixels: float = 100.0) -> list[Code]:
    """The codes in a photo, which is decoded for it anew; none where it cannot be.

    size: width and height of the photo itself, upright, as its decoding for the model told them.
    """
    import zxingcpp

    scale = min(1.0, SIDE / max(size))
    wanted = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    try:
        pixels = decode(data, size=wanted, max_megapixels=max_megapixels).pixels
    except PhotoError:
        return []
    formats = zxingcpp.barcode_formats_from_str(",".join(_KINDS))
    found = zxingcpp.read_barcodes(pixels, formats, text_mode=zxingcpp.TextMode.Plain)
    return [
        Code(_KINDS[str(one.symbology)], one.text)
        for one in found
        if one.valid and one.text and len(one.text) <= _LONGEST_TEXT
    ]

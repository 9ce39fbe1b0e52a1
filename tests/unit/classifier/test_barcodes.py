"""Codes in photos: drawn by the library that reads them, on photos that are drawn."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from classifier.barcodes import Code, Kind, read_codes
from tests.support.photos import photo_bytes

Formats = zxingcpp.BarcodeFormat


def labelled(
    text: str, kind: object, *, size: tuple[int, int] = (3000, 4000), across: int
) -> bytes:
    """A photo with a label of that many pixels across."""
    drawn = np.asarray(zxingcpp.create_barcode(text, kind).to_image(scale=4))
    label = Image.fromarray(np.pad(drawn, 32, constant_values=255))
    label = label.resize((across, max(60, across * label.height // label.width)))
    photo = Image.open(BytesIO(photo_bytes(size=size))).convert("RGB")
    photo.paste(label.rotate(7, fillcolor=255, expand=True), (size[0] // 8, size[1] // 8))
    file = BytesIO()
    photo.save(file, "JPEG", quality=85)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "format_", "kind", "across"),
    [
        ("RET-20251013-001", Formats.QRCode, Kind.MATRIX, 320),
        ("60521", Formats.DataMatrix, Kind.MATRIX, 320),
        ("RET-60521", Formats.Code128, Kind.LABEL, 1000),
        ("4006381333931", Formats.EAN13, Kind.ARTICLE, 700),
    ],
)
def test_a_label_in_a_photo_of_twelve_megapixels_is_read(
    text: str, format_: object, kind: Kind, across: int
) -> None:
    data = labelled(text, format_, across=across)
    assert read_codes(data, (3000, 4000)) == [Code(kind, text)]


def test_a_small_photo_is_looked_through_as_it_is() -> None:
    data = labelled("RET-60521", Formats.QRCode, size=(600, 800), across=200)
    assert read_codes(data, (600, 800)) == [Code(Kind.MATRIX, "RET-60521")]


def test_a_photo_without_a_label_has_no_codes() -> None:
    assert read_codes(photo_bytes(size=(1500, 2000)), (1500, 2000)) == []


def test_what_cannot_be_decoded_has_no_codes() -> None:
    assert read_codes(b"no photo", (10, 10)) == []

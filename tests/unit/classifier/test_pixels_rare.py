"""Rare kinds of photos: decoded in their true colours, or told as not supported; never damaged."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from classifier.containers import UNSUPPORTED
from classifier.pixels import Picture, UInt8Array, decode
from config.errors import PhotoError, PhotoProblem
from tests.support.lossless_jpeg import lossless_jpeg
from tests.support.photos import draw_photo, encode, photo_bytes
from tests.support.tiffs import Layout, Samples, tiff

SIZE = (131, 173)  # no multiple of a tile
PHOTO = draw_photo(1, SIZE)
RGB = np.asarray(PHOTO)
GREY = np.asarray(PHOTO.convert("L"))[..., None]
LOSSLESS, LOSSY = 1.0, 2.5


def shown(image: Image.Image) -> UInt8Array:
    small = image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small)


def difference(picture: Picture, image: Image.Image = PHOTO) -> float:
    return float(np.abs(picture.pixels.astype(int) - shown(image)).mean())


def not_supported(data: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        decode(data)
    assert caught.value.problem is PhotoProblem.NOT_AN_IMAGE
    assert caught.value.text.startswith(f"{UNSUPPORTED}: save as JPEG, and drop that (this is ")
    return caught.value.text


def scaled(samples: UInt8Array, kind: str) -> Samples:
    """The same picture in other numbers."""
    factors = {"u1": 1, "u2": 257, "u4": 16_843_009, "f4": 1 / 255}
    return (samples.astype(np.float64) * factors[kind]).astype(kind)


# TIFF

_LAYOUTS = {
    "strips": Layout(),
    "tiles": Layout(tile=(64, 48)),
    "tiles larger than the photo": Layout(tile=(256, 256)),
    "packed strips": Layout(is_packed=True),
    "packed tiles": Layout(is_packed=True, tile=(64, 48)),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("is_planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("name", sorted(_LAYOUTS))
def test_tiff_of_any_order_of_bytes_planes_and_pieces_is_decoded(
    name: str, kind: str, is_planar: bool, is_big: bool, order: Literal["<", ">"]
) -> None:
    of_pieces = _LAYOUTS[name]
    layout = Layout(order, is_big, is_planar, of_pieces.tile, of_pieces.is_packed)
    assert difference(decode(tiff(scaled(RGB, kind), 2, layout))) < LOSSLESS
    cmyk = np.concatenate([255 - RGB, np.zeros_like(GREY)], axis=2)
    assert difference(decode(tiff(scaled(cmyk, kind), 5, layout))) < LOSSY


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f4"])
@pytest.mark.parametrize("name", sorted(_LAYOUTS))
def test_grey_tiff_of_any_numbers_is_decoded_right_or_not_at_all(
    name: str, kind: str, order: Literal["<", ">"]
) -> None:
    of_pieces = _LAYOUTS[name]
    layout = Layout(order, tile=of_pieces.tile, is_packed=of_pieces.is_packed)
    data = tiff(scaled(GREY, kind), 1, layout)
    if (kind, order) == ("u4", ">"):
        not_supported(data)
    else:
        assert difference(decode(data), PHOTO.convert("L")) < LOSSLESS


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_tiff_of_signed_numbers_is_decoded(order: Literal["<", ">"], is_packed: bool) -> None:
    data = tiff((GREY.astype(np.int16) * 128), 1, Layout(order, is_packed=is_packed))
    assert difference(decode(data), PHOTO.convert("L")) < LOSSLESS


@pytest.mark.parametrize("is_big", [False, True])
def test_tiff_with_transparency_shows_it_white(is_big: bool) -> None:
    alpha = np.full_like(GREY, 255)
    alpha[:80] = 0
    data = tiff(np.concatenate([RGB, alpha], axis=2), 2, Layout(">", is_big), extra=[2])
    white = PHOTO.copy()
    white.paste("white", (0, 0, SIZE[0], 80))
    assert difference(decode(data), white) < LOSSY


_CMYKA = np.concatenate([255 - RGB, np.zeros_like(GREY), np.full_like(GREY, 255)], axis=2)
_UNUSUAL_TIFFS: dict[str, tuple[Samples, int, list[int], dict[int, int]]] = {
    "CMYK and alpha": (_CMYKA, 5, [2], {}),
    "colours with a floating point": (scaled(RGB, "f4"), 2, [], {}),
    "colours of 32 bits": (scaled(RGB, "u4"), 2, [], {}),
    "double precision": (GREY / 255.0, 1, [], {}),
    "numbers below zero": ((GREY // 2).astype(np.int8), 1, [], {}),
    "seven inks": (np.concatenate([_CMYKA, RGB[..., :2]], axis=2), 5, [0, 0, 0], {332: 2}),
    "JPEG 2000 inside": (RGB, 2, [], {259: 34712}),
    "JPEG XL inside": (RGB, 2, [], {259: 50002}),
    "WebP inside": (RGB, 2, [], {259: 50001}),
    "LERC inside": (RGB, 2, [], {259: 34887}),
}


@pytest.mark.parametrize("name", sorted(_UNUSUAL_TIFFS))
def test_tiff_that_no_decoder_reads_right_is_told_as_not_supported(name: str) -> None:
    samples, photometric, extra, tags = _UNUSUAL_TIFFS[name]
    layout = Layout(is_packed=259 not in tags)
    assert "a TIFF" in not_supported(tiff(samples, photometric, layout, extra=extra, tags=tags))


def test_tiled_tiff_of_which_the_last_tiles_are_missing_is_truncated() -> None:
    data = tiff(RGB, 2, Layout(tile=(64, 48)))
    pixels_bytes = 3 * 4 * 64 * 48 * 3
    for arrived in (0.3, 0.6, 0.8):
        start = 8 + int(arrived * pixels_bytes)
        filled = data[:start] + bytes(8 + pixels_bytes - start) + data[8 + pixels_bytes :]
        with pytest.raises(PhotoError) as caught:
            decode(filled)
        assert caught.value.problem is PhotoProblem.TRUNCATED


def test_strip_that_is_longer_than_the_photo_is_decoded() -> None:
    """Some writers leave the last strip at its full height, the rest of it zeros."""
    data = tiff(RGB[:160], 2, Layout())  # ten rows in the last of four strips
    longer = np.concatenate([RGB[:160], np.zeros((40, SIZE[0], 3), np.uint8)])
    whole = bytearray(tiff(longer, 2, Layout()))
    at = whole.index(struct.pack("<HHI", 257, 3, 1))
    whole[at + 8 : at + 10] = struct.pack("<H", 160)
    assert np.array_equal(decode(bytes(whole)).pixels, decode(data).pixels)


# JPEG


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [SIZE, (500, 700)])
def test_jpeg_without_loss_is_decoded(mode: str, size: tuple[int, int]) -> None:
    image = draw_photo(1, size).convert(mode)
    picture = decode(lossless_jpeg(image))
    assert difference(picture, image) < LOSSLESS
    assert (picture.width, picture.height) == size


def test_jpeg_without_loss_that_is_cut_off_is_truncated() -> None:
    data = lossless_jpeg(PHOTO)
    with pytest.raises(PhotoError) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.problem is PhotoProblem.TRUNCATED


def height_said_behind(data: bytes) -> bytes:
    """As scanners write it that do not know the height when they begin (DNL)."""
    at = data.index(b"\xff\xc0") + 5
    lines = b"\xff\xdc\0\4" + data[at : at + 2]
    return data[:at] + b"\0\0" + data[at + 2 : -2] + lines + b"\xff\xd9"


@pytest.mark.parametrize("tail", [b"", b"SEFH of a phone"])
def test_jpeg_whose_height_stands_behind_its_pixels_is_decoded(tail: bytes) -> None:
    data = photo_bytes(size=(500, 700))
    picture = decode(height_said_behind(data) + tail)
    assert np.array_equal(picture.pixels, decode(data).pixels)
    assert (picture.width, picture.height) == (500, 700)


def test_jpeg_that_says_its_height_nowhere_is_corrupt() -> None:
    data = bytearray(photo_bytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 2] = b"\0\0"
    with pytest.raises(PhotoError) as caught:
        decode(bytes(data))
    assert caught.value.problem is PhotoProblem.CORRUPT


def changed_frame(**changes: int) -> bytes:
    """A JPEG whose frame says something else: all that is looked at before its pixels."""
    data = bytearray(photo_bytes(size=SIZE))
    at = data.index(b"\xff\xc0")
    data[at + 1] = changes.get("kind", 0xC0)
    data[at + 4] = changes.get("bits", 8)
    data[at + 9] = changes.get("components", 3)
    return bytes(data)


@pytest.mark.parametrize("kind", [0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7])
def test_jpeg_of_a_kind_that_is_not_read_is_told_as_not_supported(kind: int) -> None:
    assert "JPEG" in not_supported(changed_frame(kind=kind))


def test_hierarchical_jpeg_is_told_as_not_supported() -> None:
    data = photo_bytes(size=SIZE)
    at = data.index(b"\xff\xc0")
    body = data[at + 2 : at + 2 + 17]
    assert "in several sizes" in not_supported(data[:at] + b"\xff\xde" + body + data[at:])


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("kind", [0xC0, 0xC1, 0xC2, 0xC3])
def test_jpeg_of_more_than_eight_bits_is_told_as_not_supported(kind: int, bits: int) -> None:
    assert f"a JPEG of {bits} bits a colour" in not_supported(changed_frame(kind=kind, bits=bits))


@pytest.mark.parametrize("components", [2, 5])
def test_jpeg_of_an_odd_number_of_colours_is_told_as_not_supported(components: int) -> None:
    assert f"a JPEG of {components} colours" in not_supported(changed_frame(components=components))


# PNG


def iphone_png() -> bytes:
    """As Apple's tools rewrite an app's PNGs: a chunk before all, pixels without zlib's head."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packing = zlib.compressobj(wbits=-15)
    pixels = packing.compress(bytes(9 * 8)) + packing.flush()
    header = struct.pack(">IIBBBBB", 2, 8, 8, 6, 0, 0, 0)
    chunks = [(b"CgBI", b"\x50\0\x20\6"), (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def test_png_of_an_iphone_app_is_told_as_not_supported() -> None:
    assert "iPhone" in not_supported(iphone_png())


@pytest.mark.parametrize("bits", [2, 4])
def test_transparent_grey_of_a_png_of_few_bits_is_white(bits: int) -> None:
    levels = (GREY[..., 0].astype(int) * ((1 << bits) - 1) // 255).astype(np.uint8)
    rows = [np.packbits(np.unpackbits(row[:, None], axis=1)[:, -bits:].ravel()) for row in levels]
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", *SIZE, bits, 0, 0, 0, 0)
    clear = int(np.bincount(levels.ravel()).argmax())
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in (
        (b"IHDR", header),
        (b"tRNS", struct.pack(">H", clear)),
        (b"IDAT", pixels),
        (b"IEND", b""),
    ):
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    grey = levels.astype(int) * 255 // ((1 << bits) - 1)
    expected = Image.fromarray(np.where(levels == clear, 255, grey).astype(np.uint8))
    assert difference(decode(data), expected) < LOSSLESS


# BMP


def bmp(pixels: Any, bits: int, compression: int, masks: tuple[int, ...], header: int) -> bytes:
    """pixels: (height, width) whole numbers, written from below."""
    height, width = pixels.shape
    rows = [row.astype(f"<u{bits // 8}").tobytes() for row in pixels[::-1]]
    body = b"".join(row + bytes(-len(row) % 4) for row in rows)
    said = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, *[0] * 5)
    masks_bytes = struct.pack(f"<{len(masks)}I", *masks)
    said = (said + masks_bytes).ljust(header, b"\0") if header > 40 else said + masks_bytes
    start = 14 + len(said)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + said + body


def in_fields(masks: tuple[int, ...]) -> Any:
    """The photo's pixels as whole numbers, each colour where its mask is."""
    number = np.zeros(RGB.shape[:2], np.int64)
    for colour, mask in enumerate(masks[:3]):
        low = (mask & -mask).bit_length() - 1
        number |= (RGB[..., colour].astype(np.int64) * (mask >> low) // 255) << low
    return number


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (32, (0xFF0000, 0xFF00, 0xFF, 0)),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
        (16, (0xF800, 0x7E0, 0x1F, 0)),
        (16, (0x7C00, 0x3E0, 0x1F, 0)),
    ],
)
def test_bmp_with_masks_of_the_usual_kinds_is_decoded(
    bits: int, masks: tuple[int, ...], header: int
) -> None:
    count = 3 if header in (40, 52) else 4
    data = bmp(in_fields(masks), bits, 3, masks[:count], header)
    assert difference(decode(data)) < (LOSSLESS if bits == 32 else 8.0)


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (32, (0xFE000000, 0x00FF0000, 0x0000FF00)),
        (32, (0x3FF00000, 0x000FFC00, 0x000003FF)),
        (16, (0x0F00, 0x00F0, 0x000F)),
    ],
)
def test_bmp_with_unusual_masks_is_told_as_not_supported(bits: int, masks: tuple[int, ...]) -> None:
    assert "BMP" in not_supported(bmp(in_fields(masks), bits, 3, masks, 40))


@pytest.mark.parametrize(("bits", "compression"), [(0, 4), (0, 5), (32, 6), (64, 0), (2, 0)])
def test_bmp_of_a_kind_that_is_not_read_is_told_as_not_supported(
    bits: int, compression: int
) -> None:
    data = bytearray(encode(PHOTO, "BMP") * 4)
    data[28:34] = struct.pack("<HI", bits, compression)
    assert "BMP" in not_supported(bytes(data))


def test_bmp_whose_alpha_nobody_set_is_not_transparent() -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    assert difference(decode(bmp(in_fields(masks), 32, 3, masks, 108))) < LOSSLESS


# HEIF


@pytest.mark.parametrize(
    ("box", "name"), [(b"av1C", "AV1"), (b"vvcC", "VVC"), (b"avcC", "H.264"), (b"jpgC", "JPEG")]
)
def test_heif_that_holds_another_kind_of_picture_is_told_as_not_supported(
    box: bytes, name: str
) -> None:
    data = photo_bytes("HEIC", size=(64, 96)).replace(b"hvcC", box)
    assert f"holds {name})" in not_supported(data)


@pytest.mark.parametrize("brand", [b"avci", b"j2ki", b"jpeg", b"vvic"])
def test_rare_kinds_of_heif_are_not_taken_for_videos(brand: bytes) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(b"\0\0\0\x18ftyp" + brand + bytes(4) + b"miaf" + brand + b"\1" * 60)
    assert caught.value.problem is PhotoProblem.NOT_AN_IMAGE
    assert "a rare kind of HEIF" in caught.value.text

"""Copies without metadata: pixels as they were, and nothing of who, where and when."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from classifier import png
from classifier.pixels import decode
from classifier.stripping import stripped
from config.errors import PhotoError
from tests.support.photos import draw_photo, encode, orientation_exif, samples

SECRET = b"52.5163N 13.3777E Anna Kellner"
SMALL = (64, 48)


def picture() -> Image.Image:
    return draw_photo(3, SMALL)


def exif(orientation: int = 6) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x013B] = SECRET.decode()  # artist
    made.get_ifd(0x8825)[0x1B] = SECRET  # GPS: how it was found
    return made


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def full_jpeg(**options: object) -> bytes:
    data = encode(picture(), "JPEG", exif=exif(), comment=SECRET, **options)
    beside = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)
    beside += segment(0xED, b"Photoshop 3.0\0" + SECRET) + segment(0xE0, b"JFXX\0" + SECRET)
    return data[:2] + beside + data[2:] + SECRET + data  # as a phone appends a film


def between_scans() -> bytes:
    data = encode(picture(), "JPEG", progressive=True, exif=exif())
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    return data[:second] + segment(0xFE, SECRET) + data[second:]


def full_png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    data = encode(picture(), "PNG", exif=exif(), pnginfo=texts)
    body = b"prVt" + SECRET  # a chunk of nobody's
    at = data.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(SECRET)) + body + struct.pack(">I", zlib.crc32(body))
    return data[:at] + chunk + data[at:] + SECRET


def full_webp() -> bytes:
    return encode(picture(), "WebP", exif=exif(), xmp=SECRET, lossless=True) + SECRET


def full_gif() -> bytes:
    return encode(picture(), "GIF", comment=SECRET) + SECRET


def full_tiff() -> bytes:
    return encode(picture(), "TIFF", exif=exif(), description=SECRET.decode()) + SECRET


def full_heic() -> bytes:
    block = exif(1).tobytes().removeprefix(b"Exif\0\0")
    made = encode(picture(), "HEIC", orientation=6, exif=block)
    return made + struct.pack(">I4s", 8 + len(SECRET), b"uuid") + SECRET


def telling_heic() -> bytes:
    return encode(picture(), "HEIC", orientation=6, told=SECRET)


def full_avif() -> bytes:
    return encode(picture(), "AVIF", exif=exif(), xmp=SECRET)


def full_bmp() -> bytes:
    return encode(picture(), "BMP") + SECRET


FULL: tuple[Callable[[], bytes], ...] = (
    *(full_jpeg, between_scans, full_png, full_webp, full_gif),
    *(full_tiff, full_heic, telling_heic, full_avif, full_bmp),
)


@pytest.mark.parametrize("make", FULL)
def test_nothing_is_left_but_the_same_picture(make: Callable[[], bytes]) -> None:
    data = make()
    assert SECRET in data
    made = stripped(data)
    assert SECRET not in made
    assert SECRET[:8] not in made
    then, now = decode(data), decode(made)
    assert (then.width, then.height) == (now.width, now.height)
    np.testing.assert_array_equal(then.pixels, now.pixels)


@pytest.mark.parametrize("name", samples(SMALL))
def test_every_kind_of_photo_keeps_its_pixels_and_is_stripped_only_once(name: str) -> None:
    data = samples(SMALL)[name]
    made = stripped(data)
    np.testing.assert_array_equal(decode(made).pixels, decode(data).pixels)
    assert stripped(made) == made


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_a_photo_is_turned_as_before_and_says_only_that(kind: str, orientation: int) -> None:
    data = encode(picture(), kind, exif=exif(orientation))
    made = stripped(data)
    np.testing.assert_array_equal(decode(made).pixels, decode(data).pixels)
    with Image.open(BytesIO(made)) as image:
        said = dict(image.getexif())
    assert said == ({0x0112: orientation} if orientation > 1 else {})


def test_a_thumbnail_in_a_heic_goes_and_nobody_looks_for_it_there() -> None:
    data = encode(picture(), "HEIC", thumbnail=True, exif=exif(1).tobytes())
    made = stripped(data)
    assert len(made) == len(data)
    assert not made[-1000:].strip()
    assert (b"thmb" in data, b"thmb" in made) == (True, False)
    np.testing.assert_array_equal(decode(made).pixels, decode(data).pixels)
    assert stripped(made) == made


def test_a_heic_whose_end_was_taken_is_still_whole() -> None:
    block = exif(1).tobytes().removeprefix(b"Exif\0\0").ljust(20_000, b"x")
    data = encode(picture(), "HEIC", exif=block)
    np.testing.assert_array_equal(decode(stripped(data)).pixels, decode(data).pixels)


def test_a_heic_that_says_twice_what_it_is_or_needs_something_unknown_is_refused() -> None:
    data = encode(picture(), "HEIC", orientation=6)
    for one in (data + data[24:], data.replace(b"irot", b"turn")):
        with pytest.raises(PhotoError):
            stripped(one)


def test_a_photo_without_metadata_stays_byte_for_byte() -> None:
    for kind in ("JPEG", "PNG", "WebP", "GIF", "BMP", "AVIF", "HEIC"):
        data = encode(picture(), kind)
        assert stripped(data) == data, kind


def test_a_jpeg_that_is_cut_off_loses_what_its_header_says() -> None:
    data = encode(picture(), "JPEG", exif=exif())
    cut = data[: len(data) - 400]
    assert SECRET in cut
    assert SECRET not in stripped(cut)


@pytest.mark.parametrize("data", [b"", b"no photo", b"\x89PNG broken", b"\xff\xd8\xff\xe1\xff\xff"])
def test_what_cannot_be_taken_apart_is_refused(data: bytes) -> None:
    with pytest.raises(PhotoError):
        stripped(data)


@given(st.data())
def test_damage_is_refused_and_nothing_else_ever_raised(drawn: st.DataObject) -> None:
    name = drawn.draw(st.sampled_from(sorted(samples(SMALL))))
    data = bytearray(samples(SMALL)[name])
    for _ in range(drawn.draw(st.integers(1, 6))):
        at = drawn.draw(st.integers(0, min(len(data) - 1, 400)))
        data[at] = drawn.draw(st.integers(0, 255))
    try:
        made = stripped(bytes(data))
    except PhotoError:
        return
    assert len(made) <= 2 * len(data) + 400  # a tag may say that more of the file is its


def test_parts_that_share_their_bytes_do_not_make_much_of_little() -> None:
    many = 20_000
    tags = struct.pack("<HHIIHHIIHHII", 273, 4, many, 50, 279, 4, many, 50 + 4 * many, 256, 4, 1, 8)
    head = b"II*\0" + struct.pack("<IH", 8, 3) + tags + bytes(4)
    huge = head + struct.pack("<I", 8) * many + struct.pack("<I", 100_000) * many
    with pytest.raises(PhotoError):
        stripped(huge.ljust(300_000, b"\0"))


def tiff_of(tags: list[tuple[int, int, int, int]], length: int) -> bytes:
    directory = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4)
    return head.ljust(length, b"\0")


def tiff_of_many_strips() -> bytes:
    many, at = 400_001, 100
    tags = [(256, 4, 1, 1), (257, 4, 1, 1), (273, 4, many, at), (279, 4, many, at)]
    return tiff_of(tags, at + 4 * many)


def tiff_whose_tags_share_all_bytes() -> bytes:
    many, at = 100_000, 200
    tags = [(tag, 4, many, at) for tag in range(512, 520)]
    return tiff_of([(256, 4, 1, 1), (257, 4, 1, 1), *tags], at + 4 * many)


def webp_of_many_chunks() -> bytes:
    body = b"WEBP" + struct.pack("<4sI10x", b"VP8X", 10) + struct.pack("<4sI", b"ANMF", 0) * 100_000
    return b"RIFF" + struct.pack("<I", len(body)) + body


def heic_of_many_parts() -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    many = 50_001
    entry = box(b"infe", b"\2\0\0\0" + struct.pack(">HH4s", 1, 0, b"hvc1") + b"\0")
    item = struct.pack(">HHH", 1, 0, many) + struct.pack(">II", 100, 1) * many
    places = box(b"iloc", b"\0\0\0\0\x44\0" + struct.pack(">H", 2) + item * 2)
    kinds = box(b"iinf", bytes(4) + struct.pack(">H", 1) + entry)
    return box(b"ftyp", b"heic\0\0\0\0heic") + box(b"meta", bytes(4) + kinds + places)


@pytest.mark.parametrize(
    "make",
    [
        tiff_of_many_strips,
        tiff_whose_tags_share_all_bytes,
        webp_of_many_chunks,
        heic_of_many_parts,
    ],
)
def test_a_file_of_countless_parts_is_refused_before_they_fill_the_memory(
    make: Callable[[], bytes],
) -> None:
    with pytest.raises(PhotoError):
        stripped(make())


def test_a_png_that_sends_its_reader_searching_again_and_again_is_refused() -> None:
    def search(at: int) -> bytes:  # fifty names that lead nowhere, and then a chunk that is sound
        lost = struct.pack(">I4s4s", 0x7FFFFFFF, b"prVt", b"\1\1\1\1")
        names = (struct.pack(">I4s", 100_000 - at - 8 * one, b"IDAT") for one in range(50))
        return lost + b"".join(names) + png.written(b"IDAT", b"")

    head = png.SIGNATURE + png.written(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    end = b"\1" * 110_000 + png.written(b"IEND", b"")
    assert stripped(head + search(len(head)) + png.written(b"IEND", b"") + end)
    with pytest.raises(PhotoError):
        stripped(head + search(len(head)) * 3 + png.written(b"IEND", b"") + end)


def test_orientation_alone_is_what_cameras_write() -> None:
    data = encode(picture(), "JPEG", exif=orientation_exif(8))
    np.testing.assert_array_equal(decode(stripped(data)).pixels, decode(data).pixels)

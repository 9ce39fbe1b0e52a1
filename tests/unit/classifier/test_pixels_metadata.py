"""Damage beside the pixels never costs a photo; damage or loss in the pixels is always noticed."""

from __future__ import annotations

import random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.directories import Directory
from classifier.gif import IMAGE, blocks
from classifier.pixels import decode
from config.errors import PhotoError, PhotoProblem
from tests.support.annotated import SIZE, Annotated, annotated
from tests.support.photos import (
    draw_photo,
    encode,
    orientation_exif,
    photo_bytes,
    samples,
    sideways,
)

KINDS = sorted(annotated())
PNG_KINDS = sorted(name for name in samples(SIZE) if name.startswith("PNG"))


def damaged(photo: Annotated, seed: int) -> bytes:
    """One span of what stands beside the pixels, with one to fifty bytes of it overwritten."""
    rng = random.Random(seed)
    data, (start, end) = bytearray(photo.data), rng.choice(photo.beside)
    for _ in range(rng.choice((1, 2, 5, 50))):
        data[rng.randrange(start, end)] = rng.choice((0, 0xFF, rng.randrange(256)))
    return bytes(data)


def last_cut(name: str, data: bytes) -> int:
    """Up to where a cut takes pixels, or what they cannot be read without."""
    if not name.startswith("TIFF"):
        return len(data) - 24
    tags = Directory(data)
    pixels_end = int((tags.numbers(273) + tags.numbers(279)).max())
    (start,) = struct.unpack_from(tags.order + "I", data, 4)
    return max(int(start), pixels_end - 24)


@given(st.sampled_from(KINDS), st.integers(0, 1 << 32))
def test_damage_beside_the_pixels_never_costs_the_photo(name: str, seed: int) -> None:
    picture = decode(damaged(annotated()[name], seed))
    # EXIF's orientation may be hit, and turn it; it is never another size.
    assert {picture.width, picture.height} == set(SIZE)


@given(st.sampled_from(KINDS), st.integers(0, 1 << 32), st.floats(0, 1))
def test_a_photo_cut_off_is_noticed_also_where_its_metadata_are_damaged(
    name: str, seed: int, share: float
) -> None:
    data = damaged(annotated()[name], seed)
    # Behind the first bytes, which say what it is; before what is padding, or no pixels any more.
    end = 64 + int(share * (last_cut(name, data) - 64))
    with pytest.raises(PhotoError) as caught:
        decode(data[:end])
    assert caught.value.problem in (PhotoProblem.TRUNCATED, PhotoProblem.CORRUPT)
    if name != "PNG" or data == annotated()[name].data:
        assert caught.value.problem is PhotoProblem.TRUNCATED


@given(st.sampled_from(sorted(samples(SIZE))), st.floats(0, 1))
def test_a_photo_cut_off_anywhere_is_truncated(name: str, share: float) -> None:
    data = samples(SIZE)[name]
    end = 16 + int(share * (len(data) - 16 - 24))
    with pytest.raises(PhotoError) as caught:
        decode(data[:end])
    assert caught.value.problem is PhotoProblem.TRUNCATED


# PNG: all chunks but those of the pixels


def chunk(name: bytes, body: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def with_chunk(data: bytes, extra: bytes, *, behind_pixels: bool = False) -> bytes:
    at = len(data) - 12 if behind_pixels else 8 + 25
    return data[:at] + extra + data[at:]


_ODD_CHUNKS = {
    "pHYs too short": chunk(b"pHYs", b"abc"),
    "pHYs with a wrong checksum": chunk(b"pHYs", bytes(9), 1),
    "sRGB that is empty": chunk(b"sRGB", b""),
    "gAMA that is empty": chunk(b"gAMA", b""),
    "cHRM too short": chunk(b"cHRM", b"abc"),
    "tIME too long": chunk(b"tIME", bytes(100)),
    "iCCP without a name": chunk(b"iCCP", b""),
    "iCCP packed in another way": chunk(b"iCCP", b"ICC\0\1" + zlib.compress(bytes(200))),
    "iCCP that is not packed": chunk(b"iCCP", b"ICC\0\0" + bytes(200)),
    "iCCP cut off": chunk(b"iCCP", b"ICC\0\0" + zlib.compress(bytes(range(256)) * 9)[:-9]),
    "iCCP with a wrong checksum": chunk(b"iCCP", b"ICC\0\0" + zlib.compress(bytes(200)), 1),
    "tEXt that says how the pixels lie": chunk(b"tEXt", b"interlace\0yes"),
    "tEXt named like EXIF": chunk(b"tEXt", b"exif\0nonsense"),
    "tEXt named like a profile": chunk(b"tEXt", b"icc_profile\0nonsense"),
    "tEXt named like transparency": chunk(b"tEXt", b"transparency\0white"),
    "zTXt packed in another way": chunk(b"zTXt", b"Title\0\7abc"),
    "zTXt of two megabytes": chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"x" * 2_000_000)),
    "iTXt of two megabytes": chunk(b"iTXt", b"T\0\1\0\0\0" + zlib.compress(b"x" * 2_000_000)),
    "eXIf that is nonsense": chunk(b"eXIf", b"nonsense"),
    "acTL too short": chunk(b"acTL", b"ab"),
    "fcTL out of order": chunk(b"fcTL", struct.pack(">I", 9) + bytes(22)),
    "fcTL of a larger picture": chunk(b"fcTL", struct.pack(">III", 0, 9999, 9999) + bytes(14)),
    "a chunk that nobody knows": chunk(b"abCd", b"anything", 7),
    "a name that is none": chunk(b"p\x01Ys", bytes(9)),
    "a length far too large": struct.pack(">I", 0x7FFFFFFF) + b"tEXt" + b"Title\0text",
    "a length too small": struct.pack(">I", 2) + b"tEXtTitle\0a long text" + bytes(4),
}


@pytest.mark.parametrize("behind_pixels", [False, True])
@pytest.mark.parametrize("what", sorted(_ODD_CHUNKS))
def test_png_is_decoded_whatever_stands_beside_its_pixels(what: str, behind_pixels: bool) -> None:
    data = samples(SIZE)["PNG"]
    odd = with_chunk(data, _ODD_CHUNKS[what], behind_pixels=behind_pixels)
    assert np.array_equal(decode(odd).pixels, decode(data).pixels)


@pytest.mark.parametrize("name", PNG_KINDS)
def test_png_of_every_kind_is_decoded_with_a_damaged_text(name: str) -> None:
    data = samples(SIZE)[name]
    odd = with_chunk(data, chunk(b"tEXt", b"Title\0text", 1))
    assert np.array_equal(decode(odd).pixels, decode(data).pixels)


@pytest.mark.parametrize("chunk_name", [b"IHDR", b"PLTE", b"IDAT"])
def test_png_whose_pixels_are_damaged_stays_damaged(chunk_name: bytes) -> None:
    data = bytearray(samples(SIZE)["PNG palette"])
    at = data.index(chunk_name)
    data[at + 9] ^= 0x10
    with pytest.raises(PhotoError) as caught:
        decode(bytes(data))
    assert caught.value.problem is PhotoProblem.CORRUPT


def test_png_turned_by_exif_and_with_damaged_side_chunks_comes_out_upright() -> None:
    photo = draw_photo(1, SIZE)
    turned = encode(sideways(photo, 6), "PNG", exif=orientation_exif(6))
    odd = with_chunk(turned, chunk(b"pHYs", bytes(9), 1))
    assert (decode(odd).width, decode(odd).height) == SIZE


# JPEG: segments beside the pixels


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]


_ODD_SEGMENTS = {
    "JFIF too short": (0xE0, b"JFIF\0"),
    "EXIF that is nonsense": (0xE1, b"Exif\0\0nonsense"),
    "EXIF that is empty": (0xE1, b"Exif\0\0"),
    "XMP that is nonsense": (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x"),
    "a profile too short": (0xE2, b"ICC_PROFILE\0"),
    "a profile of which parts are missing": (0xE2, b"ICC_PROFILE\0\1\5abc"),
    "a profile that is nonsense": (0xE2, b"ICC_PROFILE\0\1\1abc"),
    "FlashPix that is nonsense": (0xE2, b"FPXR\0"),
    "an index of pictures that is cut off": (0xE2, b"MPF\0II*\0\x08\0\0\0"),
    "an index of pictures that is nonsense": (0xE2, b"MPF\0MM\0*" + bytes(range(40))),
    "Photoshop's notes, cut off": (0xED, b"Photoshop 3.0\x008BIM\4"),
    "Photoshop's notes, cut off in a name": (0xED, b"Photoshop 3.0\x008BIM\4\4"),
    "Adobe's mark, too short": (0xEE, b"Adobe"),
    "a comment of any bytes": (0xFE, bytes(range(256))),
    "an empty comment": (0xFE, b""),
}


@pytest.mark.parametrize("name", ["JPEG", "JPEG progressive", "JPEG grey", "MPO"])
@pytest.mark.parametrize("what", sorted(_ODD_SEGMENTS))
def test_jpeg_is_decoded_whatever_stands_beside_its_pixels(name: str, what: str) -> None:
    data = samples(SIZE)[name]
    odd = with_segment(data, *_ODD_SEGMENTS[what])
    assert np.array_equal(decode(odd).pixels, decode(data).pixels)


def test_jpeg_with_damaged_notes_is_still_turned_and_shown_in_its_colours() -> None:
    photo = draw_photo(1, SIZE)
    turned = encode(sideways(photo, 6), "JPEG", exif=orientation_exif(6), quality=95)
    odd = with_segment(turned, 0xED, b"Photoshop 3.0\x008BIM\4\4")
    assert (decode(odd).width, decode(odd).height) == SIZE
    cmyk = samples(SIZE)["JPEG CMYK"]
    odd = with_segment(cmyk, 0xED, b"Photoshop 3.0\x008BIM\4\4")
    assert np.array_equal(decode(odd).pixels, decode(cmyk).pixels)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("tail", [b"\xff\xda__" * 3000, b"\xff\xd8\xff\xe1" * 900, bytes(9000)])
def test_what_is_appended_behind_a_jpeg_is_no_part_of_it(progressive: bool, tail: bytes) -> None:
    data = photo_bytes(size=(1500, 2000), progressive=progressive)
    video = b"MotionPhoto_Data\0\0\0\x18ftypmp42" + tail
    assert np.array_equal(decode(data + video).pixels, decode(data).pixels)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_off_is_truncated_although_something_is_appended_to_it(
    progressive: bool,
) -> None:
    data = photo_bytes(progressive=progressive)
    with pytest.raises(PhotoError) as caught:
        decode(data[: len(data) // 2] + b"MotionPhoto_Data\0\0\0\x18ftypmp42" + bytes(500))
    assert caught.value.problem is PhotoProblem.TRUNCATED


# GIF and WebP


_ODD_EXTENSIONS = {
    "a control too short": b"!\xf9\x01\x01\0",
    "an empty control": b"!\xf9\0",
    "a control too long": b"!\xf9\x08" + bytes(8) + b"\0",
    "repetitions that are not said": b"!\xff\x0bNETSCAPE2.0\0",
    "an application's name too short": b"!\xff\x03abc\0",
    "an extension that nobody knows": b"!\x42\x02ab\0",
    "an empty comment": b"!\xfe\0",
}


@pytest.mark.parametrize("what", sorted(_ODD_EXTENSIONS))
def test_gif_is_decoded_whatever_stands_before_its_picture(what: str) -> None:
    data = samples(SIZE)["GIF"]
    at = next(block.start for block in blocks(data) if block.mark == IMAGE)
    odd = data[:at] + _ODD_EXTENSIONS[what] + data[at:]
    assert np.array_equal(decode(odd).pixels, decode(data).pixels)


@pytest.mark.parametrize("length", [0, 5, 1_000_000, 0xFFFFFFFF])
@pytest.mark.parametrize("name", [b"EXIF", b"XMP "])
def test_webp_is_decoded_although_a_length_beside_its_picture_is_wrong(
    name: bytes, length: int
) -> None:
    data = annotated()["WebP"].data
    at = data.index(name) + 4
    odd = data[:at] + struct.pack("<I", length) + data[at + 4 :]
    assert np.array_equal(decode(odd).pixels, decode(data).pixels)


@pytest.mark.parametrize("flags", range(0, 64, 4))
def test_webp_is_decoded_whatever_its_header_announces_beside_the_picture(flags: int) -> None:
    data = annotated()["WebP"].data
    at = data.index(b"VP8X") + 8
    picture = decode(data[:at] + bytes((flags,)) + data[at + 1 :])
    assert (picture.width, picture.height) == SIZE

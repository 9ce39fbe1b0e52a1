"""What is no whole photo is refused, with the right problem and a sentence a clerk understands."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from classifier import webp
from classifier.pixels import decode
from config.errors import PhotoError, PhotoProblem
from tests.support.photos import (
    draw_photo,
    encode,
    orientation_exif,
    photo_bytes,
    samples,
    with_alpha,
)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIC")


def refused(data: bytes, *, max_megapixels: float = 100.0) -> PhotoError:
    with pytest.raises(PhotoError) as caught:
        decode(data, max_megapixels=max_megapixels)
    assert "\n" not in caught.value.text
    assert "Error" not in caught.value.text
    return caught.value


def problem_of(data: bytes) -> PhotoProblem | None:
    """What is wrong with the photo; None for one that is decoded."""
    try:
        assert decode(data).pixels.shape == (224, 224, 3)
    except PhotoError as error:
        return error.problem
    return None


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def ihdr(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def idat(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IDAT", zlib.compress(bytes((1 + 3 * width) * height))


IEND = (b"IEND", b"")


# Not a photo


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Dear colleague, the photos are in the other folder.\n", "text"),
        ("Rückgabe: Größe L, fünf Stück\n".encode() * 90, "text"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"\n  <HTML><head></head></HTML>", "a web page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"></svg>', "an SVG drawing"),
        (b"PK\x03\x04" + bytes(40), "a ZIP archive or an Office document"),
        (b"\0\0\0\x18ftypmp42" + bytes(12) + b"\0\0\0\x08free", "a video"),
        (b"\0\0\0\x14ftypqt  " + bytes(8), "a video"),
        (b"RIFF\x24\0\0\0AVI LIST", "a video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a sound"),
        (b"8BPS\0\1" + bytes(30), "a Photoshop file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\0\0\1\0\1\0" + bytes(30), "an icon"),
        (b"MZ\x90\0" + bytes(60), "a program"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "a side file of macOS"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(300), "a raw photo as cameras store them"),
        (b"\0\0\0\x18ftypcrx " + bytes(60), "a raw photo as cameras store them"),
        (b"P6\n2 2\n255\n" + bytes(range(128, 140)), "no format known here"),
        (b"BM is how this letter begins, dear colleague", "text"),
        (bytes(range(256)) * 8, "no format known here"),
    ],
)
def test_other_content_is_named(data: bytes, what: str) -> None:
    error = refused(data)
    assert error.problem is PhotoProblem.NOT_AN_IMAGE
    assert f"looks like {what}:" in error.text


def test_raw_photo_that_passes_for_a_tiff_is_refused() -> None:
    dng = encode(draw_photo(1), "TIFF", tiffinfo={50706: b"\1\4\0\0"})
    error = refused(dng)
    assert error.problem is PhotoProblem.NOT_AN_IMAGE
    assert "a raw photo" in error.text


@pytest.mark.parametrize("format_name", ["PPM", "PCX", "TGA", "ICO", "JPEG2000", "SGI", "DDS"])
def test_formats_that_are_not_listed_are_not_opened(format_name: str) -> None:
    data = encode(draw_photo(1, (64, 64)), format_name)
    assert refused(data).problem is PhotoProblem.NOT_AN_IMAGE


# Incomplete


def test_empty_file_is_truncated() -> None:
    error = refused(b"")
    assert error.problem is PhotoProblem.TRUNCATED
    assert error.text.startswith("the file is empty")


@pytest.mark.parametrize("size", [1, 12, 4096, 3_000_000])
def test_file_of_nothing_but_zeros_is_truncated(size: int) -> None:
    error = refused(bytes(size))
    assert error.problem is PhotoProblem.TRUNCATED
    assert "zeros" in error.text


@pytest.mark.parametrize("name", sorted(samples()))
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.99])
def test_cut_photo_is_truncated(name: str, share: float) -> None:
    data = samples()[name]
    assert refused(data[: int(len(data) * share)]).problem is PhotoProblem.TRUNCATED


@pytest.mark.parametrize("name", sorted(samples()))
def test_photo_without_its_last_bytes_is_truncated(name: str) -> None:
    data = samples()[name]
    # The last byte of some is padding; of libtiff's files, the directory's end that nobody reads.
    missing = 20 if name.startswith("TIFF") else 3
    assert refused(data[:-missing]).problem is PhotoProblem.TRUNCATED


@pytest.mark.parametrize("name", sorted(samples()))
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8])
def test_photo_whose_last_part_is_zeros_is_truncated(name: str, share: float) -> None:
    if share == 0.8 and ("alpha" in name or "CMYK" in name or "BMP palette" in name):
        share = 0.45  # there zeros mean white, transparent or any colour: half a photo is needed
    if name == "BMP 1-bit":
        share = 0.3
    data = samples()[name]
    filled = data[: int(len(data) * share)].ljust(len(data), b"\0")
    assert refused(filled).problem is PhotoProblem.TRUNCATED


def test_zero_filled_jpeg_says_so() -> None:
    data = photo_bytes()
    assert "filled with zeros" in refused(data[:9000].ljust(len(data), b"\0")).text


def test_header_followed_by_zeros_is_truncated() -> None:
    for name, data in samples().items():
        filled = data[:64].ljust(len(data), b"\0")
        assert refused(filled).problem is PhotoProblem.TRUNCATED, name


@pytest.mark.parametrize("name", sorted(samples()))
@pytest.mark.parametrize("tail", [bytes(1), bytes(70_000), b"SEFH\x6b\0\0\0trailer of a phone"])
def test_what_follows_a_whole_photo_does_not_harm_it(name: str, tail: bytes) -> None:
    assert np.array_equal(decode(samples()[name] + tail).pixels, decode(samples()[name]).pixels)


def test_thumbnail_in_exif_does_not_pass_for_the_end_of_a_jpeg() -> None:
    thumbnail = photo_bytes(size=(40, 53))
    data = photo_bytes(exif=orientation_exif(1) + thumbnail)
    half = data[: len(data) // 2]
    assert b"\xff\xd9" in half
    assert refused(half.ljust(len(data), b"\0")).problem is PhotoProblem.TRUNCATED


def test_mpo_without_its_second_picture_is_truncated() -> None:
    data = samples()["MPO"]
    second = data.index(b"\xff\xd8\xff", 4)
    for end in (second, second + 1, second + 2, second + 1000, len(data) - 100):
        assert refused(data[:end]).problem is PhotoProblem.TRUNCATED
        assert refused(data[:end].ljust(len(data), b"\0")).problem is PhotoProblem.TRUNCATED


def test_jpeg_with_a_stale_index_of_further_pictures_is_decoded() -> None:
    data = samples()["MPO"]
    first = data[: data.index(b"\xff\xd8\xff", 4)]
    edited = first[:-2] + b"\xff\xfe\x03\x00" + bytes(0x2FE) + b"\xff\xd9"  # another length now
    assert decode(edited).format == "MPO"


@pytest.mark.parametrize("format_name", ["AVIF", "HEIC"])
def test_box_that_announces_more_than_the_file_holds_is_truncated(format_name: str) -> None:
    data = bytearray(photo_bytes(format_name, size=(64, 64)))
    at = data.index(b"mdat") - 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    assert refused(bytes(data)).problem is PhotoProblem.TRUNCATED


@pytest.mark.parametrize("colour", ["white", "black", "red", (128, 128, 128)])
@pytest.mark.parametrize(
    ("format_name", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("AVIF", {"speed": 10}),
        ("HEIC", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "packbits"}),
    ],
)
def test_blank_photo_does_not_pass_for_an_incomplete_one(
    format_name: str, options: dict[str, object], colour: str | tuple[int, int, int]
) -> None:
    image = Image.new("RGB", (1000, 800), colour)
    assert decode(encode(image, format_name, **options)).width == 1000


def test_large_blank_webp_does_not_pass_for_an_incomplete_one() -> None:
    data = encode(Image.new("RGB", (4000, 3000), "white"), "WEBP", method=0)
    assert decode(data).width == 4000


def test_transparent_lower_border_of_a_tiff_does_not_pass_for_a_missing_part() -> None:
    clear = draw_photo(1).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 400, 400, 533))
    assert decode(encode(clear, "TIFF")).format == "TIFF"
    assert decode(encode(with_alpha(draw_photo(1)), "TIFF")).format == "TIFF"


# Damaged


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "TIFF", "AVIF", "HEIC"])
def test_photo_with_a_damaged_middle_is_never_half_a_verdict(format_name: str) -> None:
    kind = {"WEBP": "WebP", "TIFF": "TIFF deflate"}.get(format_name, format_name)
    data = bytearray(samples()[kind])
    middle = len(data) // 8
    data[middle : middle + 4000] = bytes(range(1, 251)) * 16
    if format_name in ("WEBP", "AVIF", "HEIC"):
        # Nothing in these tells a wrong pixel from a right one: a verdict or a reason, no crash.
        assert problem_of(bytes(data)) in (None, PhotoProblem.CORRUPT)
        return
    assert refused(bytes(data)).problem is PhotoProblem.CORRUPT


def test_corrupt_photo_says_what_to_do() -> None:
    error = refused(png(ihdr(20, 20), (b"IDAT", b"not compressed at all"), IEND))
    assert error.problem is PhotoProblem.CORRUPT
    assert "take or copy the photo again" in error.text


def test_jpeg_without_a_picture_is_corrupt() -> None:
    assert refused(b"\xff\xd8\xff\xe0\0\4JF\xff\xd9" + bytes(8)).problem is PhotoProblem.CORRUPT


# Too large, and what pretends to be small


@pytest.mark.parametrize("format_name", [*FORMATS, "MPO"])
def test_photo_of_too_many_megapixels_is_refused_with_both_numbers(format_name: str) -> None:
    data = photo_bytes(format_name, size=(400, 500))
    error = refused(data, max_megapixels=0.19)
    assert error.problem is PhotoProblem.TOO_LARGE
    assert "0.2 megapixels" in error.text
    assert "0.19 are allowed" in error.text
    assert decode(data, max_megapixels=0.2).width == 400


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_announced_size_is_checked_before_memory_is_taken(format_name: str) -> None:
    lossless = {"lossless": True} if format_name == "WEBP" else {}
    data = bytearray(encode(draw_photo(0, (16, 16)), format_name, **lossless))
    _announce(format_name, data, 16_000, 16_000)
    tracemalloc.start()
    try:
        error = refused(bytes(data))
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # BMP and TIFF have no room for that many pixels in the file, and say so first.
    assert error.problem in (PhotoProblem.TOO_LARGE, PhotoProblem.TRUNCATED)
    assert taken < 5_000_000


@pytest.mark.parametrize("kind", ["WebP", "WebP lossless", "WebP animated"])
def test_webp_of_too_many_pixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    data = samples((400, 400))[kind]
    monkeypatch.setattr(webp, "_decoded", lambda *_: pytest.fail("too many pixels"))
    with pytest.raises(PhotoError) as caught:
        decode(data, max_megapixels=0.1)
    assert caught.value.problem is PhotoProblem.TOO_LARGE


def test_webp_that_finds_no_memory_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def __getattr__(self, _: str) -> Callable[..., int]:
            return lambda *_: 1

    monkeypatch.setattr(webp, "_library", Library)
    assert refused(encode(draw_photo(0), "WEBP")).problem is PhotoProblem.TOO_LARGE


def test_bmp_cut_off_in_its_header_is_truncated() -> None:
    assert refused(encode(draw_photo(0), "BMP")[:30]).problem is PhotoProblem.TRUNCATED


def _announce(format_name: str, data: bytearray, width: int, height: int) -> None:
    if format_name == "PNG":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif format_name == "WEBP":
        data[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    elif format_name == "BMP":
        data[18:26] = struct.pack("<ii", width, height)
    elif format_name == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
    else:
        for tag, value in ((256, width), (257, height)):
            at = data.index(struct.pack("<HHI", tag, 4, 1))
            data[at + 8 : at + 12] = struct.pack("<I", value)


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_bomb_in_a_png_text_or_profile_is_not_unpacked(name: bytes) -> None:
    bomb = b"a\0\0" + zlib.compress(bytes(150_000_000), 9)
    tracemalloc.start()
    try:
        picture = decode(png(ihdr(8, 8), (name, bomb), idat(8, 8), IEND))
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (picture.width, picture.height) == (8, 8)  # its pixels are whole
    assert taken < 10_000_000


def test_memory_that_runs_out_is_told_as_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("classifier.pixels.shrink", out_of_memory)
    error = refused(photo_bytes())
    assert error.problem is PhotoProblem.TOO_LARGE
    assert "memory" in error.text


def test_endless_gif_is_refused_without_reading_on() -> None:
    gif = photo_bytes("GIF", size=(32, 32))
    endless = gif[:-1] + b"!\xfe" + b"\1x" * 300_000 + b"\0;"
    assert refused(endless).problem is PhotoProblem.CORRUPT


def test_gif_of_very_many_pictures_shows_its_first() -> None:
    frames = [Image.new("P", (8, 8), shade) for shade in range(200)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=10)
    assert decode(data).format == "GIF"


def test_tiff_whose_directories_go_in_circles_is_decoded() -> None:
    data = bytearray(photo_bytes("TIFF", size=(64, 64)))
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * count, start)
    assert decode(bytes(data)).format == "TIFF"


def test_tiff_with_millions_of_pieces_is_corrupt() -> None:
    entries = [(256, 3, 1, 64), (257, 3, 1, 64), (273, 4, 2_000_000, 200), (279, 4, 1, 4)]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)
    assert refused(data + b"\1" * 8_000_400).problem is PhotoProblem.CORRUPT


def test_jpeg_that_repeats_its_scans_is_refused_before_they_are_read() -> None:
    data = encode(draw_photo(1, (3000, 2000)), "JPEG", progressive=True, quality=20)
    last = data.rindex(b"\xff\xda")
    repeated = data[:-2] + data[last:-2] * 420 + b"\xff\xd9"
    error = refused(repeated)
    assert error.problem is PhotoProblem.CORRUPT
    assert "repeats itself" in error.text


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\x01" * 3_000_000,
        b"\xff\xd8\xff" + b"x" * 3_000_000,
        png(ihdr(8, 8), *[(b"tEXt", b"")] * 250_000, IEND),
        b"GIF89a\x08\0\x08\0\0\0\0" + b"!\xfe\0" * 300_000 + b";",
        b"RIFF" + struct.pack("<I", 8 * 300_000 + 4) + b"WEBP" + b"ABCD\0\0\0\0" * 300_000,
        b"\0\0\0\x10ftypheic\0\0\0\0" + b"\0\0\0\x08free" * 300_000,
    ],
)
def test_file_of_countless_small_parts_is_refused_soon(data: bytes) -> None:
    assert refused(data).problem in (PhotoProblem.CORRUPT, PhotoProblem.TRUNCATED)


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_photo_error(data: bytes) -> None:
    assert refused(data).text


@given(st.sampled_from(sorted(samples((48, 64)))), st.binary(max_size=40), st.integers(0, 600))
def test_any_bytes_over_a_header_end_in_a_picture_or_a_photo_error(
    name: str, over: bytes, at: int
) -> None:
    data = bytearray(samples((48, 64))[name])
    data[at : at + len(over)] = over
    assert problem_of(bytes(data)) in (None, *PhotoProblem)

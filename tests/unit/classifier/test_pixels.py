"""Every kind of photo that docs/formats.md promises comes out upright, in its true colours."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from classifier.pixels import HeldWholeError, Picture, UInt8Array, decode
from tests.support.photos import (
    HEIGHT,
    WIDTH,
    display_p3_profile,
    draw_photo,
    encode,
    orientation_exif,
    photo_bytes,
    plain_cmyk_jpeg,
    samples,
    sideways,
    sixteen_bit,
    transparent_palette,
    with_alpha,
    ycck_jpeg,
)
from tests.support.waiting import DEADLINE_SECONDS

SIZE = (224, 224)
# Mean difference in levels of 255 that coding and the way to 224 pixels may leave.
LOSSLESS, LOSSY = 1.0, 2.5


def expected(image: Image.Image) -> UInt8Array:
    small = image.convert("RGB").resize(SIZE, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small)


def difference(picture: Picture, image: Image.Image) -> float:
    return float(np.abs(picture.pixels.astype(int) - expected(image)).mean())


def half_white(image: Image.Image) -> Image.Image:
    shown = image.convert("RGB")
    shown.paste("white", (0, 0, image.width // 2, image.height))
    return shown


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return draw_photo(1)


@pytest.mark.parametrize("name", sorted(samples()))
def test_every_kind_of_photo_is_decoded_at_the_asked_size(name: str) -> None:
    picture = decode(samples()[name], size=(96, 64))
    assert picture.pixels.shape == (64, 96, 3)
    assert picture.pixels.dtype == np.uint8
    assert picture.format == name.split(maxsplit=1)[0]
    turned = "with EXIF" in name or "turned" in name
    assert (picture.width, picture.height) == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_decoded(photo: Image.Image, subsampling: str, progressive: bool) -> None:
    data = encode(photo, "JPEG", quality=90, subsampling=subsampling, progressive=progressive)
    assert difference(decode(data), photo) < LOSSY


def test_large_jpeg_decoded_at_an_eighth_looks_as_if_decoded_whole() -> None:
    large = draw_photo(1, (1800, 2400))
    picture = decode(encode(large, "JPEG", quality=95, subsampling="4:4:4"))
    assert difference(picture, large) < LOSSLESS
    assert (picture.width, picture.height) == (1800, 2400)


@pytest.mark.parametrize("size", [(400, 533), (533, 400), (60, 80), (200, 440), (100, 3000)])
def test_narrow_and_wide_are_made_small_alike(size: tuple[int, int]) -> None:
    """In another order of the same two passes: each rounds, so a level may differ."""
    image = draw_photo(1, size)
    found = decode(encode(image, "PNG")).pixels.astype(int)
    assert np.abs(found - expected(image)).max() <= 1


def test_grey_jpeg_is_decoded(photo: Image.Image) -> None:
    assert difference(decode(encode(photo.convert("L"), "JPEG")), photo.convert("L")) < LOSSY


def test_inverted_cmyk_jpeg_has_its_true_colours(photo: Image.Image) -> None:
    data = encode(photo.convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    assert difference(decode(data), photo) < LOSSY


def test_cmyk_jpeg_that_is_not_inverted_has_its_true_colours(photo: Image.Image) -> None:
    data = plain_cmyk_jpeg(photo)
    assert b"Adobe" not in data
    assert difference(decode(data), photo) < LOSSY


def test_ycck_jpeg_has_its_true_colours(photo: Image.Image) -> None:
    assert difference(decode(ycck_jpeg(photo)), photo) < LOSSY


def test_mpo_shows_its_first_picture(photo: Image.Image) -> None:
    data = encode(photo, "MPO", save_all=True, append_images=[draw_photo(2)], quality=90)
    picture = decode(data)
    assert difference(picture, photo) < LOSSY
    assert picture.format == "MPO"


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_png_is_decoded(photo: Image.Image, mode: str) -> None:
    image = photo.convert(mode)
    shown = image.convert("L") if mode == "1" else image
    assert difference(decode(encode(image, "PNG")), shown) < LOSSLESS


def test_palette_png_is_decoded(photo: Image.Image) -> None:
    image = photo.quantize(200)
    assert difference(decode(encode(image, "PNG")), image) < LOSSLESS


def test_sixteen_bit_png_is_decoded(photo: Image.Image) -> None:
    data = encode(sixteen_bit(photo), "PNG")
    assert difference(decode(data), photo.convert("L")) < LOSSLESS


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_what_is_transparent_is_white(photo: Image.Image, format_name: str) -> None:
    picture = decode(encode(with_alpha(photo), format_name))
    shown = expected(half_white(photo)).astype(int)
    assert (picture.pixels[:, :108] == 255).all()
    assert np.abs(picture.pixels.astype(int) - shown)[:, 116:].mean() < LOSSY


def test_transparent_grey_png_is_white(photo: Image.Image) -> None:
    picture = decode(encode(with_alpha(photo.convert("L"), "LA"), "PNG"))
    assert difference(picture, half_white(photo.convert("L"))) < LOSSLESS


def test_transparent_palette_entry_is_white(photo: Image.Image) -> None:
    assert difference(decode(transparent_palette(photo)), half_white(photo)) < LOSSY


def test_transparent_colour_of_a_png_without_alpha_is_white(photo: Image.Image) -> None:
    marked = photo.copy()
    marked.paste((1, 2, 3), (0, 0, WIDTH // 2, HEIGHT))
    data = encode(marked, "PNG", transparency=(1, 2, 3))
    assert difference(decode(data), half_white(photo)) < LOSSY


def test_transparent_grey_of_a_sixteen_bit_png_is_white(photo: Image.Image) -> None:
    numbers = np.asarray(sixteen_bit(photo)).copy()
    numbers[:, : WIDTH // 2] = 777
    data = encode(Image.fromarray(numbers), "PNG", transparency=777)
    assert difference(decode(data), half_white(photo.convert("L"))) < LOSSLESS


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_is_decoded(photo: Image.Image, lossless: bool) -> None:
    data = encode(photo, "WEBP", lossless=lossless, quality=90)
    assert difference(decode(data), photo) < (LOSSLESS if lossless else LOSSY)


@pytest.mark.parametrize("mode", ["RGB", "P", "1"])
def test_bmp_is_decoded(photo: Image.Image, mode: str) -> None:
    image = photo.quantize(200) if mode == "P" else photo.convert(mode)
    shown = image.convert("L") if mode == "1" else image
    assert difference(decode(encode(image, "BMP")), shown) < LOSSLESS


def test_large_webp_is_made_small_on_reading_to_the_same_pixels(photo: Image.Image) -> None:
    large = photo.resize((2403, 1801))
    for lossless in (False, True):
        picture = decode(encode(large, "WEBP", lossless=lossless, quality=95, method=0))
        assert difference(picture, large) < LOSSLESS
        assert (picture.width, picture.height) == (2403, 1801)


def test_first_picture_of_a_webp_that_fills_only_a_part_of_it_lies_where_it_belongs() -> None:
    whole = Image.new("RGBA", (600, 450))
    whole.paste((200, 30, 30, 255), (302, 150, 450, 300))
    data = encode(whole, "WEBP", lossless=True, save_all=True, append_images=[whole.rotate(90)])
    assert difference(decode(data), Image.alpha_composite(_white(whole.size), whole)) < LOSSLESS


def _white(size: tuple[int, int]) -> Image.Image:
    return Image.new("RGBA", size, "white")


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "TIFF", "AVIF"])
def test_only_the_first_of_many_pictures_counts(photo: Image.Image, format_name: str) -> None:
    more = [draw_photo(2), draw_photo(3)]
    data = encode(photo.copy(), format_name, save_all=True, append_images=more, quality=90)
    assert difference(decode(data), photo) < 2 * LOSSY


@pytest.mark.parametrize(
    "compression",
    ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "zstd", "lzma"],
)
def test_tiff_is_decoded_however_it_is_compressed(photo: Image.Image, compression: str) -> None:
    quality = {"quality": 90} if compression == "jpeg" else {}
    data = encode(photo.copy(), "TIFF", compression=compression, **quality)
    assert difference(decode(data), photo) < LOSSY


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_tiff_is_decoded(photo: Image.Image, compression: str) -> None:
    image = photo.convert("1")
    data = encode(image, "TIFF", compression=compression)
    assert difference(decode(data), image.convert("L")) < LOSSLESS


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "YCbCr", "LAB"])
def test_tiff_is_decoded_whatever_its_colours(photo: Image.Image, mode: str) -> None:
    assert difference(decode(encode(photo.convert(mode), "TIFF")), photo) < LOSSY


@pytest.mark.parametrize(
    ("kind", "white"),
    [(np.uint16, 65535), (np.int32, 255), (np.int32, 65535), (np.float32, 1), (np.float32, 255)],
)
def test_tiff_numbers_are_shown_in_the_range_they_use(
    photo: Image.Image, kind: type[np.number[Any]], white: int
) -> None:
    levels = np.asarray(photo.convert("L")).astype(np.float64) / 255
    data = encode(Image.fromarray((levels * white).astype(kind)), "TIFF")
    assert difference(decode(data), photo.convert("L")) < LOSSLESS


def test_tiff_numbers_of_an_unusual_range_are_stretched(photo: Image.Image) -> None:
    levels = np.asarray(photo.convert("L")).astype(np.float32)
    stretched = (levels - levels.min()) / (levels.max() - levels.min()) * 255
    data = encode(Image.fromarray(levels * 1000 - 70_000), "TIFF")
    shown = Image.fromarray(stretched.astype(np.uint8))
    assert difference(decode(data), shown) < LOSSLESS


def test_tiff_numbers_that_are_none_are_shown_black() -> None:
    numbers = np.full((64, 64), np.nan, np.float32)
    numbers[:, 32:] = 1.0
    pixels = decode(encode(Image.fromarray(numbers), "TIFF")).pixels
    assert (pixels[:, :108] == 0).all()
    assert (pixels[:, 116:] == 255).all()


def test_tiff_whose_zero_is_white_is_shown_so(photo: Image.Image) -> None:
    negative = Image.fromarray(65535 - np.asarray(sixteen_bit(photo)))
    data = encode(negative, "TIFF", tiffinfo={262: 0})
    assert difference(decode(data), photo.convert("L")) < LOSSLESS


def test_avif_is_decoded(photo: Image.Image) -> None:
    assert difference(decode(encode(photo, "AVIF", quality=85)), photo) < LOSSY


@pytest.mark.parametrize("size", [(400, 533), (63, 33), (64, 96)])
def test_heic_is_decoded(size: tuple[int, int]) -> None:
    image = draw_photo(1, size)
    picture = decode(encode(image, "HEIC"))
    assert (picture.width, picture.height, picture.format) == (*size, "HEIC")
    assert difference(picture, image) < 2 * LOSSY


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "MPO"])
def test_each_exif_orientation_comes_out_upright(
    photo: Image.Image, format_name: str, order: str, orientation: int
) -> None:
    stored = sideways(photo, orientation).copy()
    more = {"save_all": True, "append_images": [stored.copy()]} if format_name == "MPO" else {}
    exif = orientation_exif(orientation, order)
    picture = decode(encode(stored, format_name, exif=exif, quality=90, **more))
    assert difference(picture, photo) < 2 * LOSSY
    assert (picture.width, picture.height) == photo.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_tiff_orientation_comes_out_upright(photo: Image.Image, orientation: int) -> None:
    data = encode(sideways(photo, orientation), "TIFF", tiffinfo={274: orientation})
    picture = decode(data)
    assert difference(picture, photo) < LOSSLESS
    assert (picture.width, picture.height) == photo.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_avif_orientation_comes_out_upright(photo: Image.Image, orientation: int) -> None:
    exif = orientation_exif(orientation)
    data = encode(sideways(photo, orientation), "AVIF", exif=exif, quality=85)
    assert difference(decode(data), photo) < LOSSY


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 6, 8])
def test_heic_is_turned_once_although_its_exif_says_so_too(orientation: int) -> None:
    image = draw_photo(1, (96, 128))
    stored = sideways(image, orientation)
    exif = orientation_exif(orientation).removeprefix(b"Exif\0\0")
    picture = decode(encode(stored, "HEIC", orientation=orientation, exif=exif))
    assert difference(picture, image) < 2 * LOSSY
    assert (picture.width, picture.height) == image.size


def test_png_whose_exif_stands_behind_the_pixels_comes_out_upright(photo: Image.Image) -> None:
    data = encode(sideways(photo, 6), "PNG", exif=orientation_exif(6))
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    behind = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert difference(decode(behind), photo) < LOSSLESS
    assert (decode(behind).width, decode(behind).height) == photo.size


@pytest.mark.parametrize(
    "exif",
    [
        orientation_exif(9),
        orientation_exif(0),
        orientation_exif(6)[:12],
        b"Exif\0\0nonsense",
        orientation_exif(6).replace(b"\x08\0\0\0", b"\xff\xff\xff\x7f"),
    ],
)
def test_broken_exif_leaves_a_photo_as_it_is(photo: Image.Image, exif: bytes) -> None:
    picture = decode(encode(photo, "JPEG", exif=exif, quality=90))
    assert difference(picture, photo) < LOSSY
    assert (picture.width, picture.height) == photo.size


def test_zeros_that_are_a_colour_of_a_palette_may_well_be_a_border() -> None:
    white_border = np.ones((80, 60), np.uint8)
    white_border[:20] = 0  # BMP begins with the lowest row
    image = Image.fromarray(white_border, "P")
    image.putpalette([255, 255, 255, 60, 40, 20])
    assert difference(decode(encode(image, "BMP")), image.convert("RGB")) < LOSSLESS


def wide_gamut(image: Image.Image) -> Image.Image:
    """The picture's colours as a Display P3 photo stores them."""
    p3 = ImageCms.ImageCmsProfile(BytesIO(display_p3_profile()))
    way = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), p3, "RGB", "RGB")
    return Image.fromarray(np.asarray(way.apply(image)))


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIC"])
def test_wide_gamut_photo_is_brought_to_srgb(photo: Image.Image, format_name: str) -> None:
    stored, options = wide_gamut(photo), {} if format_name == "HEIC" else {"quality": 90}
    ignored = decode(encode(stored.copy(), format_name, **options))
    managed = decode(encode(stored, format_name, icc_profile=display_p3_profile(), **options))
    assert difference(ignored, photo) > 4
    assert difference(managed, photo) < LOSSY


@pytest.mark.parametrize(
    "profile",
    [b"nonsense", bytes(200), display_p3_profile()[:200], display_p3_profile()[:128] + bytes(400)],
)
def test_broken_colour_profile_counts_as_none(photo: Image.Image, profile: bytes) -> None:
    assert difference(decode(encode(photo, "JPEG", icc_profile=profile, quality=90)), photo) < LOSSY


def test_profile_for_other_colours_counts_as_none(photo: Image.Image) -> None:
    data = encode(photo.convert("L"), "JPEG", icc_profile=display_p3_profile())
    assert difference(decode(data), photo.convert("L")) < LOSSY


def test_picture_far_smaller_than_asked_is_stretched() -> None:
    pixels = decode(encode(Image.new("RGB", (1, 1), (9, 90, 200)), "PNG")).pixels
    assert pixels.shape == (224, 224, 3)
    assert (pixels == (9, 90, 200)).all()


@pytest.mark.parametrize("size", [(4000, 3), (3, 4000)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
def test_very_long_picture_is_stretched(size: tuple[int, int], mode: str) -> None:
    grey = Image.new("L", size, 120)
    image = sixteen_bit(grey) if mode == "I;16" else grey.convert(mode)
    assert np.abs(decode(encode(image, "PNG")).pixels.astype(int) - 120).max() <= 1


def test_large_picture_with_alpha_is_flattened_in_bands_without_seams() -> None:
    ramp = np.linspace(0, 255, 1801).astype(np.uint8)
    grey = Image.fromarray(np.broadcast_to(ramp[:, None], (1801, 1403)).copy())
    picture = decode(encode(grey.convert("RGBA"), "PNG"))
    assert np.abs(picture.pixels.astype(int) - expected(grey)).max() <= 1


def test_several_threads_decode_at_once_and_agree() -> None:
    kinds = samples((120, 160))
    alone = {name: decode(data).pixels for name, data in kinds.items()}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda name: (name, decode(kinds[name]).pixels), [*kinds] * 4))
    for name, pixels in together:
        assert np.array_equal(pixels, alone[name]), name


def test_large_pictures_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    data, done = photo_bytes("PNG"), threading.Event()
    from classifier import pixels

    monkeypatch.setattr(pixels, "LARGE_MEGAPIXELS", 0.01)

    def work() -> None:
        decode(data)
        done.set()

    with pixels._large_pictures:
        thread = threading.Thread(target=work)
        thread.start()
        assert not done.wait(0.05)
        small_on_reading = decode(photo_bytes("JPEG"))
        assert small_on_reading.format == "JPEG"  # never waits
    thread.join(timeout=DEADLINE_SECONDS)
    assert done.is_set()


@pytest.mark.parametrize("kind", ["JPEG progressive", "PNG", "WebP lossless", "WebP alpha", "HEIC"])
def test_what_its_decoder_would_hold_whole_is_left_alone_where_it_is_too_large(kind: str) -> None:
    data = samples((384, 320))[kind]
    with pytest.raises(HeldWholeError):
        decode(data, most_whole_megapixels=0.12)
    assert decode(data, most_whole_megapixels=0.13).width == 384


@pytest.mark.parametrize("kind", ["JPEG", "WebP", "WebP animated"])
def test_what_is_made_small_on_reading_is_never_held_whole(kind: str) -> None:
    assert decode(samples((384, 320))[kind], most_whole_megapixels=0.01).width == 384


def test_nothing_is_written_by_decoders_or_left_in_the_library(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    damaged = bytearray(samples()["TIFF LZW"])
    damaged[2000:9000] = bytes(range(250)) * 28
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        for data in (*samples().values(), bytes(damaged)):
            _decode_whatever(data)
    captured = capfd.readouterr()
    assert (captured.out, captured.err, caught) == ("", "", [])
    assert [record for record in caplog.records if record.name.startswith("PIL")] == []


def _decode_whatever(data: bytes) -> None:
    from config.errors import PhotoError

    try:
        decode(data)
    except PhotoError:
        return


def test_a_jpeg_loads_no_other_format() -> None:
    code = (
        "import sys; from classifier.pixels import decode; decode(sys.stdin.buffer.read());"
        "print([name for name in ('pi_heif', 'PIL.AvifImagePlugin', 'PIL.WebPImagePlugin',"
        "'PIL.PngImagePlugin') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, input=photo_bytes(), capture_output=True, check=True, timeout=DEADLINE_SECONDS
    )
    assert done.stdout.decode().strip() == "[]"


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("size", [(400, 533), (533, 400), (60, 80), (1, 3000)])
def test_a_picture_that_is_to_fit_keeps_its_proportions_and_is_never_enlarged(
    size: tuple[int, int], turn: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, "JPEG", exif=exif)
    picture = decode(file.getvalue(), size=(240, 240), fit=True)
    scale = min(1.0, 240 / max(size))
    wanted = (max(1, round(scale * size[0])), max(1, round(scale * size[1])))
    assert picture.image.size == (wanted if turn == 1 else wanted[::-1])


@pytest.mark.parametrize("kind", samples())
def test_what_is_kept_of_a_photo_changes_nothing_of_its_pixels(kind: str) -> None:
    data = samples()[kind]
    plain, kept = decode(data), decode(data, keep_side=100)
    assert np.array_equal(plain.pixels, kept.pixels)
    assert plain.decoded is None
    assert kept.decoded is not None
    shown = kept.decoded.within(100)
    assert shown.mode == "RGB"
    assert max(shown.size) <= 100
    assert abs(shown.width / shown.height - kept.width / kept.height) < 0.1

"""The photo maker: draws test photos and writes them in every format. No real photo is ever used.

    photo = draw_photo(seed=3)                       a drawn garment, different for each seed
    data = photo_bytes("JPEG", seed=3)               the same, as the bytes of a file
    write_photo(folder / "shirt.jpg", seed=3)        the same, as a file

`samples()` are the kinds that `classifier.pixels` promises to decode, one for each row of
docs/formats.md and more; the tests and the fuzzer take them from here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from tests.support.heic import heic

WIDTH, HEIGHT = 400, 533


def draw_photo(seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """Draw a garment on a table under uneven light, with a camera's noise; RGB.

    size: (width, height). Its four corners differ, so that a turned or mirrored one shows.
    """
    rng = np.random.default_rng(seed)
    table, cloth, print_ = (tuple(int(c) for c in rng.integers(40, 216, 3)) for _ in range(3))
    picture = Image.new("RGB", (WIDTH, HEIGHT), table)
    pen = ImageDraw.Draw(picture)
    sleeve = int(rng.integers(170, 300))
    body = [(140, 90), (260, 90), (300, 110), (375, sleeve), (335, sleeve + 30), (300, 190)]
    body += [(300, 480), (100, 480), (100, 190), (65, sleeve + 30), (25, sleeve), (100, 110)]
    pen.polygon(body, fill=cloth)
    pen.ellipse((165, 70, 235, 120), fill=table)
    pen.rectangle((150, 220, 150 + int(rng.integers(30, 100)), 300), fill=print_)
    pen.rectangle((0, 0, 60, 60), fill=(220, 40, 40))
    pen.rectangle((WIDTH - 60, 0, WIDTH, 60), fill=(40, 160, 60))
    pen.rectangle((0, HEIGHT - 60, 60, HEIGHT), fill=(40, 70, 200))
    pixels = np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float32)
    light = np.linspace(0.85, 1.1, size[0], dtype=np.float32)[None, :, None]
    noise = rng.normal(0.0, 4.0, (*pixels.shape[:2], 1)).astype(np.float32)
    return Image.fromarray(np.clip(pixels * light + noise, 0, 255).astype(np.uint8))


def encode(image: Image.Image, format: str, **options: Any) -> bytes:  # noqa: A002
    """The bytes of a file of this picture; format as Pillow calls it, or HEIC."""
    if format == "HEIC":
        return heic(image, **options)
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def photo_bytes(
    format: str = "JPEG",  # noqa: A002
    *,
    seed: int = 0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    **options: Any,
) -> bytes:
    """A drawn photo as the bytes of a file."""
    return encode(draw_photo(seed, size), format, **options)


def write_photo(path: Path, *, seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Write a drawn photo as JPEG, whatever the name's ending; returns the path."""
    path.write_bytes(photo_bytes(seed=seed, size=size))
    return path


def drop_photos(folder: Path, count: int, first: int = 0) -> dict[str, bytes]:
    """Put that many small photos, each of other bytes, into a folder; name and bytes of each."""
    drawn = [draw_photo(seed, (96, 128)) for seed in range(10)]
    dropped = {}
    for number in range(first, first + count):
        exif = Image.Exif()
        exif[0x010E] = f"photo {number}"  # tells photos of one drawing apart by their bytes
        dropped[f"photo{number:05d}.jpg"] = encode(drawn[number % 10], "JPEG", exif=exif)
    for name, content in dropped.items():
        (folder / name).write_bytes(content)
    return dropped


def orientation_exif(orientation: int, order: str = "<") -> bytes:
    """An EXIF block of one entry, as JPEG, PNG and WebP files carry it."""
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)


def sideways(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as a camera stores it that notes this orientation: undoing it gives `image`."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return image if orientation == 1 else image.transpose(back[orientation])


def display_p3_profile() -> bytes:
    """The ICC profile of the wide-gamut displays that phones take photos for.

    Source: ICC.1:2010; primaries of SMPTE RP 431-2 adapted to D50, the transfer curve of sRGB.
    """
    primaries = {
        b"rXYZ": (0.51512, 0.2412, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
        b"wtpt": (0.95045, 1.0, 1.08905),
    }
    levels = np.linspace(0, 1, 1024)
    curve = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    tone = b"curv\0\0\0\0" + struct.pack(">I", 1024) + (curve * 65535).astype(">u2").tobytes()
    name = b"Display P3\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text\0\0\0\0none\0",
        **{
            tag: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))
            for tag, values in primaries.items()
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone),
    }
    table, bodies = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, body in tags.items():
        table += tag + struct.pack(">II", start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12x4s", 0, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    header = header.ljust(128, b"\0")
    whole = header + table + bodies
    return struct.pack(">I", len(whole)) + whole[4:]


def ycck_jpeg(image: Image.Image) -> bytes:
    """A JPEG as Photoshop writes it: inverted CMYK, coded as luminance and chroma with black.

    Source: libjpeg's ycck_cmyk_convert: decoded cyan is 255 - red, so inverted cyan is coded as
    the red that equals cyan.
    """
    cyan, magenta, yellow, black = image.convert("CMYK").split()
    coded = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    # Pillow inverts all four bands when it writes CMYK: undo that for the three coded ones.
    bands = [band.point(lambda level: 255 - level) for band in coded]
    data = encode(Image.merge("CMYK", [*bands, black]), "JPEG", quality=95)
    at = data.index(b"Adobe")
    return data[: at + 11] + b"\2" + data[at + 12 :]  # the transform flag: YCCK


def plain_cmyk_jpeg(image: Image.Image) -> bytes:
    """A JPEG of CMYK that is not inverted, and so without Adobe's mark."""
    data = encode(image.convert("CMYK").point(lambda v: 255 - v), "JPEG", quality=95)
    start = data.index(b"Adobe") - 4
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:start] + data[start + 2 + length :]


def sixteen_bit(image: Image.Image) -> Image.Image:
    """The picture in grey with 16 bits."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def with_alpha(image: Image.Image, mode: str = "RGBA") -> Image.Image:
    """The picture, its left half transparent (over black, so that showing it would be seen)."""
    clear = image.convert(mode)
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, image.width // 2, image.height))
    clear.putalpha(alpha)
    clear.paste((0,) * len(clear.getbands()), (0, 0, image.width // 2, image.height))
    return clear


def transparent_palette(image: Image.Image) -> bytes:
    """A PNG with a palette of which entry 0, the left half, is transparent."""
    indexed = image.quantize(255).point(lambda index: index + 1)
    colours = image.quantize(255).getpalette() or []
    indexed.putpalette([0, 0, 0, *colours])
    indexed.paste(0, (0, 0, image.width // 2, image.height))
    return encode(indexed, "PNG", transparency=0)


@cache
def samples(size: tuple[int, int] = (WIDTH, HEIGHT)) -> dict[str, bytes]:
    """One file of each kind, by name; the part of the name before a space is `Picture.format`.

    All show `draw_photo(1, size)`.
    """
    image = draw_photo(1, size)
    makers: dict[str, Callable[[], bytes]] = {
        f"{name} {detail}".strip(): partial(encode, picture, format_name, **options)
        for name, detail, picture, format_name, options in _recipes(image)
    }
    makers["JPEG YCCK"] = partial(ycck_jpeg, image)
    makers["JPEG CMYK not inverted"] = partial(plain_cmyk_jpeg, image)
    makers["PNG transparent palette"] = partial(transparent_palette, image)
    return {name: make() for name, make in makers.items()}


def _recipes(image: Image.Image) -> list[tuple[str, str, Image.Image, str, dict[str, Any]]]:
    # Copied below: Pillow leaves settings of the last format on a picture that it has saved.
    other = draw_photo(2, image.size)
    grey, deep = image.convert("L"), sixteen_bit(image)
    numbers = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    return [
        ("JPEG", "", image, "JPEG", {"quality": 85}),
        ("JPEG", "progressive", image, "JPEG", {"quality": 85, "progressive": True}),
        ("JPEG", "grey", grey, "JPEG", {"quality": 85}),
        ("JPEG", "CMYK", image.convert("CMYK"), "JPEG", {"quality": 95}),
        ("JPEG", "with EXIF", image, "JPEG", {"exif": orientation_exif(6)}),
        ("JPEG", "Display P3", image, "JPEG", {"icc_profile": display_p3_profile()}),
        ("MPO", "", image, "MPO", {"save_all": True, "append_images": [other.copy()]}),
        ("PNG", "", image, "PNG", {}),
        ("PNG", "grey", grey, "PNG", {}),
        ("PNG", "grey and alpha", with_alpha(grey, "LA"), "PNG", {}),
        ("PNG", "alpha", with_alpha(image), "PNG", {}),
        ("PNG", "palette", image.quantize(64), "PNG", {}),
        ("PNG", "16-bit grey", deep, "PNG", {}),
        ("PNG", "1-bit", image.convert("1"), "PNG", {}),
        ("PNG", "with EXIF", image, "PNG", {"exif": orientation_exif(6)}),
        ("WebP", "", image, "WEBP", {"quality": 85}),
        ("WebP", "lossless", image, "WEBP", {"lossless": True}),
        ("WebP", "alpha", with_alpha(image), "WEBP", {}),
        ("WebP", "animated", image, "WEBP", {"save_all": True, "append_images": [other.copy()]}),
        ("WebP", "with EXIF", image, "WEBP", {"exif": orientation_exif(6)}),
        ("BMP", "", image, "BMP", {}),
        ("BMP", "palette", image.quantize(64), "BMP", {}),
        ("BMP", "1-bit", image.convert("1"), "BMP", {}),
        ("GIF", "", image, "GIF", {}),
        ("GIF", "animated", image, "GIF", {"save_all": True, "append_images": [other.copy()]}),
        ("TIFF", "", image, "TIFF", {}),
        ("TIFF", "LZW", image, "TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", "deflate", image, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "JPEG", image, "TIFF", {"compression": "jpeg"}),
        ("TIFF", "packbits", image, "TIFF", {"compression": "packbits"}),
        ("TIFF", "fax", image.convert("1"), "TIFF", {"compression": "group4"}),
        ("TIFF", "alpha", with_alpha(image), "TIFF", {}),
        ("TIFF", "CMYK", image.convert("CMYK"), "TIFF", {}),
        ("TIFF", "Lab", image.convert("LAB"), "TIFF", {}),
        ("TIFF", "16-bit grey", deep, "TIFF", {}),
        ("TIFF", "32-bit whole numbers", deep.convert("I"), "TIFF", {}),
        ("TIFF", "floating point", numbers, "TIFF", {}),
        ("TIFF", "two pages", image, "TIFF", {"save_all": True, "append_images": [other.copy()]}),
        ("AVIF", "", image, "AVIF", {}),
        ("AVIF", "alpha", with_alpha(image), "AVIF", {}),
        ("HEIC", "", image, "HEIC", {}),
        ("HEIC", "turned", image, "HEIC", {"orientation": 6}),
    ]

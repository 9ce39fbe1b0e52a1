"""Sample photos that nightsort draws itself, so that a newcomer sees it work without any photos.

They are drawings, not photos: what the model makes of them says nothing about how good it is.
Among them are a duplicate and a damaged file, because those are seen in every warehouse.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
# Shapes are drawn on a square of this size, in whatever colours, and scaled to the photo.
_CANVAS = 1200
_WHITE: Colour = (246, 246, 244)
_CLOTH: tuple[Colour, ...] = (
    (36, 62, 110), (158, 42, 48), (52, 102, 72), (36, 104, 112), (98, 70, 128), (60, 64, 72),
)  # fmt: skip
_LEATHER: tuple[Colour, ...] = ((112, 66, 38), (62, 40, 32), (150, 32, 40), (190, 142, 92))
_EXIF_ORIENTATION = 274
_ON_ITS_SIDE = 6


@dataclass(frozen=True, slots=True)
class _Sample:
    """What a sample shows, and how it was 'photographed'."""

    item: str
    view: str
    size: tuple[int, int]
    suffix: str = "jpg"
    on_its_side: bool = False


_SAMPLES = (
    _Sample("tshirt", "front", (900, 1200)),
    _Sample("shirt", "front", (1536, 2048)),
    _Sample("handbag", "front", (1200, 1200)),
    _Sample("sunglasses", "top", (1080, 1440)),
    _Sample("watch", "front", (900, 1200), suffix="png"),
    _Sample("shoe", "side", (2048, 1536)),
    _Sample("tshirt", "back", (1200, 1600), on_its_side=True),
    _Sample("dress", "front", (800, 1200)),
)


def draw_samples(folder: Path, seed: int = 0) -> list[Path]:
    """Draw sample photos into `folder`, which is made if it is missing; the same for a seed.

    Returns their paths. The last two are a byte-for-byte duplicate and a file whose middle is
    damaged. A file that is there already is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [
        path
        for name, data in _files(random.Random(seed))
        if _write_new(path := folder / name, data)
    ]


def draw_item(item: str, rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """One item on a plain ground, as RGB of `size` (width, height).

    item: tshirt, shirt, dress, handbag, sunglasses, watch or shoe.
    """
    ground = _ground(rng)
    shape = Image.new("RGBA", (_CANVAS, _CANVAS), (0, 0, 0, 0))
    _DRAW[item](ImageDraw.Draw(shape), rng)
    shape = shape.rotate(rng.uniform(-4, 4), Image.Resampling.BILINEAR)
    side = int(min(size) * rng.uniform(0.92, 1.0))
    shape = _rounded(shape).resize((side, side), Image.Resampling.BICUBIC)
    photo = Image.new("RGB", size, ground)
    at = ((size[0] - side) // 2, (size[1] - side) // 2)
    photo.paste(_darker(ground, 0.82), (at[0] + side // 90, at[1] + side // 60), _shadow(shape))
    photo.paste(shape, at, shape)
    return photo


def _files(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    number = rng.randrange(10_000, 90_000)
    day = f"2025{1 + number % 12:02d}{1 + number % 28:02d}"
    drawn: list[tuple[str, bytes]] = []
    for place, sample in enumerate(_SAMPLES):
        number += rng.randrange(1, 40)
        # Departments number returns through, or anew each day: half of the samples either way.
        named = f"return_{day}_{place:03d}" if place % 2 else f"return-{number}"
        drawn.append((f"{named}_{sample.view}.{sample.suffix}", _photograph(sample, rng)))
    yield from drawn
    first_name, first = drawn[0]
    yield first_name.replace(".", "_2."), first
    yield f"return-{number + 7}_front.jpg", damaged(drawn[1][1])


def _photograph(sample: _Sample, rng: random.Random) -> bytes:
    photo = draw_item(sample.item, rng, sample.size)
    exif = Image.Exif()
    if sample.on_its_side:
        # As a phone does it: the pixels lie down, and a tag says how to stand them up.
        photo = photo.transpose(Image.Transpose.ROTATE_90)
        exif[_EXIF_ORIENTATION] = _ON_ITS_SIDE
    file = BytesIO()
    if sample.suffix == "png":
        photo.save(file, "PNG")
    else:
        photo.save(file, "JPEG", quality=88, exif=exif)
    return file.getvalue()


def damaged(jpeg: bytes) -> bytes:
    """A JPEG whose middle was overwritten, as by a failing memory card; its end is there.

    The new middle holds markers that have no place inside a picture, so that decoding fails
    instead of showing grey bars.
    """
    middle, length = len(jpeg) // 2, 512
    return jpeg[:middle] + b"\xff\xc4\x00\x03\xff" * (length // 5) + jpeg[middle + length :]


def _write_new(path: Path, data: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return False
    return True


# Ground and light


def _ground(rng: random.Random) -> Colour:
    level = rng.randrange(247, 255)
    return (level, level - rng.randrange(0, 2), level - rng.randrange(0, 4))


def _shadow(shape: Image.Image) -> Image.Image:
    return shape.getchannel("A").filter(ImageFilter.GaussianBlur(shape.width / 60))


def _rounded(shape: Image.Image) -> Image.Image:
    """As if it were a body: darker where it turns away from the light at the upper left."""
    outline = shape.getchannel("A")
    inner = ImageChops.offset(outline, _CANVAS // 30)
    turned = inner.filter(ImageFilter.GaussianBlur(_CANVAS / 24))
    lit = Image.merge("RGB", [turned.point(lambda level: 150 + level * 0.42)] * 3)
    body = ImageChops.multiply(shape.convert("RGB"), lit)
    body.putalpha(outline)
    return body


def _curve(corners: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """A closed outline without its corners: each is cut, again and again (Chaikin)."""
    for _ in range(3):
        pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
        corners = [
            (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part)
            for (x0, y0), (x1, y1) in pairs
            for part in (0.25, 0.75)
        ]
    return corners


def _darker(colour: Colour, factor: float) -> Colour:
    red, green, blue = (int(channel * factor) for channel in colour)
    return (red, green, blue)


# The items


def _tshirt(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    cloth, print_colour = rng.sample(_CLOTH, 2)
    _sleeves(pen, _darker(cloth, 0.92), cuff=(110, 470), hem=(270, 560))
    _torso(pen, cloth)
    pen.chord((480, 90, 720, 290), 0, 180, fill=_darker(cloth, 0.55))
    pen.arc((468, 78, 732, 304), 0, 180, fill=_darker(cloth, 0.75), width=16)
    for top, bottom in ((420, 470), (560, 540), (700, 720), (800, 770)):
        pen.line((top, 420, bottom, 1080), fill=_darker(cloth, 0.86), width=10)
    for row, half in enumerate((150, 190, 110)):
        y = 420 + row * 70
        pen.rectangle((600 - half, y, 600 + half, y + 35), fill=print_colour)


def _shirt(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    cloth = (178, 200, 226) if rng.random() < 0.5 else (222, 224, 226)
    seam = _darker(cloth, 0.72)
    _sleeves(pen, _darker(cloth, 0.92), cuff=(70, 960), hem=(190, 1000))
    _torso(pen, cloth)
    for x in range(360, 880, 48):
        pen.line((x, 240, x, 1080), fill=_darker(cloth, 0.86), width=6)
    pen.rectangle((572, 240, 628, 1085), fill=_darker(cloth, 0.95), outline=seam, width=4)
    for y in range(330, 1050, 120):
        pen.ellipse((588, y, 612, y + 24), fill=_WHITE, outline=seam, width=3)
    pen.polygon([(470, 110), (730, 110), (600, 250)], fill=_darker(cloth, 0.55))
    for side in (-1, 1):
        collar = [(600 + side * dx, y) for dx, y in ((140, 100), (190, 170), (70, 330), (0, 230))]
        pen.polygon(collar, fill=cloth, outline=seam, width=6)
    pen.rectangle((690, 430, 830, 590), outline=seam, width=5)


def _dress(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    cloth = rng.choice(_CLOTH)
    outline = [(455, 80), (500, 80), (520, 240), (680, 240), (700, 80), (745, 80), (790, 330)]
    outline += [(730, 520), (940, 1120), (260, 1120), (470, 520), (410, 330)]
    pen.polygon(outline, fill=cloth)
    pen.rectangle((470, 500, 730, 545), fill=_darker(cloth, 0.6))
    for x in range(-3, 4):
        pen.line((600 + x * 32, 550, 600 + x * 85, 1115), fill=_darker(cloth, 0.82), width=7)


def _handbag(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    leather = rng.choice(_LEATHER)
    seam = _darker(leather, 0.65)
    pen.arc((400, 120, 800, 800), 180, 360, fill=seam, width=38)
    pen.polygon([(230, 460), (970, 460), (1060, 1050), (140, 1050)], fill=leather)
    pen.rounded_rectangle((140, 1000, 1060, 1080), 40, fill=leather)
    pen.polygon([(230, 460), (970, 460), (930, 720), (270, 720)], fill=_darker(leather, 0.88))
    pen.line([(270, 720), (930, 720)], fill=seam, width=10)
    pen.rounded_rectangle((555, 670, 645, 780), 16, fill=(214, 178, 92), outline=seam, width=4)
    for x in (390, 770):
        pen.ellipse((x, 440, x + 50, 490), fill=(214, 178, 92))


def _sunglasses(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    frame = rng.choice(((24, 24, 28), (92, 56, 32), (120, 28, 36)))
    for side in (-1, 1):
        inner, outer = 600 + side * 70, 600 + side * 490
        box = (min(inner, outer), 440, max(inner, outer), 800)
        pen.rounded_rectangle(box, 150, fill=frame)
        lens = (box[0] + 34, box[1] + 34, box[2] - 34, box[3] - 34)
        pen.rounded_rectangle(lens, 120, fill=(58, 66, 76))
        glint = [(lens[0] + 60, 560), (lens[0] + 150, 480), (lens[0] + 190, 480)]
        pen.polygon([*glint, (lens[0] + 60, 600)], fill=(112, 124, 138))
        pen.line([(outer, 520), (600 + side * 560, 380)], fill=frame, width=36)
    pen.arc((510, 480, 690, 660), 200, 340, fill=frame, width=34)


def _watch(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    strap = rng.choice(_LEATHER)
    steel: Colour = (176, 180, 186)
    for end, lug in ((20, 440), (1180, 760)):
        pen.polygon([(470, end), (730, end), (765, lug), (435, lug)], fill=strap)
        for x in (500, 700):
            pen.line((x, end, x, lug), fill=_darker(strap, 0.7), width=6)
    pen.rectangle((890, 570, 940, 630), fill=_darker(steel, 0.8))
    pen.ellipse((300, 300, 900, 900), fill=steel, outline=_darker(steel, 0.6), width=12)
    pen.ellipse((355, 355, 845, 845), fill=(28, 32, 44), outline=_darker(steel, 0.5), width=8)
    for hour in range(12):
        _hand(pen, hour * 30, (200, 230), 16 if hour % 3 == 0 else 8)
    pen.rectangle((720, 575, 765, 625), fill=_WHITE)
    minutes = rng.randrange(720)
    _hand(pen, minutes / 2, (0, 115), 18)
    _hand(pen, minutes * 6, (0, 180), 12)
    pen.ellipse((582, 582, 618, 618), fill=_WHITE)


def _hand(pen: ImageDraw.ImageDraw, degrees: float, reach: tuple[float, float], width: int) -> None:
    """A line from the middle of the dial outwards; 0 degrees is twelve o'clock."""
    angle = math.radians(degrees - 90)
    points = [(600 + r * math.cos(angle), 600 + r * math.sin(angle)) for r in reach]
    pen.line(points, fill=_WHITE, width=width)


def _shoe(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    cloth = rng.choice(_CLOTH)
    seam = _darker(cloth, 0.7)
    upper = [(125, 860), (105, 640), (150, 500), (230, 520), (330, 610), (440, 580), (480, 440)]
    upper += [(560, 440), (700, 590), (900, 680), (1060, 720), (1110, 790), (1100, 870)]
    pen.polygon(_curve(upper), fill=cloth)
    pen.polygon(_curve([(120, 850), (105, 640), (140, 520), (230, 600), (250, 850)]), fill=seam)
    pen.polygon(_curve([(890, 860), (880, 700), (1060, 730), (1110, 800), (1100, 870)]), fill=seam)
    pen.polygon(_curve([(380, 850), (560, 620), (650, 620), (500, 850)]), fill=_WHITE)
    for n in range(4):
        x, y = 520 + n * 70, 510 + n * 47
        pen.line([(x + 30, y - 30), (x - 45, y + 75)], fill=_WHITE, width=22)
    sole = [(95, 820), (90, 915), (400, 925), (1000, 925), (1125, 890), (1120, 810), (1000, 840)]
    pen.polygon(_curve([*sole, (500, 845)]), fill=_WHITE, outline=(180, 180, 178), width=5)
    pen.line([(120, 890), (1080, 890)], fill=(196, 196, 194), width=6)


def _torso(pen: ImageDraw.ImageDraw, cloth: Colour) -> None:
    half = [(600, 130), (470, 110), (330, 165), (330, 1090), (600, 1105)]
    pen.polygon([*half, *((1200 - x, y) for x, y in reversed(half))], fill=cloth)
    for x in (330, 870):
        pen.line((x, 400, x, 1090), fill=_darker(cloth, 0.85), width=8)


def _sleeves(
    pen: ImageDraw.ImageDraw, cloth: Colour, cuff: tuple[int, int], hem: tuple[int, int]
) -> None:
    """Both sleeves; cuff and hem are the outer and inner lower corner of the left one."""
    left = [(350, 160), cuff, hem, (345, 420)]
    pen.polygon(left, fill=cloth)
    pen.polygon([(1200 - x, y) for x, y in left], fill=cloth)
    for flip in (False, True):
        ends = [(1200 - x, y) if flip else (x, y) for x, y in (cuff, hem)]
        pen.line(ends, fill=_darker(cloth, 0.75), width=14)


_DRAW: dict[str, Callable[[ImageDraw.ImageDraw, random.Random], None]] = {
    "tshirt": _tshirt,
    "shirt": _shirt,
    "dress": _dress,
    "handbag": _handbag,
    "sunglasses": _sunglasses,
    "watch": _watch,
    "shoe": _shoe,
}


def _folder(arguments: Sequence[str] | None = None) -> Path:
    parser = argparse.ArgumentParser(
        prog="python -m daemon.cli.samples", description="Draw sample photos, for a first look."
    )
    parser.add_argument("folder", type=Path, help="where they go; it is made if it is missing")
    folder: Path = parser.parse_args(arguments).folder
    return folder


if __name__ == "__main__":
    draw_samples(_folder())

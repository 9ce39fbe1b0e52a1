"""What a photo may look like on another day: geometry, table, light, resolution, JPEG.

One call turns a stored photo into one fresh example. Everything random comes from the generator
that is passed in, so that a seed gives the same epoch again. Numpy and Pillow only.
"""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Pixels = npt.NDArray[np.uint8]
SMALL_SIZE = (60, 80)  # how the old catalogue stores its pictures: width, height


def fresh_example(
    pixels: Pixels, size_px: int, rng: np.random.Generator, low_resolution: float = 0.45
) -> Pixels:
    """Turn a photo of 224 by 224 into an example of size_px by size_px for one training step."""
    image = Image.fromarray(pixels)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    image = _move(image, size_px, rng)
    image = Image.fromarray(_relight(np.asarray(image, np.float32), rng))
    if rng.random() < 0.08:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    if rng.random() < low_resolution:
        return np.asarray(_shrink_and_back(image, rng))
    if rng.random() < 0.4:
        image = jpeg(image, int(rng.integers(50, 96)))
    return np.asarray(image)


def round_trip(pixels: Pixels, quality: int = 75, size: tuple[int, int] = SMALL_SIZE) -> Pixels:
    """Send a photo through the old catalogue: scaled down, saved as JPEG, scaled up again."""
    image = Image.fromarray(pixels)
    small = jpeg(image.resize(size, Image.Resampling.BILINEAR), quality)
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Save and open again."""
    return Image.open(io.BytesIO(jpeg_file(image, quality))).convert("RGB")


def jpeg_file(image: Image.Image, quality: int, **options: Any) -> bytes:
    """The bytes of a JPEG file of it. options: as Pillow takes them."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def border_colour(pixels: Pixels) -> tuple[int, int, int]:
    """The median colour of a photo's outermost pixels: what lies beyond them most probably."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = (int(value) for value in np.median(edge, axis=0))
    return red, green, blue


def _move(image: Image.Image, size_px: int, rng: np.random.Generator) -> Image.Image:
    wide = rng.random() < 0.35
    aspect = np.exp(rng.uniform(np.log(0.58), np.log(1.4)) if wide else rng.uniform(-0.15, 0.15))
    far = rng.random() < 0.25
    scale = rng.uniform(0.5, 0.85) if far else rng.uniform(0.85, 1.2)
    angle = np.radians(np.clip(rng.normal(0, 6), -16, 16)) if rng.random() < 0.6 else 0.0
    scale_x, scale_y = scale * min(1.0, aspect), scale / max(1.0, aspect)
    room_x, room_y = max(0.06, 0.5 - scale_x / 2), max(0.06, 0.5 - scale_y / 2)
    shift_x, shift_y = rng.uniform(-room_x, room_x), rng.uniform(-room_y, room_y)
    return place(image, size_px, (scale_x, scale_y), float(angle), (shift_x, shift_y))


def place(
    image: Image.Image,
    size_px: int,
    scale: tuple[float, float],
    angle: float,
    shift: tuple[float, float],
) -> Image.Image:
    """Draw a photo scaled, turned (radians), shifted (shares of the side) on its background."""
    side = image.size[0]
    cos, sin = np.cos(angle), np.sin(angle)
    per_x, per_y = side / size_px / scale[0], side / size_px / scale[1]
    centre_x, centre_y = size_px * (0.5 + shift[0]), size_px * (0.5 + shift[1])
    matrix = (
        cos * per_x,
        sin * per_x,
        side / 2 - per_x * (cos * centre_x + sin * centre_y),
        -sin * per_y,
        cos * per_y,
        side / 2 - per_y * (-sin * centre_x + cos * centre_y),
    )
    return image.transform(
        (size_px, size_px),
        Image.Transform.AFFINE,
        matrix,
        resample=Image.Resampling.BILINEAR,
        fillcolor=border_colour(np.asarray(image)),
    )


def _relight(values: npt.NDArray[np.float32], rng: np.random.Generator) -> Pixels:
    if rng.random() < 0.3:
        values = values * table(values.shape[0], rng)
    if rng.random() < 0.12:
        values = values * rng.uniform(0.35, 0.8)
    elif rng.random() < 0.7:
        contrast, brightness = rng.uniform(0.7, 1.3), rng.uniform(-35, 35)
        values = (values - 128) * contrast + 128 + brightness
    if rng.random() < 0.5:
        values = values * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    if rng.random() < 0.12:
        warmth = rng.uniform(0.3, 1.0)
        values = values * (1 + warmth * np.array([0.08, -0.06, -0.4], np.float32))
    if rng.random() < 0.08:
        values = 0.3 * values + 0.7 * values.mean(axis=2, keepdims=True)
    if rng.random() < 0.12:
        values = values + rng.normal(0, rng.uniform(2, 9), values.shape).astype(np.float32)
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def table(size_px: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A table to multiply a photo on white by: a colour, a shadow across it, a little grain."""
    colour = rng.uniform(0.45, 1.0) * rng.uniform(0.75, 1.0, 3)
    corners = Image.fromarray(rng.uniform(0.7, 1.0, (2, 2)).astype(np.float32))
    shadow = np.asarray(corners.resize((size_px, size_px), Image.Resampling.BILINEAR))
    grain_px = int(rng.integers(2, size_px // 2))
    grain = rng.normal(1.0, rng.uniform(0.0, 0.05), (grain_px, grain_px)).astype(np.float32)
    wide = np.asarray(Image.fromarray(grain).resize((size_px, size_px), Image.Resampling.BILINEAR))
    result: Any = (shadow * wide)[..., None] * colour
    return np.asarray(result, np.float32)


def _shrink_and_back(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = 1.0 if rng.random() < 0.4 else rng.uniform(0.8, 2.2)
    size = (round(SMALL_SIZE[0] * factor), round(SMALL_SIZE[1] * factor))
    down = Image.Resampling.BILINEAR if rng.random() < 0.5 else Image.Resampling.BICUBIC
    small = image.resize(size, down)
    if rng.random() < 0.8:
        small = jpeg(small, int(rng.integers(50, 96)))
    return small.resize(image.size, Image.Resampling.BILINEAR)

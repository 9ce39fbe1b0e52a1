"""Pictures for people as the bytes of a JPEG."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def as_jpeg(image: Image.Image, quality: int) -> bytes:
    """The bytes of a JPEG file, as small as that quality allows."""
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()

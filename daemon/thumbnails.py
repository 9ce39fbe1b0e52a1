"""Small pictures of filed photos, for reports and workbooks.

They are made when a report is written, after the run: the drain does not pay for them. A photo is
decoded with the limits and by the decoder that it was classified with, scaled while decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice

from PIL import Image

from classifier.pixels import Picture, decode
from config.errors import PhotoError
from daemon.examine import Limits, read_photo, usable_cores
from daemon.tree import Tree

QUALITY = 72


class Thumbnails:
    """Makes small pictures of what lies in sorted."""

    def __init__(self, sorted_tree: Tree, limits: Limits, threads: int | None = None) -> None:
        self._sorted = sorted_tree
        self._limits = limits
        self._threads = threads or usable_cores()

    def of(
        self, places: Iterable[str], side: int, go_on: Callable[[], bool] = lambda: True
    ) -> dict[str, bytes]:
        """JPEGs whose longer side is `side` pixels, by place; what cannot be read is left out.

        go_on: asked between pictures; False ends it early.
        Raises TransientError when the folder does not answer.
        """
        made: dict[str, bytes] = {}
        waiting = iter(dict.fromkeys(places))
        with ThreadPoolExecutor(self._threads, "thumbnails") as pool:
            # A few at a time: memory does not grow with the number of photos, nor does a stop wait.
            while (some := list(islice(waiting, 2 * self._threads))) and go_on():
                pictures = pool.map(lambda place: self._one(place, side), some)
                made |= {p: jpeg for p, jpeg in zip(some, pictures, strict=True) if jpeg}
        return made

    def _one(self, place: str, side: int) -> bytes | None:
        try:
            data, _ = read_photo(self._sorted, place, self._limits.max_file_bytes)
            picture = decode(data, size=(side, side), max_megapixels=self._limits.max_megapixels)
        except (FileNotFoundError, PhotoError):
            return None
        return jpeg_of(picture, side)


def jpeg_of(picture: Picture, side: int) -> bytes:
    """A square that was decoded, in the photo's own proportions, its longer side as given."""
    longer = max(picture.width, picture.height)
    size = (
        max(1, round(side * picture.width / longer)),
        max(1, round(side * picture.height / longer)),
    )
    file = BytesIO()
    image = Image.fromarray(picture.pixels)
    image.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()

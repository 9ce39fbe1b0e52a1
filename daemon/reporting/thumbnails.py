"""Small pictures of filed photos, for reports and workbooks.

Where one was kept when the photo was classified (`kept_pictures`), and the photo lies there as it
was, that is taken. Else the photo is decoded when the report is written, with the limits and by the
decoder that it was classified with, scaled while decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from PIL import Image

from classifier.pixels import Picture, decode
from config.errors import PhotoBusy, PhotoError
from daemon.domain.photos import Fingerprint, Story
from daemon.folders.machine import usable_cores
from daemon.folders.photo_files import Limits, read_photo
from daemon.folders.tree import Tree
from daemon.reporting.jpegs import as_jpeg
from daemon.reporting.kept_pictures import KeptPictures

QUALITY = 72


@dataclass(frozen=True, slots=True)
class Shown:
    """A photo that is to be shown."""

    place: str  # in sorted
    sha256: str = ""  # of its bytes as they were last seen; empty: it is read in any case
    fingerprint: Fingerprint | None = None  # at that time

    @classmethod
    def of(cls, story: Story) -> Shown:
        """As the history knows it."""
        return cls(story.place, story.sha256_now, story.fingerprint)


class Thumbnails:
    """Makes small pictures of what lies in sorted."""

    def __init__(
        self,
        sorted_tree: Tree,
        limits: Limits,
        threads: int | None = None,
        beat: Callable[[], object] = lambda: None,
        kept: KeptPictures | None = None,
    ) -> None:
        """beat: called between pictures; what it raises ends the work."""
        self._beat = beat
        self._kept = kept
        self._sorted = sorted_tree
        self._limits = limits
        self._threads = threads or usable_cores()

    def of(self, photos: Iterable[Shown], side: int) -> dict[str, bytes]:
        """JPEGs whose longer side is `side` pixels, by place; what cannot be read is left out.

        Raises TransientError when the folder does not answer.
        """
        made: dict[str, bytes] = {}
        waiting = iter({photo.place: photo for photo in photos}.values())
        with ThreadPoolExecutor(self._threads, "thumbnails") as pool:
            # A few at a time: memory does not grow with the number of photos, nor does a stop wait.
            while some := list(islice(waiting, 2 * self._threads)):
                self._beat()
                pictures = pool.map(lambda photo: self._one(photo, side), some)
                made |= {p.place: jpeg for p, jpeg in zip(some, pictures, strict=True) if jpeg}
        return made

    def kept(self, photo: Shown, side: int) -> bytes | None:
        """The picture that was kept of a photo, if that lies there as it was."""
        if self._kept is None or not photo.sha256 or photo.fingerprint is None:
            return None
        jpeg = self._kept.get(photo.sha256, side)
        return jpeg if jpeg and self._holds(photo.place, photo.fingerprint) else None

    def _holds(self, place: str, known: Fingerprint) -> bool:
        """Whether the photo that is known lies there, as it was."""
        seen = self._sorted.seen(place)
        # No inode: another disk, or a share that is mounted again, numbers its files anew.
        return seen is not None and (seen.size_bytes, seen.mtime_ns) == (
            known.size_bytes,
            known.mtime_ns,
        )

    def _one(self, photo: Shown, side: int) -> bytes | None:
        if (jpeg := self.kept(photo, side)) is not None:
            return jpeg
        try:
            data, _ = read_photo(self._sorted, photo.place, self._limits.max_file_bytes)
            most = self._limits.max_megapixels
            picture = decode(data, size=(side, side), max_megapixels=most, fit=True)
        except (FileNotFoundError, PhotoBusy, PhotoError):
            return None
        return jpeg_of(picture, side)


def jpeg_of(picture: Picture, side: int) -> bytes:
    """A picture that was decoded to fit in a square, its longer side as given."""
    image = picture.image
    if (scale := side / max(image.size)) > 1:
        size = max(1, round(scale * image.width)), max(1, round(scale * image.height))
        image = image.resize(size, Image.Resampling.LANCZOS)
    return as_jpeg(image, QUALITY)

"""Small pictures of photos that people may look at, kept from the decoding that classified them.

Whoever shows a photo later (the run's page, its workbook) need not decode it again, which takes
long for a large one. A picture belongs to the hash of its photo: one that was changed has none.
They lie in `state_dir/pictures`, up to a bound; those not looked at for longest go.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from classifier.pixels import Picture
from classifier.verdict import Band, Verdict
from config.errors import PhotoProblem
from daemon.folders.picture_folder import MOST_BYTES, PictureFolder
from daemon.reporting.jpegs import as_jpeg
from daemon.reporting.remains import may_be_shown, remains

FOLDER = "pictures"
# Of the longer side: as large as the run's page shows any.
KEPT_SIDE = 360
_QUALITY, _SHOWN_QUALITY = 80, 72
# Of smaller ones a picture takes as long to keep as to make anew when somebody looks.
_WORTH_PIXELS = 500_000
# Spot checks are the photos whose hashes come first (`run_data`): a twentieth, and some to spare.
_SPOT_CHECKS = "15"  # of "ff"
_WHOLE_END = b"\xff\xd9"


class KeptPictures:
    """The pictures of one state folder. A disk that refuses costs time later, nothing else."""

    def __init__(self, state_dir: Path, most_bytes: int = MOST_BYTES) -> None:
        """The folder is made when the first picture comes."""
        # The page's user is in our group.
        self._folder = PictureFolder(state_dir / FOLDER, most_bytes, mode=0o640)

    def get(self, sha256: str, side: int) -> bytes | None:
        """A JPEG of the photo, its longer side `side` at most, where one is kept."""
        if (jpeg := _whole(self._folder.look_at(sha256))) is None:
            return None
        return jpeg if side >= KEPT_SIDE else _smaller(jpeg, side)

    def as_large_as(self, sha256: str, side: int) -> bytes | None:
        """As `get`, but only a JPEG whose longer side is `side`."""
        jpeg = self.get(sha256, side) if sha256 else None
        return jpeg if jpeg and max(_opened(jpeg).size) == side else None

    def keep(self, sha256: str, picture: Picture, verdict: Verdict) -> None:
        """Keep a picture of a photo that was judged, if people may want to see it."""
        is_wanted = verdict.band is Band.REVIEW or sha256[:2] < _SPOT_CHECKS
        if not is_wanted or picture.width * picture.height < _WORTH_PIXELS:
            return
        if picture.decoded is not None and not self._is_kept(sha256):
            self._folder.put(sha256, as_jpeg(picture.decoded.within(KEPT_SIDE), _QUALITY))

    def keep_remains(
        self, sha256: str, data: bytes, problem: PhotoProblem, max_megapixels: float
    ) -> None:
        """Keep what can still be seen of a photo that could not be decoded."""
        if not may_be_shown(problem) or self._is_kept(sha256):
            return
        if (jpeg := remains(data, KEPT_SIDE, max_megapixels)) is not None:
            self._folder.put(sha256, jpeg)

    def forget(self, sha256: str) -> None:
        """Keep no picture of a photo that is itself not kept any more."""
        self._folder.forget(sha256)

    def _is_kept(self, sha256: str) -> bool:
        return _whole(self._folder.read(sha256)) is not None


def _whole(jpeg: bytes | None) -> bytes | None:
    """A power cut may have left a file without its content."""
    return jpeg if jpeg and jpeg.endswith(_WHOLE_END) else None


def _smaller(jpeg: bytes, side: int) -> bytes:
    image = _opened(jpeg)
    if max(image.size) <= side:
        return jpeg
    image.thumbnail((side, side))
    return as_jpeg(image, _SHOWN_QUALITY)


def _opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg), formats=("JPEG",))

"""The helper process that reads and decodes photos for `web.pictures`.

A call on a share that is away may hang, and a decoder may crash on what somebody put there: both
then happen to this process alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from classifier.pixels import Picture, decode
from config.errors import PhotoError, TransientError
from daemon.folders.adoption import MARKER
from daemon.folders.photo_files import read_photo
from daemon.folders.tree import Tree
from daemon.reporting.jpegs import as_jpeg
from daemon.reporting.kept_pictures import KeptPictures
from web.reading.helper import answer_all

QUALITY = 82
# Sorting comes first.
_NICENESS = 5


def paint(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is answered: `sha256` of what was read and a JPEG, or `why` there is none, and `code`.

    request: `root` and `place` of the photo, `sha256`, `size_bytes`, `mtime_ns` as they were seen
    last, `side`, `max_bytes`, `max_megapixels`, and `state`, where the daemon keeps small pictures.
    """
    tree, side = Tree(Path(request["root"])), request["side"]
    try:
        if (kept := _kept(tree, request)) is not None:
            return {"sha256": request["sha256"]}, kept
        data, _ = read_photo(tree, request["place"], request["max_bytes"])
        most = request["max_megapixels"]
        picture = decode(data, size=(side, side), max_megapixels=most, fit=True)
    except FileNotFoundError:
        return _missing(tree), b""
    except PhotoError as exc:
        return {"code": "unreadable", "why": exc.text}, b""
    except TransientError as exc:
        return {"code": "unavailable", "why": str(exc)}, b""
    return {"sha256": hashlib.sha256(data).hexdigest()}, jpeg_of(picture)


def _kept(tree: Tree, request: dict[str, Any]) -> bytes | None:
    """The picture that was kept when the photo was sorted, if it is large enough.

    The photo must lie there as it was.
    """
    seen = tree.seen(request["place"])
    if seen is None or (seen.size_bytes, seen.mtime_ns) != (
        request["size_bytes"],
        request["mtime_ns"],
    ):
        return None
    pictures = KeptPictures(Path(request["state"]))
    return pictures.as_large_as(request["sha256"], request["side"])


def jpeg_of(picture: Picture) -> bytes:
    """A picture as it was decoded."""
    return as_jpeg(picture.image, QUALITY)


def _missing(tree: Tree) -> dict[str, Any]:
    """Moved by a person, or not there because its share is not."""
    try:
        is_away = tree.stat(MARKER) is None
    except (OSError, TransientError):
        is_away = True
    if is_away:
        return {"code": "unavailable", "why": "the folder of the photos is away"}
    return {"code": "gone", "why": "it is not where it was put; somebody has moved it"}


def main() -> None:
    """Answer until stdin ends."""
    answer_all(lambda request, _: paint(request), _NICENESS)

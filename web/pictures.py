"""Pictures of photos for page and API: decoded, turned upright, and written anew as JPEG.

Never a stored file's own bytes: what a browser gets is a picture, whatever somebody put on the
share. Where the photo lies the history says, never the caller.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import RefusedError
from config.settings import Settings
from web.problems import Problem, busy
from web.reading.arrivals import Arrival, Fingerprint
from web.reading.painters import Painters
from web.reading.photos import Seen
from web.reading.system import Forgotten, PictureFolder, content_mark

SMALLEST_SIDE, LARGEST_SIDE = 64, 1600


@dataclass(frozen=True, slots=True)
class Made:
    """A picture."""

    jpeg: bytes
    mark: str  # by which a browser knows it again; empty: this one is not the one in the history


@dataclass(frozen=True, slots=True)
class _Lying:
    """Where a photo lies, and as what it was seen there last."""

    root: str
    place: str
    sha256: str
    fingerprint: Fingerprint


class Pictures:
    """Makes pictures, and keeps them."""

    def __init__(self, settings: Settings, painters: Painters | None = None) -> None:
        intake = settings.intake
        self._incoming, self._sorted = str(settings.incoming_dir), str(settings.sorted_dir)
        self._state = str(settings.state_dir)
        self._limits = {
            "max_bytes": int(intake.max_file_mb * 1e6),
            "max_megapixels": intake.max_megapixels,
        }
        self._cache = PictureFolder(settings.state_dir / "web" / "pictures")
        self._painters = painters or Painters()
        self._forgotten = 0  # digests that the pictures were compared with

    def of(self, photo: Seen, side: int) -> Made:
        """The photo's picture, its longer side `side`, or as long as the photo's if that is less.

        Raises Problem 404 where there is none to show, 503 where its folder is away or hangs.
        """
        story = photo.story
        if not photo.is_shown:
            raise Problem(404, "no_picture", f"there is no picture of what is {story.state}")
        lies = _Lying(self._sorted, story.place, story.sha256_now, story.fingerprint)
        return self._made(lies, side)

    def of_arrival(self, arrival: Arrival, side: int) -> Made:
        """The same of a photo that has come in, wherever it lies by now."""
        root = self._incoming if arrival.is_in_incoming else self._sorted
        return self._made(_Lying(root, arrival.place, arrival.sha256, arrival.fingerprint), side)

    def _made(self, lies: _Lying, side: int) -> Made:
        name = f"{lies.sha256}-{side}"
        kept = self._cache.look_at(name) if lies.sha256 else None
        if kept is not None:
            return Made(kept, mark(lies.sha256, side))
        request = {
            "root": lies.root,
            "place": lies.place,
            "sha256": lies.sha256,
            "size_bytes": lies.fingerprint.size_bytes,
            "mtime_ns": lies.fingerprint.mtime_ns,
            "side": side,
            "state": self._state,
            **self._limits,
        }
        said, jpeg = self._painters.ask(request)
        if "code" in said:
            raise _problem(said)
        if said["sha256"] != lies.sha256:
            return Made(jpeg, "")  # edited a moment ago, or nobody has read it before
        self._cache.put(name, jpeg)
        return Made(jpeg, mark(lies.sha256, side))

    def clear_forgotten(self) -> None:
        """Let go of pictures of photos that were forgotten: the daemon may not touch them.

        Raises TransientError when the list of those cannot be read.
        """
        forgotten = Forgotten(Path(self._state))
        with suppress(RefusedError):  # damaged: whoever forgets the next photo is told
            if len(forgotten) == self._forgotten:
                return
            for name in self._cache.names():
                if forgotten.knows(content_mark(name.partition("-")[0])):
                    self._cache.forget(name)
            self._forgotten = len(forgotten)

    def close(self) -> None:
        """End the helpers."""
        self._painters.close()


def mark(sha256: str, side: int) -> str:
    """The ETag of the picture of a photo with that hash."""
    return f'"{sha256[:20]}-{side}"'


def _problem(said: dict[str, Any]) -> Problem:
    if said["code"] == "unavailable":
        return busy(f"{said['why']}; pictures are shown again when it answers", 30, "unavailable")
    return Problem(404, said["code"], said["why"])

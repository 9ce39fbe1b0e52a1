"""A desk to try filing at: an incoming and a sorted folder, and photos with known bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from daemon.domain.photos import Photo
from daemon.domain.sorting import Examined, Move
from daemon.folders.renaming import Way
from daemon.folders.tree import Tree
from daemon.sorting.filer import Filer, FilingPolicy

NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)


class Crash(BaseException):
    """The process dies here; nothing but recovery runs afterwards."""


def die_at(point: str, times: int = 1) -> Callable[[str], None]:
    """A `reached` that crashes when `point` is passed for the `times`-th time."""
    left = [times]

    def reached(passed: str) -> None:
        if passed == point:
            left[0] -= 1
            if left[0] == 0:
                raise Crash(point)

    return reached


class Desk:
    """Two folders, a filer between them, and the bytes of all that was dropped."""

    def __init__(self, incoming: Path, sorted_dir: Path) -> None:
        incoming.mkdir(exist_ok=True)
        sorted_dir.mkdir(exist_ok=True)
        self.incoming = incoming
        self.sorted = sorted_dir
        self._ids = 0

    def filer(
        self,
        policy: FilingPolicy | None = None,
        reached: Callable[[str], None] = lambda _: None,
        ways: Sequence[Way] | None = None,
    ) -> Filer:
        trees = Tree(self.incoming), Tree(self.sorted)
        return Filer(*trees, policy or FilingPolicy(), reached=reached, ways=ways)

    def drop(
        self, path: str = "shirt.jpg", content: bytes = b"a photo", mtime_ns: int | None = None
    ) -> Photo:
        """Put a photo into incoming, and say how it would have been admitted."""
        file = self.incoming / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if mtime_ns is not None:
            os.utime(file, ns=(mtime_ns, mtime_ns))
        file.read_bytes()  # rclone dates what was written through it anew at the first reading
        self._ids += 1
        fingerprint = Tree(self.incoming).fingerprint(path)
        assert fingerprint is not None
        return Photo(self._ids, path, fingerprint, NOON)

    def examine(self, photo: Photo, readable: bool = True) -> Examined:
        content = (self.incoming / photo.path).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest() if readable else ""
        return Examined(photo, photo.fingerprint, sha256, None)

    def plan(self, photo: Photo, folder: str = "Shirts", readable: bool = True) -> Move:
        return self.filer().plan(self.examine(photo, readable).source, folder)

    def files(self) -> dict[str, bytes]:
        """All files of both folders, hidden ones too, with their bytes; links are named so."""
        found = {}
        for root in (self.incoming, self.sorted):
            for path in root.rglob("*"):
                if path.is_symlink():
                    found[f"{root.name}/{path.relative_to(root)}"] = b"-> " + os.fsencode(
                        path.readlink()
                    )
                elif path.is_file():
                    found[f"{root.name}/{path.relative_to(root)}"] = path.read_bytes()
        return found

"""Pictures that were made, kept in a folder up to a bound; those not looked at for longest go."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 400_000_000
# When the bound is reached, so much is left, so that not every further picture clears one away.
_LEAVE = 0.8


class PictureFolder:
    """JPEGs by name; from any thread. A disk that refuses costs time later, nothing else."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES, mode: int = 0o600) -> None:
        """`folder` is made when the first picture comes; mode: of each file."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._mode = mode
        self._lock = threading.Lock()
        self._bytes: int | None = None  # None until it was looked

    def read(self, name: str) -> bytes | None:
        """The picture, where it is kept."""
        try:
            return self._file(name).read_bytes()
        except OSError:
            return None

    def look_at(self, name: str) -> bytes | None:
        """The same, and it is known that somebody looked at it."""
        jpeg = self.read(name)
        if jpeg is not None:
            with suppress(OSError):  # whoever is no owner cannot say so
                os.utime(self._file(name))
        return jpeg

    def put(self, name: str, jpeg: bytes) -> None:
        """Keep a picture, whole or not at all."""
        file = self._file(name)
        with suppress(OSError):
            file.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            with self._lock:
                kept = self._size() + len(jpeg)
                self._write(file, jpeg)
                self._bytes = kept if kept <= self._most_bytes else self._clear()

    def names(self) -> list[str]:
        """Of all that are kept."""
        return [file.stem for _, _, file in self._all()]

    def forget(self, name: str) -> None:
        """Keep it no more."""
        with suppress(OSError):
            self._file(name).unlink()

    def _file(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.jpg"

    def _size(self) -> int:
        if self._bytes is None:
            self._bytes = sum(size for _, size, _ in self._all())
        return self._bytes

    def _clear(self) -> int:
        """Let the pictures go that nobody looked at for longest; returns what is left."""
        files = self._all()
        left = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if left <= self._most_bytes * _LEAVE:
                break
            with suppress(OSError):
                file.unlink()
                left -= size
        return left

    def _all(self) -> list[tuple[float, int, Path]]:
        """When each was looked at, its size, and where it lies."""
        found = []
        for file in self._folder.glob("??/*"):
            with suppress(OSError):
                about = file.stat()
                found.append((about.st_mtime, about.st_size, file))
        return found

    def _write(self, file: Path, content: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as part:
                part.write(content)
                os.fchmod(part.fileno(), self._mode)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

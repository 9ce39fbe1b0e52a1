"""Folders that stay open while many files in them are handled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# More than filing a photo takes at a time, and far from what a process may have open.
MOST_FOLDERS = 32


class HeldFolders:
    """Those of a tree that were asked for lately, by their paths."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._place: tuple[int, int] | None = None  # the root's device and inode, as last seen
        self._open: dict[str, int] = {}

    def folder(self, relative: str, opened: Callable[[], int]) -> int:
        """A descriptor of the folder `relative`, as it was opened before or by `opened`.

        Opened anew are one that was removed meanwhile, and all when the root is another.
        """
        self._look_at_root()
        fd = self._open.pop(relative, None)
        if fd is not None and not os.fstat(fd).st_nlink:
            os.close(fd)
            fd = None
        if fd is None:
            fd = opened()
        self._open[relative] = fd
        if len(self._open) > MOST_FOLDERS:
            os.close(self._open.pop(next(iter(self._open))))
        return fd

    def close(self) -> None:
        """Close them all."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _look_at_root(self) -> None:
        try:
            found = self._root.stat()
            place = found.st_dev, found.st_ino
        except OSError:  # opening it will say what is wrong
            place = None
        if place is None or place != self._place:
            self.close()
            self._place = place

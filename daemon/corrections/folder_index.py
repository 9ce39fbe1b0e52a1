"""What lies in sorted now: names and inodes, read once for one look, and only if it is needed.

A folder of a hundred thousand photos is listed, never asked about each of them: what the listing
itself tells must do. Where there is more than that, the index says that it is not complete, and
nothing is concluded from what it does not hold.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from functools import cached_property

from config.junk import JUNK
from daemon.folders.names import compare_key
from daemon.folders.os_errors import trouble
from daemon.folders.tree import ABSENT, Tree, join, signed
from daemon.intake.screening import Screening

MOST_ENTRIES = 200_000
_DEEPEST = 6
# Where so few files lie, each may be asked for its size, once.
_FEW_FILES = 2000
_JUNK = Screening(JUNK)
# What copies are called by Explorer, Finder, file managers and ourselves.
_COPY = re.compile(r"(?: ?\(\d+\)| - [^\W\d_]+| \d+)+$")


class FolderIndex:
    """The files below a tree, but hidden ones and those of bins."""

    def __init__(self, tree: Tree, most: int = MOST_ENTRIES) -> None:
        """Read the names. Raises TransientError when the folder does not answer."""
        self._tree = tree
        self._most = most
        self.is_complete = True
        self.places: list[str] = []
        self._by_inode: defaultdict[int, list[str]] = defaultdict(list)
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._read("", _DEEPEST)

    def of_inode(self, inode: int) -> list[str]:
        """Places of files with that inode number, which some mounts give anew at each start."""
        return self._by_inode.get(inode, [])

    def named(self, name: str) -> list[str]:
        """Places of files of that name, or of a copy's; those of that very name first."""
        key = compare_key(name)
        found = self._by_name.get(stem_key(name), [])
        return sorted(found, key=lambda place: compare_key(place.rpartition("/")[2]) != key)

    def of_size(self, size_bytes: int) -> list[str]:
        """Places of files of that size; none where more lie than may each be asked."""
        return self._by_size.get(size_bytes, [])

    @cached_property
    def _by_size(self) -> dict[int, list[str]]:
        by_size: defaultdict[int, list[str]] = defaultdict(list)
        for place in self.places if len(self.places) <= _FEW_FILES else ():
            if mark := self._tree.seen(place):
                by_size[mark.size_bytes].append(place)
        return by_size

    def _read(self, folder: str, depth: int) -> None:
        inner: list[str] = []
        try:
            with self._tree.folder(folder) as fd, os.scandir(fd) as entries:
                inner += [one.name for one in entries if self._is_folder(folder, one)]
        except OSError as exc:
            if exc.errno in ABSENT:
                return
            raise trouble(exc, self._tree.full(folder)) from exc
        for name in inner:
            if depth == 0 or len(self.places) >= self._most:
                self.is_complete = False
                return
            self._read(join(folder, name), depth - 1)

    def _is_folder(self, folder: str, entry: os.DirEntry[str]) -> bool:
        """Whether to look into it; a file is noted."""
        if _JUNK.is_junk(entry.name) or entry.name.startswith("."):
            return False
        if entry.is_dir(follow_symlinks=False):
            return True
        if entry.is_file(follow_symlinks=False):
            place = join(folder, entry.name)
            self.places.append(place)
            self._by_inode[signed(entry.inode())].append(place)
            self._by_name[stem_key(entry.name)].append(place)
        return False


def stem_key(name: str) -> str:
    """Equal for a name and for what its copies are called."""
    stem, _, extension = compare_key(name).rpartition(".")
    return f"{_COPY.sub('', stem)}.{extension}"

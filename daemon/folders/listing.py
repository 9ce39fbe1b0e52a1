"""Knows which names a target folder holds, case and composition apart, without listing it anew.

Only the looks of names depend on it ("shirt.jpg" beside "Shirt.JPG" would be one file for Windows
users of the share): that nothing is replaced is the promise of `daemon.folders.renaming`.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from daemon.folders.names import compare_key

# All folders together; about 70 bytes a name. Larger folders are asked name by name.
MOST_NAMES = 200_000


@dataclass(slots=True)
class _Known:
    mtime_ns: int
    keys: set[int] | None  # hashes of compare keys; None: too many to know


class Listing:
    """The names in the folders that were filed into lately."""

    def __init__(self, most_names: int = MOST_NAMES) -> None:
        self._most_names = most_names
        self._known: OrderedDict[tuple[int, int], _Known] = OrderedDict()

    def holds(self, folder: int, name: str) -> bool:
        """Whether the open folder `folder` is known to hold a twin of `name`."""
        keys = self._keys(folder)
        return keys is not None and hash(compare_key(name)) in keys

    def add(self, folder: int, names: Iterable[str]) -> None:
        """Note what nightsort itself has just put into the open folder `folder`."""
        found = os.fstat(folder)
        known = self._known.get((found.st_dev, found.st_ino))
        if known is not None:
            known.mtime_ns = found.st_mtime_ns
            if known.keys is not None:
                known.keys.update(hash(compare_key(name)) for name in names)

    def _keys(self, folder: int) -> set[int] | None:
        found = os.fstat(folder)
        place = (found.st_dev, found.st_ino)
        known = self._known.get(place)
        if known is None or (known.keys is not None and known.mtime_ns != found.st_mtime_ns):
            known = self._known[place] = _Known(found.st_mtime_ns, self._read(folder))
        self._known.move_to_end(place)
        self._forget()
        return known.keys

    def _read(self, folder: int) -> set[int] | None:
        keys: set[int] = set()
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(keys) >= self._most_names:
                    return None
                keys.add(hash(compare_key(entry.name)))
        return keys

    def _forget(self) -> None:
        while len(self._known) > 1 and self._size() > self._most_names:
            self._known.popitem(last=False)

    def _size(self) -> int:
        return sum(len(known.keys or ()) for known in self._known.values())

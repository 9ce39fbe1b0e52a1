"""Photos that survived the box, but lie elsewhere by now: on a share where clerks moved them on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property

from config.junk import JUNK
from daemon.domain.photo_names import has_photo_extension
from daemon.folders.tree import Tree
from daemon.intake.screening import Screening
from daemon.store import Store

_JUNK = Screening(JUNK)
# Clocks of file servers.
_SLACK = timedelta(minutes=10)


class Survivors:
    """What lies in incoming and sorted, and came there before a rescue began; read once."""

    def __init__(self, incoming: Tree, sorted_tree: Tree, store: Store, began: datetime) -> None:
        self._incoming = incoming
        self._sorted = sorted_tree
        self._store = store
        self._before = (began - _SLACK).timestamp()

    def has(self, size_bytes: int, sha256: str) -> bool:
        """Whether a file of that content lies where no photo is known to lie.

        Raises TransientError when a folder does not answer.
        """
        found = self._by_size.get(size_bytes, [])
        return any(tree.sha256(place) == sha256 for tree, place in found)

    @cached_property
    def _by_size(self) -> dict[int, list[tuple[Tree, str]]]:
        by_size: defaultdict[int, list[tuple[Tree, str]]] = defaultdict(list)
        for tree, place, size_bytes in self._files():
            by_size[size_bytes].append((tree, place))
        return by_size

    def _files(self) -> Iterator[tuple[Tree, str, int]]:
        for tree in (self._incoming, self._sorted):
            for place, found in tree.walk(_is_hidden):
                # What this rescue brought is a photo's own, also where it is like another's.
                is_old = found.st_ctime < self._before and has_photo_extension(place)
                if is_old and not self._is_of_a_photo(tree, place):
                    yield tree, place, found.st_size

    def _is_of_a_photo(self, tree: Tree, place: str) -> bool:
        return tree is self._sorted and self._store.recall.is_place_known(place)


def _is_hidden(path: str) -> bool:
    return _JUNK.is_junk(path) or path.rpartition("/")[2].startswith(".")

"""Gathering: has the network look at photos that people spoke about, and at those they shall.

What it sees of a photo whose category somebody said is kept as an example; the photo may then be
moved, edited or deleted. What it sees of one that waits for people lets the page put alike ones
together. It costs the night nothing: only these are looked at, and only while nothing is sorted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from classifier.features import Features
from classifier.pixels import Picture, decode
from classifier.verdict import Verdict
from config.errors import FolderRefused, PhotoBusy, PhotoError
from daemon.domain.examples import LookedAt, Unseen
from daemon.folders.photo_files import Limits, read_photo
from daemon.folders.tree import Tree

_AT_ONCE = 4  # as many as the network takes at a time
_GONE = "its photo was gone before it could be looked at"


class Looking(Protocol):
    """What shows photos to the network; a `classifier.classifier.Classifier` does."""

    @property
    def network(self) -> str:
        """Which network it is."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the pixels it takes."""

    def examine(self, pictures: Sequence[Picture]) -> list[tuple[Verdict, Features]]:
        """Its verdicts, and what it saw."""


class Wanting(Protocol):
    """A part of the store that wants to know what the network sees."""

    def look_again(self, network: str) -> None:
        """Ask anew for all that another network looked at."""

    def unseen(self, limit: int, after: int = 0) -> list[Unseen]:
        """Some that are to be looked at, with numbers above that."""

    def saw(self, seen: Iterable[LookedAt], network: str) -> None:
        """Keep what was seen."""

    def could_not_see(self, number: int, problem: str, /) -> None:
        """Do not ask for it again."""


class Networks(Protocol):
    """Where a network is had from; a `daemon.sorting.model_slot.ModelSlot` is one."""

    @property
    def model(self) -> Looking:
        """The one in use, for what it says of itself."""

    def lease(self) -> AbstractContextManager[Looking]:
        """One to work with, for as long as it is needed."""


class Gathering:
    """Looks at what a part of the store wants looked at."""

    def __init__(
        self, wanting: Wanting, sorted_tree: Tree, limits: Limits, networks: Networks
    ) -> None:
        self._wanting = wanting
        self._sorted = sorted_tree
        self._limits = limits
        self._networks = networks
        self._network = ""  # whose looks are all there are

    def gather(self, go_on: Callable[[], bool]) -> int:
        """Look at a few photos after the other; returns at how many.

        go_on: asked in between; False leaves the rest for another time.
        Raises TransientError when the folder of the photos does not answer.
        """
        gathered, after = 0, 0
        with self._networks.lease() as model:
            self._take(model.network)
            while some := self._wanting.unseen(_AT_ONCE, after):
                after = some[-1].id  # what nobody may read just now is left for another time
                gathered += self._look_at(some, model)
                if not go_on():
                    break
        return gathered

    @property
    def is_due(self) -> bool:
        """Whether there is something to look at."""
        self._take(self._networks.model.network)
        return bool(self._wanting.unseen(1))

    def _take(self, network: str) -> None:
        if network != self._network:
            self._wanting.look_again(network)
            self._network = network

    def _look_at(self, some: Sequence[Unseen], model: Looking) -> int:
        ready: list[tuple[Unseen, str, Picture]] = []
        for one in some:
            try:
                ready.append((one, *self._read(one, model.input_size)))
            except PhotoError as exc:
                self._wanting.could_not_see(one.id, exc.text)
            except FileNotFoundError:
                self._wanting.could_not_see(one.id, _GONE)
            except (FolderRefused, PhotoBusy):
                continue
        looked = model.examine([picture for _, _, picture in ready]) if ready else []
        self._wanting.saw(
            [
                LookedAt(one.id, sha256, features.tobytes())
                for (one, sha256, _), (_, features) in zip(ready, looked, strict=True)
            ],
            model.network,
        )
        return len(ready)

    def _read(self, one: Unseen, size: tuple[int, int]) -> tuple[str, Picture]:
        data, _ = read_photo(self._sorted, one.place, self._limits.max_file_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        if one.sha256 not in ("", sha256):
            raise FileNotFoundError(one.place)  # another lies there by now
        return sha256, decode(data, size=size, max_megapixels=self._limits.max_megapixels)

"""Histories that stay open for a moment after somebody looked: opening one costs a millisecond.

Most of it is reading the schema, and a page is many requests. What is kept has no look under way,
so it says what is true when it is asked next. Once another database stands in the place of its own
(a restored backup), or nobody asked for a while, it is closed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.store import DATABASE, Store

PATIENCE_SECONDS = 2.0
KEPT_SECONDS = 2.0
# As many as are asked at the same moment; who comes beyond opens one of its own.
MOST_KEPT = 4

_Which = tuple[int, int]  # device and inode: those of a file that is open are nobody else's


@dataclass(frozen=True, slots=True)
class _Kept:
    """A history that nobody reads just now."""

    store: Store
    state_dir: Path
    which: _Which | None
    since: float


class OpenHistories:
    """Opens histories, and keeps them; in any thread, each in one at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: list[_Kept] = []
        self._lock = threading.Lock()

    @contextmanager
    def of(self, state_dir: Path) -> Iterator[Store]:
        """The history until the end of the `with` block; raises as `Store`."""
        which = _which(state_dir)  # before it is opened: when in doubt it is opened once more
        store = self._taken(state_dir, which)
        if store is None:
            store = Store(state_dir, reading=True, patience_seconds=PATIENCE_SECONDS)
        try:
            yield store
            store.end_looks()
        except BaseException:
            store.close()
            raise
        self._keep(_Kept(store, state_dir, which, self._now()))

    def close_idle(self) -> None:
        """Close those that nobody asked for a while."""
        with self._lock:
            idle = [one for one in self._kept if self._now() - one.since > KEPT_SECONDS]
            self._kept = [one for one in self._kept if one not in idle]
        _close(idle)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def _taken(self, state_dir: Path, which: _Which | None) -> Store | None:
        """The one that was left last, where it still is the history of that folder."""
        with self._lock:
            here = [one for one in self._kept if one.state_dir == state_dir]
            usable = [one for one in here if one.which == which is not None]
            taken = usable[-1:]
            old = [one for one in here if one not in usable]
            self._kept = [one for one in self._kept if one not in (*taken, *old)]
        _close(old)
        return taken[0].store if taken else None

    def _keep(self, left: _Kept) -> None:
        with self._lock:
            self._kept.append(left)
            beyond = self._kept[:-MOST_KEPT]
            self._kept = self._kept[-MOST_KEPT:]
        _close(beyond)
        self.close_idle()


HISTORIES = OpenHistories()


def _which(state_dir: Path) -> _Which | None:
    """By which a database is known; None while there is none to be seen."""
    with suppress(OSError):
        found = (state_dir / DATABASE).stat()
        return found.st_dev, found.st_ino
    return None


def _close(those: list[_Kept]) -> None:
    for one in those:
        one.store.close()

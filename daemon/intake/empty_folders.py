"""Tidying incoming: folders that nightsort emptied itself disappear after a while.

A folder that a person made and nothing was ever taken from stays, as does one that still holds
anything at all: only what `rmdir` takes is removed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from datetime import timedelta

import structlog

from daemon.domain.clock import Clock
from daemon.domain.photos import as_text
from daemon.folders.tree import ABSENT, Tree, split
from daemon.store import Intentions

log = structlog.get_logger()

TIDY_SECONDS = 3600.0


class EmptyFolders:
    """Removes them, now and then."""

    def __init__(self, incoming: Tree, intentions: Intentions, clock: Clock, hours: float) -> None:
        """hours: after which a folder that was emptied goes; 0: never."""
        self._incoming = incoming
        self._intentions = intentions
        self._clock = clock
        self._hours = hours
        self._due = float("-inf")  # steady seconds

    def tidy(self) -> None:
        """Remove what was emptied long enough ago, if it is time to look."""
        if self._hours == 0 or self._clock.steady() < self._due:
            return
        self._due = self._clock.steady() + TIDY_SECONDS
        before = self._clock.now() - timedelta(hours=self._hours)
        emptied = self._intentions.emptied_folders(before)
        self._intentions.forget_emptied(list(remove_emptied(self._incoming, emptied)))


def remove_emptied(incoming: Tree, folders: Iterable[str]) -> Iterator[str]:
    """Remove those of `folders` (in incoming) that are empty; yields what need not be tried again.

    A folder above one that was removed goes too when that left it empty.
    """
    for folder in folders:
        removed = folder
        while removed and _remove(incoming, removed):
            log.info("folder_removed", folder=as_text(removed))
            removed = removed.rpartition("/")[0]
        if removed != folder or not incoming.exists(folder):
            yield folder


def _remove(incoming: Tree, folder: str) -> bool:
    parent, name = split(folder)
    try:
        with incoming.folder(parent) as descriptor:
            os.rmdir(name, dir_fd=descriptor)
    except OSError as exc:
        if exc.errno not in {*ABSENT, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}:
            log.warning("folder_not_removed", folder=as_text(folder), why=exc.strerror)
        return False
    return True

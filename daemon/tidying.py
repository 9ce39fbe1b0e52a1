"""Tidying incoming: folders that nightsort emptied itself disappear after a while.

A folder that a person made and nothing was ever taken from stays, as does one that still holds
anything at all: only what `rmdir` takes is removed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator

import structlog

from daemon.records import as_text
from daemon.tree import ABSENT, Tree, split

log = structlog.get_logger()


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

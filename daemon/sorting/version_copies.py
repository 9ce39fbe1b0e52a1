"""Learnt versions go into backups, by copies in the database, and come back from there."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from config.errors import ModelError, RefusedError
from daemon.sorting.versions import IN_USE, SUFFIX, Versions
from daemon.store import Store

log = structlog.get_logger()

# Damaged, removed this moment, or of somebody else's: then the copies stay as they are.
_UNREADABLE = (ModelError, RefusedError, OSError)


SOMEBODY = "somebody on this machine"


def copy_versions(store: Store, versions: Versions, person: str = SOMEBODY) -> None:
    """Let the database have copies of what lies in the folder of versions, if that has changed.

    person: who changed it. Raises TransientError when the disk of the database refuses.
    """
    with suppress(*_UNREADABLE):
        there, copied = versions.names(), store.version_copies.names()
        adopted = versions.adopted()
        new = {name: versions.file(name).read_bytes() for name in there if name not in copied}
        gone = copied - {*there}
        if new or gone or adopted != store.version_copies.adopted():
            now = datetime.now(UTC)
            store.version_copies.keep(new, gone, adopted, now, person)


def bring_versions_back(store: Store, versions: Versions) -> None:
    """Put the versions in place that the database has copies of, where the folder has none at all.

    That is so after a backup was restored on another machine. Raises as `copy_versions` does.
    """
    copies = store.version_copies
    with suppress(*_UNREADABLE):
        if versions.names() or versions.adopted() or not (names := copies.names()):
            return
        versions.bring_back({name: copies.content(name) for name in names}, copies.adopted())
        log.warning("versions_restored", count=len(names))


def replace_damaged(store: Store, versions: Versions, files: Collection[str]) -> None:
    """Put copies from the database in place of files of that folder that came damaged, if any.

    Raises as `copy_versions` does.
    """
    copies = store.version_copies
    names = copies.names() & {name.removesuffix(SUFFIX) for name in files}
    adopted = copies.adopted() if IN_USE in files else []
    if names or adopted:
        versions.bring_back({name: copies.content(name) for name in names}, adopted)
        log.warning("versions_restored", count=len(names))

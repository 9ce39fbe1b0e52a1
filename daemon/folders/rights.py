"""Gives filed photos and their folders the group and mode that the administrator set.

Best effort: what a disk refuses is logged once and never stops a photo.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

import structlog

from daemon.folders.renaming import READ, Entry
from daemon.folders.tree import Tree

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rights:
    """Group and modes of what nightsort files; None leaves them as they come."""

    group: int | None = None
    file_mode: int | None = None
    folder_mode: int | None = None
    _told: set[str] = field(default_factory=set, compare=False, repr=False)

    def folder(self, tree: Tree, relative: str) -> AbstractContextManager[int]:
        """The folder `relative` of `tree`, made with these rights if it is missing."""
        return tree.folder(relative, create=True, mode=self.folder_mode, group=self.group)

    def give_entry(self, entry: Entry, place: str) -> None:
        """Give them to the file `entry`; costs nothing when none are set."""
        if self.group is None and self.file_mode is None:
            return
        try:
            fd = os.open(entry.name, READ, dir_fd=entry.folder)
        except OSError as exc:
            self._refused("file_mode", exc, place)
            return
        try:
            self.give(fd, place)
        finally:
            os.close(fd)

    def give(self, fd: int, place: str) -> None:
        """Give them to the open file `fd`."""
        group, mode = self.group, self.file_mode
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            return  # its other name may lie outside our folders, where nothing may change
        # Group first: a change of owner clears set-id bits.
        if group is not None:
            self._try("group", lambda: os.fchown(fd, -1, group), place)
        if mode is not None:
            self._try("file_mode", lambda: os.fchmod(fd, mode), place)

    def _try(self, what: str, change: Callable[[], None], place: str) -> None:
        try:
            change()
        except OSError as exc:
            self._refused(what, exc, place)

    def _refused(self, what: str, exc: OSError, place: str) -> None:
        if what not in self._told:  # once, not for each of forty thousand photos
            self._told.add(what)
            log.warning("rights_not_given", setting=f"filing.{what}", path=place, error=str(exc))


def copy_rights(found: os.stat_result, fd: int) -> None:
    """Give a copy its original's owner, times and mode, as far as the disk lets us.

    Network mounts refuse either; the photo counts, not its date (cpython #42948).
    """
    for owner in (found.st_uid, -1):  # the owner is root's to give, the group any member's
        with suppress(OSError):
            os.fchown(fd, owner, found.st_gid)
            break
    with suppress(OSError):
        os.utime(fd, ns=(found.st_atime_ns, found.st_mtime_ns))
    with suppress(OSError):
        os.fchmod(fd, stat.S_IMODE(found.st_mode) & 0o777)

"""Moves one photo without ever replacing anything.

The rule behind every line: at any moment at least one whole copy of the photo has a name, the
original's name goes last, and `daemon.sorting.recovery` can tell apart what a crash leaves behind.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from config.errors import PhotoBusy, PhotoError
from daemon.domain.photos import Fingerprint
from daemon.domain.sorting import Move, Placement
from daemon.folders.contents import copy_bytes, drop, exists, is_photo, look, remove, sync_folder
from daemon.folders.names import is_plain, numbered
from daemon.folders.os_errors import telling, trouble
from daemon.folders.own_files import partial_name, reservation
from daemon.folders.renaming import CREATE, IMPOSSIBLE_NAME, Entry, Reached, Way, rename_new
from daemon.folders.rights import Rights, copy_rights
from daemon.folders.tree import ABSENT, Tree, fingerprint_of, split

# What a disk says of a source that must stay, and of one that stays because somebody uses it.
_MUST_STAY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.ETXTBSY})
# Refused renames after which a copy may still do.
_COPY_INSTEAD = _MUST_STAY | {errno.EXDEV}


@dataclass(frozen=True, slots=True)
class Job:
    """A move under way, with its folders open."""

    move: Move
    source: Entry
    target: Entry

    @property
    def partial(self) -> Entry:
        """The name of the copy until it is whole."""
        return Entry(self.target.folder, partial_name(self.move))


class Mover:
    """Moves photos from one tree into another, and knows the steps of it."""

    def __init__(
        self,
        incoming: Tree,
        sorted_tree: Tree,
        rights: Rights,
        reached: Reached,
        ways: Sequence[Way] | None = None,
    ) -> None:
        """reached: told of each point passed; ways: of renaming, the best first (None: all)."""
        self.incoming = incoming
        self.sorted = sorted_tree
        self.rights = rights
        self.reached = reached
        self._ways = ways
        self.impossible: set[str] = set()  # sources whose names the disk of sorted refused
        self.copies = True  # the last photo had to be; before the first, nobody knows

    def place(self, move: Move) -> Placement:
        """Make `move`; see `daemon.sorting.filer.Filer.place`."""
        folder, name = split(move.target)
        with ExitStack() as stack, telling(self.sorted.full(folder)):
            source = open_entry(stack, self.incoming, move.source)
            with telling(self.incoming.full(move.source)):
                found = None if source is None else look(source)
            if source is None or found is None:
                return Placement.GONE
            if fingerprint_of(found) != move.fingerprint:
                return Placement.CHANGED
            target = stack.enter_context(self.rights.folder(self.sorted, folder))
            try:
                return self._rename(Job(move, source, Entry(target, name)))
            except OSError as exc:
                if exc.errno not in IMPOSSIBLE_NAME or is_plain(name):
                    raise
                # Only some disks refuse at the look already (FAT without UTF-8 does not).
                self.impossible.add(move.source)
                return Placement.NAME_TAKEN

    def _rename(self, job: Job) -> Placement:
        self.reached("before_rename")
        try:
            self.rename_new(job.source, job.target, job.move)
        except OSError as exc:
            return self._refused(job, exc)
        self.copies = False
        self.reached("after_rename")
        if not exists(job.target):
            return Placement.MOVED  # and a person has already taken it on from there
        found = look(job.target)
        if found is None or not is_photo(job.target, found, job.move):
            # Somebody still wrote into it, or put something else in its place at the last moment.
            return self.take_back(job)
        self.rights.give_entry(job.target, self.sorted.full(job.move.target))
        return Placement.MOVED

    def _refused(self, job: Job, exc: OSError) -> Placement:
        if exc.errno == errno.EEXIST:
            return Placement.NAME_TAKEN
        if exc.errno == errno.ENOENT and look(job.source) is None:
            return Placement.GONE
        if exc.errno in _COPY_INSTEAD:
            return self._copy(job)
        raise exc

    def rename_new(self, old: Entry, new: Entry, move: Move) -> None:
        """Rename without replacing; raises FileExistsError, else OSError."""
        rename_new(old, new, reservation(move), self.reached, self._ways)

    def take_back(self, job: Job) -> Placement:
        """Return what was moved to where it came from, under a number if its name is in use."""
        self.reached("before_take_back")
        self.rename_free(job.target, job.source, job.move)
        self.reached("after_take_back")
        return Placement.CHANGED

    def rename_free(self, old: Entry, new: Entry, move: Move) -> str:
        """Rename to `new` or, where that is taken, to the next free number; returns the name."""
        name = new.name
        for number in range(2, 1000):
            try:
                self.rename_new(old, Entry(new.folder, name), move)
            except FileExistsError:
                name = numbered(new.name, number)
            else:
                return name
        raise FileExistsError(errno.EEXIST, "too many files of one name", new.name)

    def _copy(self, job: Job) -> Placement:
        self.copies = True
        try:
            fd = self.incoming.open_file(job.move.source)
            try:
                if fingerprint_of(os.fstat(fd)) != job.move.fingerprint:
                    return Placement.CHANGED
                refusal = self._copy_open(job, fd)
            finally:
                # Before the original goes: an SMB server removes no file that somebody has open.
                os.close(fd)
        except FileNotFoundError:
            return Placement.GONE
        except PhotoBusy:
            return Placement.CHANGED  # it is looked at anew, once nobody holds it
        except PhotoError:
            # What could be read before is looked at anew; what could not stays where it is.
            return Placement.CHANGED if job.move.sha256 else Placement.COPIED
        if refusal is not None:
            return refusal
        with telling(self.incoming.full(job.move.source)):
            return self.remove_source(job, job.move.fingerprint)

    def _copy_open(self, job: Job, fd: int) -> Placement | None:
        """Copy the open source `fd`; None when the copy is safely on disk under its name."""
        try:
            if not self._fill_partial(job, fd):
                drop(job.partial)
                return Placement.CHANGED
            self.reached("after_copy")
            self.rename_new(job.partial, job.target, job.move)
        except FileExistsError:
            drop(job.partial)
            return Placement.NAME_TAKEN
        except Exception:
            with suppress(OSError):
                drop(job.partial)
            raise
        self.reached("after_copy_rename")
        sync_folder(job.target.folder)
        original = os.fstat(fd)
        if original.st_nlink and fingerprint_of(original) != job.move.fingerprint:
            drop(job.target)  # a writer went on while we copied; the original is the photo
            return Placement.CHANGED
        return None

    def _fill_partial(self, job: Job, fd: int) -> bool:
        """Copy into the partial, durably; False when the bytes are not those that were read."""
        move = job.move
        drop(job.partial)  # a crash may have left one
        copy = os.open(job.partial.name, CREATE, 0o600, dir_fd=job.partial.folder)
        try:
            self.reached("after_partial")
            source_place, place = self.incoming.full(move.source), self.sorted.full(move.target)
            sha256 = copy_bytes(fd, source_place, copy, place, move.fingerprint.size_bytes)
            found = os.fstat(fd)
            if fingerprint_of(found) != move.fingerprint or sha256 != (move.sha256 or sha256):
                return False
            copy_rights(found, copy)
            self.rights.give(copy, place)
            os.fsync(copy)
            return os.fstat(copy).st_size == move.fingerprint.size_bytes
        finally:
            os.close(copy)

    def remove_source(self, job: Job, seen: Fingerprint) -> Placement:
        """Take the original's name away, if it still is the file that was copied."""
        self.reached("before_unlink")
        found = look(job.source)
        if found is None or fingerprint_of(found) != seen:
            return Placement.MOVED  # a person put another file there: that is another photo
        try:
            remove(job.source)
        except OSError as exc:
            if exc.errno in _MUST_STAY:
                return Placement.COPIED
            if exc.errno != errno.ENOENT:
                raise
        self.reached("after_unlink")
        return Placement.MOVED


def open_entry(stack: ExitStack, tree: Tree, relative: str) -> Entry | None:
    """The name `relative` in its open folder, until `stack` closes; None without that folder."""
    folder, name = split(relative)
    try:
        return Entry(stack.enter_context(tree.folder(folder)), name)
    except OSError as exc:
        if exc.errno in ABSENT:
            return None
        raise trouble(exc, tree.full(folder)) from exc

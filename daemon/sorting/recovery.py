"""Finishes or undoes a move that a crash, a power cut or a failing disk interrupted.

A move passes these states, and every crash leaves one of them behind (S source, T target,
P partial copy, R reservation; "=" holds the photo's bytes):

    S            nothing moved yet              undo: nothing to do
    S R          a name kept, not yet used      undo: remove R
    S P          copying                        undo: remove P
    S T, 1 file  linked, not yet unlinked       finish: unlink S
    S T=         copied, S not yet unlinked     finish: unlink S
    T=           done                           finish: nothing to do
    T, changed   a writer still held it         undo: take it back

People go on working meanwhile, so each of them may also have lost or replaced S or T.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress

import structlog

from daemon.domain.sorting import Move, Placement
from daemon.folders.contents import drop, hash_of, is_photo, look, same_content, sync_folder
from daemon.folders.os_errors import telling
from daemon.folders.own_files import reservation
from daemon.folders.renaming import Entry, drop_reservation
from daemon.folders.tree import fingerprint_of, split
from daemon.sorting.mover import Job, Mover, open_entry

log = structlog.get_logger()


def recover(mover: Mover, move: Move) -> Placement | None:
    """Finish or undo `move`; see `daemon.sorting.filer.Filer.recover`."""
    with ExitStack() as stack, telling(mover.sorted.full(split(move.target)[0])):
        source = open_entry(stack, mover.incoming, move.source)
        if source is None:
            # Its folder is gone; then whatever must be taken back goes to the top.
            root = stack.enter_context(mover.incoming.folder())
            source = Entry(root, split(move.source)[1])
        drop_reservation(source, reservation(move))
        target = open_entry(stack, mover.sorted, move.target)
        if target is None:
            return _not_moved(move, source)
        drop_reservation(target, reservation(move))
        return _recover(mover, Job(move, source, target))


def _not_moved(move: Move, source: Entry) -> Placement | None:
    found = look(source)
    if found is None:
        return Placement.GONE
    return None if fingerprint_of(found) == move.fingerprint else Placement.CHANGED


def _recover(mover: Mover, job: Job) -> Placement | None:
    source, target = look(job.source), look(job.target)
    if target is None:
        return _without_target(mover, job, source)
    if source is not None and os.path.samestat(source, target):
        return _linked(mover, job, target)
    if _is_filed(job, source, target):
        return _filed(mover, job, source, target)
    if fingerprint_of(target).inode == job.move.fingerprint.inode and _one_device(job):
        return mover.take_back(job)
    return _without_target(mover, job, source)


def _is_filed(job: Job, source: os.stat_result | None, target: os.stat_result) -> bool:
    """Whether the file of the target's name is our photo, moved or copied there."""
    if is_photo(job.target, target, job.move):
        # Without a hash, size and time are no proof as long as the original can be asked.
        moved = fingerprint_of(target) == job.move.fingerprint
        return bool(moved or job.move.sha256 or not source) or same_content(job.source, job.target)
    if job.move.sha256 or target.st_size != job.move.fingerprint.size_bytes:
        return False
    return source is None or same_content(job.source, job.target)


def _filed(
    mover: Mover, job: Job, source: os.stat_result | None, target: os.stat_result
) -> Placement:
    drop(job.partial)
    mover.rights.give_entry(job.target, mover.sorted.full(job.move.target))
    moved = fingerprint_of(target) == job.move.fingerprint
    if source is None or moved or not _is_original(job, source):
        return Placement.MOVED  # what has the source's name now, if anything, is another photo
    sync_folder(job.target.folder)
    return mover.remove_source(job, fingerprint_of(source))


def _is_original(job: Job, source: os.stat_result) -> bool:
    """Whether the source still is the file that was copied; some mounts number files anew."""
    seen, read = fingerprint_of(source), job.move.fingerprint
    if (seen.size_bytes, seen.mtime_ns) != (read.size_bytes, read.mtime_ns):
        return False
    return seen.inode == read.inode or same_content(job.source, job.target)


def _linked(mover: Mover, job: Job, found: os.stat_result) -> Placement | None:
    """One file has both names: a link made, its first name not yet taken away."""
    if is_photo(job.target, found, job.move):
        with suppress(PermissionError):
            os.unlink(job.source.name, dir_fd=job.source.folder)
            mover.reached("after_unlink")
            return Placement.MOVED
    drop(job.target)
    return _not_moved(job.move, job.source)


def _without_target(mover: Mover, job: Job, source: os.stat_result | None) -> Placement | None:
    """Nothing of ours has the target's name: the source is the photo, else a whole copy is."""
    if source is None and _is_whole(job):
        name = mover.rename_free(job.partial, job.target, job.move)
        if name == job.target.name:
            return Placement.MOVED
        # Both names lost to others at once. The photo is safe and visible; nobody waits for it.
        log.warning("copy_rescued", photo=job.move.photo_id, name=name)
        return Placement.GONE
    drop(job.partial)
    return _not_moved(job.move, job.source)


def _is_whole(job: Job) -> bool:
    found = look(job.partial)
    if found is None or found.st_size != job.move.fingerprint.size_bytes:
        return False
    return not job.move.sha256 or hash_of(job.partial) == job.move.sha256


def _one_device(job: Job) -> bool:
    return os.fstat(job.source.folder).st_dev == os.fstat(job.target.folder).st_dev

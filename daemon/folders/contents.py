"""Looks at files by name in an open folder, and copies them.

Whether this is the photo that was read is said here; what follows, in `daemon.sorting.mover` and
`daemon.sorting.recovery`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from contextlib import suppress

from config.errors import PhotoError, PhotoProblem
from daemon.domain.sorting import Move
from daemon.folders.os_errors import REFUSED, trouble
from daemon.folders.renaming import READ, Entry
from daemon.folders.tree import ABSENT, fingerprint_of

_CHUNK_BYTES = 1 << 20
# What file servers answer while somebody has the file open, be it their own virus scanner or a
# handle of ours that they have not closed yet: usually for the blink of an eye.
_IN_USE = frozenset({errno.EBUSY, errno.ETXTBSY, errno.EIO})
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.4)
# Network mounts that cannot flush a folder say so in one of these ways.
_NO_FLUSH = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


def exists(entry: Entry) -> bool:
    """Whether anything has this name."""
    try:
        os.stat(entry.name, dir_fd=entry.folder, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in ABSENT:
            return False
        raise
    return True


def look(entry: Entry) -> os.stat_result | None:
    """The lstat of a regular file; None when there is none of that name."""
    try:
        found = os.stat(entry.name, dir_fd=entry.folder, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in ABSENT:
            return None
        raise
    return found if stat.S_ISREG(found.st_mode) else None


def is_photo(entry: Entry, found: os.stat_result, move: Move) -> bool:
    """Whether `entry`, which `found` describes, is the file that `move` is about, unchanged.

    Some mounts number a renamed file anew: there its content decides.
    """
    if fingerprint_of(found) == move.fingerprint:
        return True
    if found.st_size != move.fingerprint.size_bytes:
        return False
    if move.sha256:
        return hash_of(entry) == move.sha256
    return fingerprint_of(found).mtime_ns == move.fingerprint.mtime_ns


def hash_of(entry: Entry) -> str:
    """SHA-256 of the file `entry`; empty, which no hash equals, when it may not be read."""
    try:
        fd = os.open(entry.name, READ, dir_fd=entry.folder)
    except OSError as exc:
        if exc.errno in ABSENT | REFUSED:
            return ""
        raise
    with os.fdopen(fd, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same_content(one: Entry, other: Entry) -> bool:
    """Whether two files hold the same bytes, as far as both may be read."""
    return (content := hash_of(one)) != "" and content == hash_of(other)


def drop(entry: Entry) -> None:
    """Remove `entry`, which is a file of ours, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(entry.name, dir_fd=entry.folder)


def remove(entry: Entry) -> None:
    """Take the name away.

    Raises OSError: FileNotFoundError when it is gone already, EBUSY when it is in use, or may be.
    """
    in_use = False
    for pause_s in _PAUSES_S:
        try:
            os.unlink(entry.name, dir_fd=entry.folder)
        except OSError as exc:
            # After a refusal some mounts (rclone) say that the file is gone, while it is not.
            in_use = in_use or exc.errno in _IN_USE
            if not in_use:
                raise
        else:
            return
        time.sleep(pause_s)
    raise OSError(errno.EBUSY, "in use", entry.name)


def sync_folder(fd: int) -> None:
    """Bring the names in the open folder `fd` to the disk, where the disk knows how."""
    try:
        os.fsync(fd)
    except OSError as exc:
        if exc.errno not in _NO_FLUSH:
            raise


def copy_bytes(source: int, source_place: str, target: int, target_place: str, limit: int) -> str:
    """Copy the open file `source`, at most little more than `limit` bytes; returns the SHA-256.

    Raises PhotoError when just this file cannot be read, TransientError that names the side that
    failed otherwise.
    """
    digest = hashlib.sha256()
    copied = 0
    while copied <= limit:
        try:
            chunk = os.read(source, _CHUNK_BYTES)
        except OSError as exc:
            if exc.errno == errno.EIO:
                raise PhotoError(PhotoProblem.UNREADABLE, "The disk cannot read it.") from exc
            raise trouble(exc, source_place) from exc
        if not chunk:
            break
        digest.update(chunk)
        copied += len(chunk)
        _write_all(target, chunk, target_place)
    return digest.hexdigest()


def _write_all(fd: int, chunk: bytes, place: str) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
    except OSError as exc:
        raise trouble(exc, place) from exc

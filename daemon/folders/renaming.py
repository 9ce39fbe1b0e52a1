"""Gives a file another name on the same file system, and never replaces anything by it.

Three ways, the best first; a file system that does not know one is asked for the next:
`renameat2(RENAME_NOREPLACE)` (Linux's own), link and unlink (NFS, some FUSE), and keeping the name
with a reservation that is then renamed over (exFAT, CIFS, rclone: neither flag nor links).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

Reached = Callable[[str], None]

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# How a disk says that it could never hold a name.
IMPOSSIBLE_NAME = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})

_RENAME_NOREPLACE = 1
_UNKNOWN = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
# EPERM: no links on this file system, or none to files of others (fs.protected_hardlinks).
# EIO: what rclone answers (measured, 1.60); a disk that really fails fails the next way too.
_UNLINKABLE = _UNKNOWN | {errno.EPERM, errno.EACCES, errno.EMLINK, errno.EIO}


class Entry(NamedTuple):
    """A name in an open folder."""

    folder: int
    name: str


class UnknownWayError(Exception):
    """Told by a way that the file system does not know; nothing has changed."""


Way = Callable[[Entry, Entry, bytes, Reached], None]


def rename_new(
    old: Entry, new: Entry, mark: bytes, reached: Reached, ways: Sequence[Way] | None = None
) -> None:
    """Rename `old` to `new`, atomically as far as the file system can.

    mark: what a reservation holds meanwhile. Raises FileExistsError when `new` is there already,
    else OSError; nothing has changed then, unless the connection to a server broke meanwhile.
    """
    for way in ways if ways is not None else WAYS:
        try:
            return way(old, new, mark, reached)
        except UnknownWayError:
            continue
    raise OSError(errno.EOPNOTSUPP, "this file system renames nothing safely", new.name)


def by_flag(old: Entry, new: Entry, mark: bytes, reached: Reached) -> None:  # noqa: ARG001
    """Let the kernel refuse to replace."""
    if _renameat2 is None:
        raise UnknownWayError
    names = os.fsencode(old.name), os.fsencode(new.name)
    if _renameat2(old.folder, names[0], new.folder, names[1], _RENAME_NOREPLACE) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        raise UnknownWayError
    raise OSError(number, os.strerror(number), new.name)


def by_link(old: Entry, new: Entry, mark: bytes, reached: Reached) -> None:  # noqa: ARG001
    """Give the file its second name first (a link never replaces), then take the first away."""
    try:
        os.link(
            old.name,
            new.name,
            src_dir_fd=old.folder,
            dst_dir_fd=new.folder,
            follow_symlinks=False,
        )
    except OSError as exc:
        if exc.errno in _UNLINKABLE:
            raise UnknownWayError from exc
        # NFS repeats a request whose answer was lost, and then finds the link it made itself.
        if exc.errno != errno.EEXIST or not same_file(old, new):
            raise
    reached("after_link")
    try:
        if same_file(old, new):  # else somebody put a new file there, and ours is safe already
            os.unlink(old.name, dir_fd=old.folder)
    except OSError:
        os.unlink(new.name, dir_fd=new.folder)
        raise


def by_reservation(old: Entry, new: Entry, mark: bytes, reached: Reached) -> None:
    """Create `new` for ourselves, which fails when it is there, and rename over that."""
    _reserve(new, mark)
    reached("after_reservation")
    try:
        _rename_over(old, new, mark)
    except OSError:
        with suppress(OSError):
            drop_reservation(new, mark)
        raise


def _reserve(new: Entry, mark: bytes) -> None:
    fd = os.open(new.name, CREATE, 0o600, dir_fd=new.folder)
    try:
        os.write(fd, mark)  # too short for a disk to take half of it
    except OSError:
        os.unlink(new.name, dir_fd=new.folder)
        raise
    finally:
        os.close(fd)


def _rename_over(old: Entry, new: Entry, mark: bytes) -> None:
    if not holds_mark(new, mark):
        raise FileExistsError(errno.EEXIST, "somebody wrote into it", new.name)
    try:
        os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)
    except FileExistsError:
        # So renaming never replaces on this mount (SMB through FUSE): then it is safe by itself.
        drop_reservation(new, mark)
        os.rename(old.name, new.name, src_dir_fd=old.folder, dst_dir_fd=new.folder)


def drop_reservation(entry: Entry, mark: bytes) -> bool:
    """Remove `entry` if it is a reservation of ours; says whether it was."""
    if not holds_mark(entry, mark):
        return False
    os.unlink(entry.name, dir_fd=entry.folder)
    return True


def holds_mark(entry: Entry, mark: bytes) -> bool:
    """Whether `entry` holds exactly `mark`."""
    try:
        if os.stat(entry.name, dir_fd=entry.folder, follow_symlinks=False).st_size != len(mark):
            return False
        fd = os.open(entry.name, READ, dir_fd=entry.folder)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ELOOP, errno.EACCES, errno.ENXIO):
            return False
        raise
    try:
        return os.read(fd, len(mark) + 1) == mark
    finally:
        os.close(fd)


def same_file(one: Entry, other: Entry) -> bool:
    """Whether both names lead to one file (its device and inode)."""
    found = []
    for entry in (one, other):
        try:
            found.append(os.stat(entry.name, dir_fd=entry.folder, follow_symlinks=False))
        except FileNotFoundError:
            return False
    return os.path.samestat(*found)


WAYS: tuple[Way, ...] = (by_flag, by_link, by_reservation)


def _load_renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """The C library's `renameat2`; None where it has none (musl), and the other ways serve."""
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.argtypes = [
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    ]
    function.restype = ctypes.c_int
    return function


_renameat2 = _load_renameat2()

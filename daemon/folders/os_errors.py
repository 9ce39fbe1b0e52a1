"""What the operating system refuses, put into words that a person can act on.

Everything here is about the surroundings (disks, folders, shares), never about one photo, but for a
file that another program holds.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from config.errors import (
    DiskFull,
    FolderRefused,
    FolderUnavailable,
    PhotoBusy,
    TransientError,
)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
REFUSED = frozenset({errno.EACCES, errno.EPERM})
# What an open or a read answers while another holds the file: a lease, as smbd takes for a client
# (EAGAIN), a share mode on a Windows server (EBUSY, ETXTBSY by the kernel's age), a lock.
BUSY = frozenset({errno.EAGAIN, errno.EBUSY, errno.ETXTBSY, errno.EDEADLK, errno.ENOLCK})
NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})


def trouble(exc: OSError, place: str) -> TransientError:
    """The error to raise for `exc` at `place`, a folder or file with its full path."""
    if exc.errno in FULL:
        return DiskFull(f"{printable(place)}: no space left; free some space on that disk")
    if exc.errno in REFUSED:
        return FolderRefused(
            f"{printable(place)}: access refused; give the user nightsort runs as the right to "
            "read, write and enter this folder"
        )
    if exc.errno in NO_FOLDER:
        return FolderRefused(
            f"{printable(place)}: a link or a file stands where a folder should be; "
            "remove or rename it"
        )
    if exc.errno in BUSY:
        return PhotoBusy(f"{printable(place)}: another program is using it; close it there")
    if exc.errno == errno.EROFS:
        return FolderUnavailable(
            f"{printable(place)}: is mounted read-only; check that disk, then mount it writable"
        )
    what = os.strerror(exc.errno) if exc.errno else str(exc)
    return FolderUnavailable(
        f"{printable(place)}: does not answer as it should ({what}); check that the share is "
        "mounted and its server is up"
    )


@contextmanager
def telling(place: str) -> Iterator[None]:
    """Turn errors of the operating system at `place` into words."""
    try:
        yield
    except OSError as exc:
        raise trouble(exc, place) from exc


def printable(path: str) -> str:
    """`path` fit for one line of a message: no control characters, no undecodable bytes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in path)

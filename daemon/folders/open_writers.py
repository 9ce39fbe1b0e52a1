"""Who still writes to a file: the kernel knows, where the file lies on this machine."""

from __future__ import annotations

import fcntl
import os
import signal

from config.errors import NightsortError, PhotoBusy
from daemon.folders.tree import Tree


def file_has_writers(tree: Tree, path: str) -> bool | None:
    """`has_writers` of the file `path`; None also when it cannot be opened.

    True where it cannot be, because another program holds it.
    """
    try:
        descriptor = tree.open_file(path)
    except PhotoBusy:
        return True
    except (OSError, NightsortError):
        return None  # the examination will say what is wrong with it
    try:
        return has_writers(descriptor)
    finally:
        os.close(descriptor)


def has_writers(descriptor: int) -> bool | None:
    """Whether any process on this machine has the file open for writing; None: cannot be told.

    descriptor: the file, open for reading. A read lease is refused while a writer has the file
    open. Leases are not to be had on another user's file, nor on a network file system.
    Source: fcntl(2), F_SETLEASE.
    """
    # A writer that comes in this instant breaks the lease: its signal must be one that is ignored.
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False

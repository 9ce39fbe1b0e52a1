"""A lease on a file, as smbd takes one for a client that has an oplock."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def leased(file: Path) -> Iterator[None]:
    """Hold a write lease on `file`, however often others ask for it, until the block ends.

    The kernel takes it away only after /proc/sys/fs/lease-break-time, 45 seconds.
    """
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # which is ignored
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)

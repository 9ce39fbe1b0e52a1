"""What is no single photo's fault: then a part is not done, and is tried again some other time."""

from __future__ import annotations

import errno
import os
from pathlib import Path

OUTAGES = frozenset(
    {
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENXIO, errno.ENODEV,
        errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH,
        errno.ECONNABORTED, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    }
)  # fmt: skip


def is_outage(error: OSError, photo: Path) -> bool:
    """Whether that would be said of any photo there: also where all that lay there is gone."""
    if error.errno in OUTAGES:
        return True
    if error.errno != errno.ENOENT:
        return False
    try:
        with os.scandir(photo.parent) as entries:
            return next(entries, None) is None
    except OSError:
        return True

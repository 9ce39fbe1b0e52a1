"""The page's own folder, `state_dir/web/`: the only place that this process writes to."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.errors import ConfigError, RefusedError
from web.reading.system import user_name

_LOCK, _SPOOL = "lock", "spool"
# Readable by the group: the daemon's backups take accounts and keys along.
UMASK = 0o027


def own_folder(state_dir: Path) -> Path:
    """The folder, made when missing; whoever writes to it must own it.

    Raises ConfigError when it cannot be made, RefusedError when it is another user's.
    """
    os.umask(UMASK)
    folder = state_dir / "web"
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as exc:
        raise ConfigError(
            f"{folder}: cannot be made ({exc.strerror}); as root: "
            f"install -d -m 2750 -o nightsort-web -g nightsort {folder}"
        ) from exc
    if owner != os.geteuid():
        theirs, ours = user_name(owner), user_name(os.geteuid())
        how = "sudo -u {}" if os.geteuid() else "runuser -u {} --"
        raise RefusedError(
            f"{folder} belongs to {theirs}, this is {ours}; run the command as {theirs} "
            f"({how.format(theirs)} nightsort web ...)"
        )
    return folder


@contextmanager
def serving_from(folder: Path) -> Iterator[None]:
    """One page for each folder, until the end of the `with` block; uploads are spooled in it.

    Raises RefusedError while another serves from it.
    """
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedError(
                f"{folder}: another `nightsort web` serves from it; stop that one first"
            ) from None
        with _spooling_to(folder / _SPOOL):
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _spooling_to(spool: Path) -> Iterator[None]:
    """Temporary files lie on the state's disk: elsewhere they might fill memory, or the system."""
    shutil.rmtree(spool, ignore_errors=True)  # what a process that was killed left
    spool.mkdir(mode=0o750)  # the daemon reads what it is to take
    before = tempfile.tempdir
    tempfile.tempdir = str(spool)
    try:
        yield
    finally:
        tempfile.tempdir = before

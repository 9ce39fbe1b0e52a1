"""One daemon for each state folder, and one user.

The lock is the kernel's: it ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import math
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.errors import ConfigError, RefusedError

LOCK = "lock"
# A look at the lock (`is_held`) takes it for a moment; that must not refuse a daemon that starts.
_GLANCE_SECONDS = 0.5


class InUse(RefusedError):
    """Another nightsort process works on this state folder."""


@contextmanager
def hold(state_dir: Path) -> Iterator[None]:
    """Own the state folder, made when missing, until the end of the `with` block.

    Raises InUse when another process owns it, RefusedError when it is another user's,
    ConfigError when it cannot be made.
    """
    prepare(state_dir)
    try:
        descriptor = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as exc:
        raise RefusedError(
            f"{state_dir / LOCK}: cannot be opened ({exc.strerror}); check who may write there"
        ) from exc
    try:
        if not _take(descriptor):
            raise InUse(
                f"{state_dir}: another nightsort (process {_owner(descriptor)}) works on this "
                "state folder; use it through `nightsort now`, or stop it first"
            )
        with suppress(OSError):  # on a full disk; the number is for people only
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)


def is_held(state_dir: Path) -> bool:
    """Whether a nightsort process works on the state folder right now."""
    try:
        descriptor = os.open(state_dir / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def held_seconds(state_dir: Path) -> float:
    """How long ago a nightsort process took the state folder; by the wall clock."""
    try:
        return time.time() - (state_dir / LOCK).stat().st_mtime
    except OSError:
        return math.inf


def prepare(state_dir: Path) -> None:
    """Make the state folder if need be, and refuse one of another user."""
    try:
        state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        owner = state_dir.stat().st_uid
    except OSError as exc:
        raise ConfigError(
            f"state_dir {state_dir}: cannot be made ({exc.strerror}); make it, or set another"
        ) from exc
    if owner != os.geteuid():
        theirs, ours = user_name(owner), user_name(os.geteuid())
        # A plain Debian has no sudo, and root needs none.
        how = "sudo -u {}" if os.geteuid() else "runuser -u {} --"
        raise RefusedError(
            f"{state_dir} belongs to {theirs}, this is {ours}; run the command as {theirs} "
            f"({how.format(theirs)} nightsort ...)"
        )
    if not os.access(state_dir, os.W_OK | os.X_OK):
        if os.statvfs(state_dir).f_flag & os.ST_RDONLY:
            raise RefusedError(
                f"{state_dir}: is mounted read-only; check that disk, then mount it writable"
            )
        raise RefusedError(f"{state_dir}: no right to write there; correct its mode")


def no_look_at(state_dir: Path) -> RefusedError:
    """The refusal for a user who may not look into the state folder."""
    return RefusedError(
        f"{state_dir}: you may not look there; ask to be taken into the group of its owner "
        "(usermod -aG), or run it with sudo"
    )


def _take(descriptor: int) -> bool:
    deadline = time.monotonic() + _GLANCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def _owner(descriptor: int) -> str:
    return os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"


def user_name(uid: int) -> str:
    """A user as people say it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

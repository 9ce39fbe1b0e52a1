"""Two users of the machine, and a folder that both can reach.

Where Python or this repository lies in a home that is closed to others, as root's is, the processes
of both see it all the same: in a view of the file system of their own, in which that home is open
and holds nothing else. Outside of it nothing changes.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shlex import quote

import pytest

ROOT = Path(__file__).parents[2]
DAEMON, WEB, GROUP = 61_001, 61_002, 61_000


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder for both, until the end; skips the test where nobody can be another user.

    Not pytest's own: each run of pytest closes those to all other users, also while another runs.
    """
    if os.geteuid() != 0:
        pytest.skip("only root may be two other users")
    with tempfile.TemporaryDirectory(prefix="nightsort-two-users-") as name:
        Path(name).chmod(0o755)
        if why_not := _why_nobody_else_starts_python():
            pytest.skip(f"another user cannot start this environment's Python: {why_not}")
        yield Path(name)


def as_user(uid: int) -> list[str]:
    """What to put before a command so that this user runs it, in the common group."""
    return [*_way_in(), "setpriv", f"--reuid={uid}", f"--regid={GROUP}", "--clear-groups"]


@cache
def _way_in() -> list[str]:
    """What to put before a command of another user, so that nothing which it needs is closed."""
    needed = sorted({Path(one).resolve() for one in (sys.base_prefix, sys.prefix, ROOT)})
    closed = {above for one in needed for above in one.parents if not _is_open(above)}
    outermost = [one for one in closed if closed.isdisjoint(one.parents)]
    hidden = [one for one in needed if not closed.isdisjoint(one.parents)]
    if not hidden:
        return []
    aside = "/dev/shm"  # in that view alone, and for a moment
    lines = ["set -e", f"mount -t tmpfs tmpfs {aside}"]
    for number, one in enumerate(hidden):
        lines += [f"mkdir {aside}/{number}", f"mount --rbind {quote(str(one))} {aside}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 tmpfs {quote(str(one))}" for one in outermost]
    for number, one in enumerate(hidden):
        lines += [
            f"(umask 022; mkdir -p {quote(str(one))})",
            f"mount --rbind {aside}/{number} {quote(str(one))}",
        ]
    lines += [f"umount -l {aside}", 'exec "$@"']
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines), "sh"]


def _is_open(folder: Path) -> bool:
    """Whether everybody may pass through it."""
    return bool(folder.stat().st_mode & stat.S_IXOTH)


@cache
def _why_nobody_else_starts_python() -> str:
    """Why a process of another user cannot start a Python of its own; empty where it can."""
    code = (
        "import daemon.store, subprocess, sys;"
        " subprocess.run([sys.executable, '-c', 'import daemon.store'], check=True)"
    )
    command = [*as_user(WEB), sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


class Person:
    """A process of another user, told what to do line by line; `code` is what it runs."""

    def __init__(self, uid: int, code: str, state: Path) -> None:
        self.process = subprocess.Popen(
            [*as_user(uid), sys.executable, "-c", code, str(state)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=ROOT,
        )  # fmt: skip

    def __call__(self, words: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> str:
        self.process.kill()
        return self.process.communicate()[1]


@contextmanager
def person(uid: int, code: str, state: Path) -> Iterator[Person]:
    """One until the end of the `with` block; it must never show a traceback."""
    one = Person(uid, code, state)
    try:
        yield one
    finally:
        said = one.end()
    assert "Traceback" not in said, said

"""Two users of the machine, and a folder that both can reach."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        reads = [*as_user(WEB), sys.executable, "-c", "import daemon.store"]
        if subprocess.run(reads, cwd=ROOT, capture_output=True, check=False).returncode:
            pytest.skip("another user cannot read this repository, or its environment")
        yield Path(name)


def as_user(uid: int) -> list[str]:
    """What to put before a command so that this user runs it, in the common group."""
    return ["setpriv", f"--reuid={uid}", f"--regid={GROUP}", "--clear-groups"]


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


def require_helpers() -> None:
    """Skip the test where another user's process cannot start one of its own.

    Where this environment's Python lies in a home that is closed to others, only root gets there.
    """
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    command = [*as_user(DAEMON), sys.executable, "-c", code]
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("another user cannot start this environment's Python")

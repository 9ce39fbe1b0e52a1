"""What root can do for a test: be without root's power for a while, and mount something."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_libc = ctypes.CDLL(None, use_errno=True)
_VERSION_3 = 0x20080522
_GET_SECUREBITS, _SET_SECUREBITS, _NO_ROOT = 27, 28, 1


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Rights(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def like_an_ordinary_user() -> Iterator[None]:
    """File permissions bind even root, in this thread and those it starts, for a while.

    A thread started meanwhile never gets the rights back, so this process must not change its user
    later: the C library ends a process whose threads do not all agree to.
    """
    header = _Header(_VERSION_3, 0)
    rights = (_Rights * 2)()
    assert _libc.capget(ctypes.byref(header), ctypes.byref(rights)) == 0
    before = [part.effective for part in rights]
    secure_bits = _libc.prctl(_GET_SECUREBITS, 0, 0, 0, 0)
    if os.geteuid() == 0:  # a program started by root would get all rights back
        assert _libc.prctl(_SET_SECUREBITS, secure_bits | _NO_ROOT, 0, 0, 0) == 0
    for part in rights:
        part.effective = 0
    assert _libc.capset(ctypes.byref(header), ctypes.byref(rights)) == 0
    try:
        yield
    finally:
        for part, effective in zip(rights, before, strict=True):
            part.effective = effective
        assert _libc.capset(ctypes.byref(header), ctypes.byref(rights)) == 0
        if os.geteuid() == 0:
            assert _libc.prctl(_SET_SECUREBITS, secure_bits, 0, 0, 0) == 0


@contextmanager
def mounted_tmpfs(place: Path) -> Iterator[None]:
    """A fresh tmpfs over the folder `place`; skips the test where mounting is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    command = ["mount", "-t", "tmpfs", "nightsort-test", str(place)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"mounting is not possible here: {done.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily, as a test that failed may hold a file open; gone already is fine.
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)

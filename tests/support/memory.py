"""Folders of tests in memory: what they wait for most is a disk that says it has written.

Each move and each commit is made durable, as it must be; a disk takes milliseconds for that, and
most tests of a file system or a database do little else. On what file system they run is nothing
to them; those to which it is something use `tests.support.disks`.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")
_OURS = "nightsort-tests-"
_ENOUGH_BYTES = 2 << 30
_numbers = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder of the test's own, gone when it ends; where memory is scarce, pytest's own way.

    With `--basetemp` that way, too, so that one can look at what a test left behind.
    """
    name = re.sub(r"\W", "_", request.node.name)[:30]
    if _is_told_where(request.config) or not _has_room():
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        yield factory.mktemp(name)
        return
    folder = _MEMORY / f"{_OURS}{os.getpid()}" / f"{name}{next(_numbers)}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def clean_memory() -> Iterator[None]:
    """Nothing is left of this process's folders, nor of those of processes that were killed."""
    yield
    for folder in _MEMORY.glob(f"{_OURS}*"):
        process = folder.name.removeprefix(_OURS)
        if process == str(os.getpid()) or not Path("/proc", process).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _is_told_where(config: pytest.Config) -> bool:
    """Whether the person who runs the tests said so; xdist says it to each of its workers."""
    typed = getattr(config, "workerinput", {}).get("mainargv", sys.argv)
    return any(argument.startswith("--basetemp") for argument in typed)


def _has_room() -> bool:
    """Whether it is large enough, and programs may be run from there."""
    if not _MEMORY.is_dir() or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(_MEMORY).free >= _ENOUGH_BYTES

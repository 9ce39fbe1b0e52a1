"""By what a file is known again: numbers that also fit into the database."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from daemon.folders.tree import Tree, fingerprint_of

UNSIGNED = st.integers(0, 2**64 - 1)


def stat_result(inode: int, size: int = 5, mtime_ns: int = 0) -> os.stat_result:
    seconds = mtime_ns // 1_000_000_000
    times = [seconds] * 3 + [float(seconds)] * 3 + [mtime_ns] * 3
    return os.stat_result([0o100644, inode, 1, 1, 0, 0, size, *times])


@given(UNSIGNED, UNSIGNED)
def test_inodes_of_network_mounts_fit_and_stay_apart(one: int, other: int) -> None:
    first, second = fingerprint_of(stat_result(one)), fingerprint_of(stat_result(other))
    assert -(2**63) <= first.inode < 2**63
    assert (first == second) == (one == other)


def test_fingerprint_of_a_mount_that_numbers_by_hash_can_be_stored() -> None:
    found = fingerprint_of(stat_result(14_148_448_684_966_641_810))
    with sqlite3.connect(":memory:") as database:
        database.execute("SELECT ?", [found.inode])
    database.close()


def test_photo_dated_far_in_the_future_can_be_stored(tmp_path: Path) -> None:
    photo = tmp_path / "shirt.jpg"
    photo.write_bytes(b"photo")
    year_2400 = 13_569_465_600
    os.utime(photo, (year_2400, year_2400))
    found = Tree(tmp_path).fingerprint("shirt.jpg")
    assert found is not None
    with sqlite3.connect(":memory:") as database:
        database.execute("SELECT ?", [found.mtime_ns])
    database.close()

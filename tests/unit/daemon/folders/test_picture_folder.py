"""Pictures are kept up to a bound."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.folders.picture_folder import PictureFolder

ONE, TWO, THREE = (digit * 64 for digit in "abc")


def test_what_was_put_is_there_by_name(tmp_path: Path) -> None:
    cache = PictureFolder(tmp_path / "pictures")
    assert cache.look_at(f"{ONE}-64") is None
    cache.put(f"{ONE}-64", b"small")
    cache.put(f"{ONE}-640", b"large")
    names = (f"{ONE}-64", f"{ONE}-640", f"{TWO}-64")
    assert [cache.look_at(name) for name in names] == [b"small", b"large", None]


def test_beyond_the_bound_those_go_that_nobody_looked_at_for_longest(tmp_path: Path) -> None:
    cache = PictureFolder(tmp_path, most_bytes=250)
    for age, name in ((30, ONE), (20, TWO)):
        cache.put(f"{name}-64", b"x" * 100)
        (file,) = tmp_path.glob(f"??/{name}-*")
        os.utime(file, (1e9 - age, 1e9 - age))
    assert cache.look_at(f"{ONE}-64")
    cache.put(f"{THREE}-64", b"x" * 100)
    left = [cache.look_at(f"{name}-64") is not None for name in (ONE, TWO, THREE)]
    assert left == [True, False, True]


def test_what_an_earlier_process_kept_counts(tmp_path: Path) -> None:
    PictureFolder(tmp_path).put(f"{ONE}-64", b"x" * 100)
    PictureFolder(tmp_path, most_bytes=150).put(f"{TWO}-64", b"x" * 100)
    assert sum(file.stat().st_size for file in tmp_path.glob("??/*")) == 100


def test_a_disk_that_refuses_keeps_nobody_from_a_picture(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"no folder")
    cache = PictureFolder(tmp_path / "pictures")
    cache.put(f"{ONE}-64", b"x")
    assert cache.look_at(f"{ONE}-64") is None

"""Writers are noticed where the kernel tells."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.folders.open_writers import file_has_writers, has_writers
from daemon.folders.tree import Tree
from tests.support.leases import leased


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    return path


@pytest.fixture
def reader(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_writer_on_this_machine_is_noticed(file: Path, reader: int) -> None:
    with file.open("ab"):
        assert has_writers(reader) is True
    assert has_writers(reader) is False


def test_a_file_that_a_client_of_a_share_holds_has_a_writer(file: Path) -> None:
    tree = Tree(file.parent)
    with leased(file):
        assert file_has_writers(tree, file.name) is True
    assert file_has_writers(tree, file.name) is False


def test_asking_for_writers_leaves_no_lease_behind(file: Path, reader: int) -> None:
    has_writers(reader)
    assert fcntl.fcntl(reader, fcntl.F_GETLEASE) == fcntl.F_UNLCK
    os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK))  # would be refused by a lease


def test_where_no_lease_is_to_be_had_nothing_is_known() -> None:
    pipe, other_end = os.pipe()
    try:
        assert has_writers(pipe) is None
    finally:
        os.close(pipe)
        os.close(other_end)

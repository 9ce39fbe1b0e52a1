"""Filing on real mounts that lack what Linux's own disks have: the flag, links, stable numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from daemon.domain.sorting import Placement
from daemon.folders.renaming import Entry, UnknownWayError, by_flag, by_link
from daemon.sorting.filer import FilingPolicy
from tests.support.desk import Crash, Desk, die_at
from tests.support.disks import mounted

pytestmark = pytest.mark.servers

KINDS = ["bindfs", "exfat", "rclone"]


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with mounted(request.param, tmp_path) as path:
        yield path


@pytest.fixture
def desk(disk: Path) -> Desk:
    return Desk(disk / "incoming", disk / "sorted")


def nothing(_point: str) -> None:
    """No crash."""


@pytest.mark.parametrize(("kind", "links"), [("bindfs", True), ("exfat", False), ("rclone", False)])
def test_these_mounts_really_lack_what_the_fall_backs_are_for(
    kind: str, links: bool, tmp_path: Path
) -> None:
    with mounted(kind, tmp_path) as disk:
        (disk / "a").write_bytes(b"")
        folder = os.open(disk, os.O_RDONLY)
        try:
            with pytest.raises(UnknownWayError):
                by_flag(Entry(folder, "a"), Entry(folder, "b"), b"", nothing)
            if links:
                by_link(Entry(folder, "a"), Entry(folder, "b"), b"", nothing)
            else:
                with pytest.raises(UnknownWayError):
                    by_link(Entry(folder, "a"), Entry(folder, "b"), b"", nothing)
        finally:
            os.close(folder)


def test_a_photo_is_moved_and_nothing_left_behind(desk: Desk) -> None:
    content = os.urandom(2 << 20)
    move = desk.plan(desk.drop("table-2/shirt.jpg", content))
    filer = desk.filer()
    assert filer.place(move) is Placement.MOVED
    filer.sync([move])
    assert desk.files() == {"sorted/Shirts/shirt.jpg": content}


def test_nothing_is_replaced(desk: Desk) -> None:
    move = desk.plan(desk.drop())
    (desk.sorted / "Shirts").mkdir()
    (desk.sorted / "Shirts" / "shirt.jpg").write_bytes(b"somebody else's")
    assert desk.filer().place(move) is Placement.NAME_TAKEN
    assert desk.files() == {
        "incoming/shirt.jpg": b"a photo",
        "sorted/Shirts/shirt.jpg": b"somebody else's",
    }


@pytest.mark.parametrize("point", ["after_link", "after_reservation", "after_rename"])
def test_a_crash_on_such_a_mount_is_recovered(desk: Desk, point: str) -> None:
    move = desk.plan(desk.drop())
    try:
        desk.filer(reached=die_at(point)).place(move)
    except Crash:
        placement = desk.filer().recover(move)
        assert placement in (None, Placement.MOVED)
        assert list(desk.files().values()) == [b"a photo"]
    assert desk.filer().place(move) in (Placement.MOVED, Placement.GONE)
    assert desk.files() == {"sorted/Shirts/shirt.jpg": b"a photo"}


def test_a_photo_is_copied_from_and_to_such_a_mount(disk: Path, tmp_path: Path) -> None:
    content = os.urandom(2 << 20)
    for incoming, sorted_dir in ((disk / "i", tmp_path / "s"), (tmp_path / "i", disk / "s")):
        desk = Desk(incoming, sorted_dir)
        move = desk.plan(desk.drop(content=content))
        filer = desk.filer()
        assert filer.place(move) is Placement.MOVED
        filer.sync([move])
        assert desk.files() == {f"{sorted_dir.name}/Shirts/shirt.jpg": content}


def test_a_name_in_another_case_gets_a_number_on_a_disk_that_ignores_case(tmp_path: Path) -> None:
    with mounted("exfat", tmp_path) as disk:
        desk = Desk(disk / "incoming", disk / "sorted")
        first = desk.plan(desk.drop("shirt.jpg", b"one"))
        desk.filer().place(first)
        second = desk.plan(desk.drop("SHIRT.JPG", b"two"))
        assert second.target == "Shirts/SHIRT (2).JPG"
        assert desk.filer().place(second) is Placement.MOVED
        assert sorted(desk.files().values()) == [b"one", b"two"]


def test_rights_that_the_disk_refuses_are_told_once_and_stop_nothing(tmp_path: Path) -> None:
    with mounted("exfat", tmp_path) as disk:
        desk = Desk(disk / "incoming", disk / "sorted")
        filer = desk.filer(FilingPolicy(group=12345, file_mode=0o600))
        with structlog.testing.capture_logs() as logs:
            for name in ("a.jpg", "b.jpg"):
                assert filer.place(desk.plan(desk.drop(name))) is Placement.MOVED
        told = [entry["setting"] for entry in logs if entry["event"] == "rights_not_given"]
        assert told
        assert len(told) == len(set(told))

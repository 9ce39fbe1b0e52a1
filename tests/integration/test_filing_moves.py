"""Filing on real disks: every way a move can end."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from config.errors import DiskFull, FolderRefused, FolderUnavailable
from daemon.domain.sorting import Placement
from daemon.folders.own_files import partial_name
from daemon.folders.renaming import Entry, Way, by_flag, by_link, by_reservation
from daemon.sorting.filer import FilingPolicy
from tests.support.desk import Desk
from tests.support.disks import other_file_system, read_only, sealed, tiny_disk

BIG = os.urandom(3 << 20)


@pytest.fixture(params=["one disk", "two disks"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "one disk":
        yield Desk(tmp_path / "incoming", tmp_path / "sorted")
    else:
        with other_file_system(tmp_path) as other:
            yield Desk(tmp_path / "incoming", other / "sorted")


@pytest.fixture
def two_disks(tmp_path: Path) -> Iterator[Desk]:
    with other_file_system(tmp_path) as other:
        yield Desk(tmp_path / "incoming", other / "sorted")


@pytest.fixture
def one_disk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "incoming", tmp_path / "sorted")


@pytest.fixture(params=[by_flag, by_link, by_reservation])
def ways(request: pytest.FixtureRequest) -> Sequence[Way]:
    return (request.param,)


def at(point: str, do: Callable[[], object]) -> Callable[[str], None]:
    """A `reached` that does something when `point` is passed for the first time."""
    left = [do]

    def reached(passed: str) -> None:
        if passed == point and left:
            left.pop()()

    return reached


def test_a_photo_arrives_byte_for_byte_and_leaves_nothing_behind(
    desk: Desk, ways: Sequence[Way]
) -> None:
    move = desk.plan(desk.drop("table-2/shirt.jpg", BIG))
    filer = desk.filer(ways=ways)
    assert filer.place(move) is Placement.MOVED
    filer.sync([move])
    assert desk.files() == {"sorted/Shirts/shirt.jpg": BIG}


def test_the_time_of_a_photo_is_kept(desk: Desk) -> None:
    taken_at = 1_700_000_000_123_456_789
    assert desk.filer().place(desk.plan(desk.drop(mtime_ns=taken_at))) is Placement.MOVED
    assert (desk.sorted / "Shirts" / "shirt.jpg").stat().st_mtime_ns == taken_at


def test_nothing_is_ever_replaced(desk: Desk, ways: Sequence[Way]) -> None:
    move = desk.plan(desk.drop())
    (desk.sorted / "Shirts").mkdir()
    (desk.sorted / "Shirts" / "shirt.jpg").write_bytes(b"somebody else's")
    assert desk.filer(ways=ways).place(move) is Placement.NAME_TAKEN
    assert desk.files() == {
        "incoming/shirt.jpg": b"a photo",
        "sorted/Shirts/shirt.jpg": b"somebody else's",
    }


def test_a_dangling_link_is_not_replaced_nor_written_through(
    desk: Desk, ways: Sequence[Way], tmp_path: Path
) -> None:
    move = desk.plan(desk.drop())
    (desk.sorted / "Shirts").mkdir()
    (desk.sorted / "Shirts" / "shirt.jpg").symlink_to(tmp_path / "outside")
    assert desk.filer(ways=ways).place(move) is Placement.NAME_TAKEN
    assert not (tmp_path / "outside").exists()
    assert set(desk.files()) == {"incoming/shirt.jpg", "sorted/Shirts/shirt.jpg"}


def test_a_name_that_the_disk_refuses_gets_a_plain_one(desk: Desk) -> None:
    def refuse(old: Entry, new: Entry, mark: bytes, reached: Callable[[str], None]) -> None:
        if not new.name.isascii():  # FAT without UTF-8
            raise OSError(errno.EINVAL, "Invalid argument", new.name)
        by_flag(old, new, mark, reached)

    filer = desk.filer(ways=[refuse])
    photo = desk.drop("外套.jpg")
    move = filer.plan(desk.examine(photo).source, "Shirts")
    assert filer.place(move) is Placement.NAME_TAKEN
    move = filer.plan(desk.examine(photo).source, "Shirts")
    assert filer.place(move) is Placement.MOVED
    assert desk.files() == {f"sorted/Shirts/photo-{photo.id}.jpg": b"a photo"}


def test_a_disk_that_refuses_every_name_is_told_of(desk: Desk) -> None:
    def refuse(old: Entry, new: Entry, mark: bytes, reached: Callable[[str], None]) -> None:
        raise OSError(errno.EINVAL, "Invalid argument", new.name)

    filer = desk.filer(ways=[refuse])
    photo = desk.drop()
    move = filer.plan(desk.examine(photo).source, "Shirts")
    assert filer.place(move) is Placement.NAME_TAKEN
    move = filer.plan(desk.examine(photo).source, "Shirts")
    with pytest.raises(FolderUnavailable):
        filer.place(move)
    assert desk.files() == {"incoming/shirt.jpg": b"a photo"}


def test_a_photo_that_is_gone_is_gone(desk: Desk) -> None:
    move = desk.plan(desk.drop("table-2/shirt.jpg"))
    (desk.incoming / "table-2" / "shirt.jpg").unlink()
    assert desk.filer().place(move) is Placement.GONE
    (desk.incoming / "table-2").rmdir()
    assert desk.filer().place(move) is Placement.GONE
    assert desk.files() == {}


def test_a_photo_that_changed_is_left_where_it_is(desk: Desk) -> None:
    move = desk.plan(desk.drop())
    (desk.incoming / "shirt.jpg").write_bytes(b"another photo")
    passed: list[str] = []
    assert desk.filer(reached=passed.append).place(move) is Placement.CHANGED
    assert passed == [], "it was not even touched"
    assert desk.files() == {"incoming/shirt.jpg": b"another photo"}


def test_a_link_swapped_in_for_a_photo_is_not_filed(desk: Desk, tmp_path: Path) -> None:
    move = desk.plan(desk.drop())
    (tmp_path / "outside").write_bytes(b"a photo")

    def swap() -> None:
        (desk.incoming / "shirt.jpg").unlink()
        (desk.incoming / "shirt.jpg").symlink_to(tmp_path / "outside")

    filer = desk.filer(reached=at("before_rename", swap))
    assert filer.place(move) in (Placement.CHANGED, Placement.GONE)
    assert list(desk.files()) == ["incoming/shirt.jpg"]
    assert (desk.incoming / "shirt.jpg").is_symlink()
    assert (tmp_path / "outside").read_bytes() == b"a photo"


def test_a_link_swapped_in_for_the_source_folder_leads_nowhere(desk: Desk, tmp_path: Path) -> None:
    move = desk.plan(desk.drop("table-2/shirt.jpg"))
    (desk.incoming / "table-2").rename(tmp_path / "outside")
    (desk.incoming / "table-2").symlink_to(tmp_path / "outside")
    assert desk.filer().place(move) is Placement.GONE
    assert (tmp_path / "outside" / "shirt.jpg").read_bytes() == b"a photo"


def test_a_link_swapped_in_for_the_target_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    move = desk.plan(desk.drop())
    (tmp_path / "outside").mkdir()
    (desk.sorted / "Shirts").symlink_to(tmp_path / "outside")
    with pytest.raises(FolderRefused, match="Shirts: a link or a file stands"):
        desk.filer().place(move)
    assert list((tmp_path / "outside").iterdir()) == []
    assert (desk.incoming / "shirt.jpg").read_bytes() == b"a photo"


def test_a_writer_that_went_on_gets_its_photo_back(desk: Desk, ways: Sequence[Way]) -> None:
    move = desk.plan(desk.drop(content=b"half"))
    with (desk.incoming / "shirt.jpg").open("ab", buffering=0) as writer:

        def go_on() -> None:
            writer.write(b" and half")

        one_disk = desk.incoming.stat().st_dev == desk.sorted.stat().st_dev
        point = "before_rename" if one_disk else "after_partial"
        filer = desk.filer(reached=at(point, go_on), ways=ways)
        assert filer.place(move) is Placement.CHANGED
        filer.sync([move])
    assert desk.files() == {"incoming/shirt.jpg": b"half and half"}


def test_a_copy_of_what_was_still_written_never_gets_its_name(two_disks: Desk) -> None:
    move = two_disks.plan(two_disks.drop(content=b"four"), readable=False)
    passed: list[str] = []

    def reached(point: str) -> None:
        passed.append(point)
        if point == "after_partial":
            (two_disks.incoming / "shirt.jpg").write_bytes(b"for!")

    assert two_disks.filer(reached=reached).place(move) is Placement.CHANGED
    assert "after_copy" not in passed
    assert two_disks.files() == {"incoming/shirt.jpg": b"for!"}


def test_a_writer_that_went_on_after_the_copy_gets_its_photo_back(two_disks: Desk) -> None:
    move = two_disks.plan(two_disks.drop(content=b"half"))
    with (two_disks.incoming / "shirt.jpg").open("ab", buffering=0) as writer:
        filer = two_disks.filer(reached=at("after_copy_rename", lambda: writer.write(b" more")))
        assert filer.place(move) is Placement.CHANGED
    assert two_disks.files() == {"incoming/shirt.jpg": b"half more"}


def test_what_is_given_back_does_not_replace_what_came_meanwhile(one_disk: Desk) -> None:
    move = one_disk.plan(one_disk.drop(content=b"half"))
    with (one_disk.incoming / "shirt.jpg").open("ab", buffering=0) as writer:

        def go_on() -> None:
            writer.write(b" and half")
            (one_disk.incoming / "shirt.jpg").write_bytes(b"a new one")

        filer = one_disk.filer(reached=at("after_rename", go_on))
        assert filer.place(move) is Placement.CHANGED
    assert one_disk.files() == {
        "incoming/shirt.jpg": b"a new one",
        "incoming/shirt (2).jpg": b"half and half",
    }


def test_a_photo_that_replaced_the_copied_one_is_not_removed(two_disks: Desk) -> None:
    move = two_disks.plan(two_disks.drop(content=b"first"))

    def replace() -> None:
        (two_disks.incoming / "new").write_bytes(b"second")
        (two_disks.incoming / "new").rename(two_disks.incoming / "shirt.jpg")

    filer = two_disks.filer(reached=at("before_unlink", replace))
    assert filer.place(move) is Placement.MOVED
    assert two_disks.files() == {
        "incoming/shirt.jpg": b"second",
        "sorted/Shirts/shirt.jpg": b"first",
    }


def test_bytes_that_are_not_those_that_were_read_are_not_filed(two_disks: Desk) -> None:
    photo = two_disks.drop(content=b"what was read")
    move = two_disks.plan(photo)
    before = (two_disks.incoming / "shirt.jpg").stat()
    with (two_disks.incoming / "shirt.jpg").open("r+b") as file:
        file.write(b"what is there")
    os.utime(two_disks.incoming / "shirt.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert two_disks.filer().place(move) is Placement.CHANGED
    assert two_disks.files() == {"incoming/shirt.jpg": b"what is there"}


def test_a_partial_copy_of_an_earlier_crash_is_replaced(two_disks: Desk) -> None:
    move = two_disks.plan(two_disks.drop())
    (two_disks.sorted / "Shirts").mkdir()
    (two_disks.sorted / "Shirts" / partial_name(move)).write_bytes(b"a pho")
    assert two_disks.filer().place(move) is Placement.MOVED
    assert two_disks.files() == {"sorted/Shirts/shirt.jpg": b"a photo"}


def test_a_source_that_may_not_be_removed_is_copied_and_stays(
    desk: Desk, ways: Sequence[Way]
) -> None:
    move = desk.plan(desk.drop("table-2/shirt.jpg"))
    with sealed(desk.incoming / "table-2"):
        assert desk.filer(ways=ways).place(move) is Placement.COPIED
        assert desk.files() == {
            "incoming/table-2/shirt.jpg": b"a photo",
            "sorted/Shirts/shirt.jpg": b"a photo",
        }
        assert desk.filer(ways=ways).recover(move) is Placement.COPIED
    copy = (desk.sorted / "Shirts" / "shirt.jpg").stat()
    assert copy.st_ino != (desk.incoming / "table-2" / "shirt.jpg").stat().st_ino


def test_an_incoming_that_is_read_only_is_copied_from(one_disk: Desk) -> None:
    move = one_disk.plan(one_disk.drop())
    with read_only(one_disk.incoming):
        assert one_disk.filer().place(move) is Placement.COPIED
    assert set(one_disk.files()) == {"incoming/shirt.jpg", "sorted/Shirts/shirt.jpg"}


def test_an_unreadable_file_on_one_disk_is_moved_all_the_same(one_disk: Desk) -> None:
    move = one_disk.plan(one_disk.drop(), "_quarantine", readable=False)
    (one_disk.incoming / "shirt.jpg").chmod(0)
    assert one_disk.filer().place(move) is Placement.MOVED
    assert one_disk.files() == {"sorted/_quarantine/shirt.jpg": b"a photo"}


def test_a_target_folder_that_may_not_be_written_is_named_with_the_remedy(desk: Desk) -> None:
    move = desk.plan(desk.drop())
    (desk.sorted / "Shirts").mkdir()
    with sealed(desk.sorted / "Shirts"), pytest.raises(FolderRefused, match=r"Shirts: .*right to"):
        desk.filer().place(move)
    assert desk.files() == {"incoming/shirt.jpg": b"a photo"}


def test_a_sorted_folder_that_is_read_only_gives_the_photo_back(desk: Desk) -> None:
    move = desk.plan(desk.drop())
    (desk.sorted / "Shirts").mkdir()
    with read_only(desk.sorted), pytest.raises(FolderUnavailable, match="read-only"):
        desk.filer().place(move)
    assert desk.files() == {"incoming/shirt.jpg": b"a photo"}


def test_a_sorted_folder_that_is_away_gives_the_photo_back(one_disk: Desk) -> None:
    move = one_disk.plan(one_disk.drop())
    one_disk.sorted.rmdir()
    with pytest.raises(FolderUnavailable, match="sorted"):
        one_disk.filer().place(move)
    assert one_disk.files() == {"incoming/shirt.jpg": b"a photo"}


def test_a_disk_that_fills_up_leaves_nothing_half_done(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "sorted", "1m") as disk:
        desk = Desk(tmp_path / "incoming", disk)
        small = desk.plan(desk.drop("small.jpg", b"fits"))
        big = desk.plan(desk.drop("big.jpg", BIG))
        filer = desk.filer()
        assert filer.place(small) is Placement.MOVED
        with pytest.raises(DiskFull, match=r"big\.jpg: no space left"):
            filer.place(big)
        assert desk.files() == {"incoming/big.jpg": BIG, "sorted/Shirts/small.jpg": b"fits"}
        assert filer.recover(big) is None
        assert desk.files() == {"incoming/big.jpg": BIG, "sorted/Shirts/small.jpg": b"fits"}


def test_a_disk_without_room_for_another_folder_says_so(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "sorted", "1m,nr_inodes=2") as disk:
        desk = Desk(tmp_path / "incoming", disk)
        move = desk.plan(desk.drop())
        (disk / "last inode").touch()
        with pytest.raises(DiskFull):
            desk.filer().place(move)
        assert (desk.incoming / "shirt.jpg").read_bytes() == b"a photo"


def test_filed_photos_and_folders_get_their_rights(desk: Desk) -> None:
    policy = FilingPolicy(group=os.getgid(), file_mode=0o640, folder_mode=0o2770)
    move = desk.plan(desk.drop())
    assert desk.filer(policy).place(move) is Placement.MOVED
    assert (desk.sorted / "Shirts").stat().st_mode & 0o7777 == 0o2770
    filed = (desk.sorted / "Shirts" / "shirt.jpg").stat()
    assert (filed.st_mode & 0o7777, filed.st_gid) == (0o640, os.getgid())


def test_a_copy_has_the_mode_of_its_original(two_disks: Desk) -> None:
    move = two_disks.plan(two_disks.drop())
    (two_disks.incoming / "shirt.jpg").chmod(0o4664)
    two_disks.filer().place(move)
    assert (two_disks.sorted / "Shirts" / "shirt.jpg").stat().st_mode & 0o7777 == 0o664


def test_rights_of_a_file_with_another_name_outside_are_left_alone(
    one_disk: Desk, tmp_path: Path
) -> None:
    move = one_disk.plan(one_disk.drop())
    os.link(one_disk.incoming / "shirt.jpg", tmp_path / "outside")
    (tmp_path / "outside").chmod(0o600)
    assert one_disk.filer(FilingPolicy(file_mode=0o666)).place(move) is Placement.MOVED
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o600


def test_a_copy_is_on_the_disk_before_its_original_goes(
    two_disks: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.fsync
    order: list[str] = []

    def fsync(fd: int) -> None:
        order.append(f"flushed {Path(f'/proc/self/fd/{fd}').readlink().name}")
        really(fd)

    move = two_disks.plan(two_disks.drop())
    (two_disks.sorted / "Shirts").mkdir()
    monkeypatch.setattr("daemon.sorting.mover.os.fsync", fsync)
    two_disks.filer(reached=order.append).place(move)
    assert order[order.index("after_partial") :] == [
        "after_partial",
        f"flushed {partial_name(move)}",
        "after_copy",
        "after_copy_rename",
        "flushed Shirts",
        "before_unlink",
        "after_unlink",
    ]


def test_each_folder_of_a_micro_batch_is_flushed_once_targets_first(
    one_disk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    filer = one_disk.filer()
    moves = [
        one_disk.plan(one_disk.drop(f"{number}.jpg"), folder)
        for number, folder in enumerate(["Shirts", "Shoes", "Shirts", "Shoes"])
    ]
    for move in moves:
        filer.place(move)
    monkeypatch.setattr(
        "daemon.folders.contents.os.fsync",
        lambda fd: flushed.append(Path(f"/proc/self/fd/{fd}").readlink().name),
    )
    filer.sync(moves)
    assert sorted(flushed[:2]) == ["Shirts", "Shoes"]  # both at once
    assert flushed[2:] == ["incoming"]


def test_a_target_folder_removed_by_a_person_stops_no_sync(desk: Desk) -> None:
    move = desk.plan(desk.drop())
    filer = desk.filer()
    filer.place(move)
    (desk.sorted / "Shirts" / "shirt.jpg").unlink()
    (desk.sorted / "Shirts").rmdir()
    filer.sync([move])

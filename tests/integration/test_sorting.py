"""What becomes of examined photos, with a real store and real folders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import DiskFull, TransientError
from daemon.domain.sorting import Setback
from daemon.folders.tree import Tree
from tests.support.core import Core, tiny_photo
from tests.support.desk import Crash
from tests.support.disks import sealed
from tests.support.rights import like_an_ordinary_user


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path)
    yield core
    core.stop()


def statuses(core: Core) -> dict[str, str]:
    return {row["filename"]: row["status"] for row in core.all_rows()}


# --- where photos go -----------------------------------------------------------------------------


def test_each_photo_goes_where_its_verdict_sends_it(core: Core) -> None:
    core.drop("shirt.png", tiny_photo("Shirts", 1))
    core.drop("t/top.png", tiny_photo("Tops", 2))
    core.drop("odd.png", tiny_photo("review", 3))
    core.drop("bad.png", b"no photo at all")
    core.drain()
    assert set(core.files()) == {
        "sorted/Shirts/shirt.png",
        "sorted/Tops/top.png",
        "sorted/_review/Tops/odd.png",
        "sorted/_quarantine/bad.png",
    }
    assert statuses(core) == {
        "shirt.png": "success",
        "top.png": "success",
        "odd.png": "review",
        "bad.png": "error",
    }


def test_a_photo_in_quarantine_has_its_reason_beside_it(core: Core) -> None:
    core.drop("bad.png", b"no photo at all")
    core.drain()
    reason = (core.sorted / "_quarantine" / "bad.png.reason.txt").read_text(encoding="utf-8")
    assert reason.startswith("not_an_image: ")
    assert core.rows()[0]["reason"] == "not_an_image"


def test_two_photos_of_one_name_in_one_batch_are_both_filed(core: Core) -> None:
    core.drop("a/shirt.png", tiny_photo("Shirts", 1))
    core.drop("b/shirt.png", tiny_photo("Shirts", 2))
    core.drain()
    assert set(core.files()) == {"sorted/Shirts/shirt.png", "sorted/Shirts/shirt (2).png"}


def test_a_folder_is_opened_a_few_times_for_a_micro_batch_not_for_each_photo(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, opened = Tree._open_root, Counter[Path]()

    def counted(tree: Tree) -> int:
        opened[tree.root] += 1
        return real(tree)

    for number in range(16):
        core.drop(f"table-2/{number}.png", tiny_photo("Shirts", number))
    core.take_in()
    monkeypatch.setattr(Tree, "_open_root", counted)
    core.drain()
    assert len(core.files()) == 16
    assert 0 < opened[core.incoming] <= 16  # a few for each of four
    assert 0 < opened[core.sorted] <= 32


# --- duplicates ----------------------------------------------------------------------------------


def test_of_two_equal_photos_in_one_batch_the_second_is_a_duplicate(core: Core) -> None:
    core.drop("a.png", tiny_photo())
    core.drop("b.png", tiny_photo())
    core.drain()
    assert statuses(core) == {"a.png": "success", "b.png": "duplicate"}
    assert set(core.files()) == {"sorted/Shirts/a.png", "sorted/_duplicates/b.png"}


def test_a_photo_whose_twin_was_taken_away_is_no_duplicate(core: Core) -> None:
    core.drop("a.png", tiny_photo())
    core.drain()
    (core.sorted / "Shirts" / "a.png").unlink()
    core.drop("b.png", tiny_photo())
    core.drain()
    assert statuses(core)["b.png"] == "success"


def test_a_photo_put_back_by_hand_is_not_its_own_duplicate(core: Core) -> None:
    core.drop("a.png", tiny_photo())
    core.drain()
    (core.sorted / "Shirts" / "a.png").rename(core.incoming / "a.png")
    core.drain()
    assert [row["status"] for row in core.all_rows()] == ["success", "success"]
    assert set(core.files()) == {"sorted/Shirts/a.png"}


@pytest.mark.parametrize("twin", ["edited", "shorter", "a link", "a folder", "a pipe"])
def test_what_only_has_the_name_of_a_twin_is_none(core: Core, tmp_path: Path, twin: str) -> None:
    content = tiny_photo()
    core.drop("a.png", content)
    core.drain()
    filed = core.sorted / "Shirts" / "a.png"
    filed.unlink()
    outside = tmp_path / "outside.png"
    outside.write_bytes(content)
    match twin:
        case "edited":
            filed.write_bytes(content[:-1] + b"!")
        case "shorter":
            filed.write_bytes(content[:-1])
        case "a link":
            filed.symlink_to(outside)
        case "a folder":
            filed.mkdir()
        case "a pipe":
            os.mkfifo(filed)
    core.drop("b.png", content)
    core.drain()
    assert statuses(core)["b.png"] == "success"


def test_a_twin_that_may_not_be_read_proves_nothing_and_stops_nothing(core: Core) -> None:
    core.drop("a.png", tiny_photo())
    core.drain()
    (core.sorted / "Shirts" / "a.png").chmod(0)
    core.drop("b.png", tiny_photo())
    with like_an_ordinary_user():
        core.drain()
    assert statuses(core)["b.png"] == "success"


def test_a_twin_in_quarantine_or_among_the_duplicates_does_not_count(core: Core) -> None:
    for name in ("bad.png", "bad2.png"):
        core.drop(name, b"no photo at all")
        core.drain()
    assert set(statuses(core).values()) == {"error"}


# --- sources that have to stay -------------------------------------------------------------------


def file_a_photo_that_must_stay(core: Core) -> Path:
    photo = core.drop("t/a.png", tiny_photo())
    with sealed(core.incoming / "t"):
        core.drain()
    assert set(core.files()) == {"incoming/t/a.png", "sorted/Shirts/a.png"}
    return photo


def test_a_source_that_had_to_stay_is_never_taken_again(core: Core) -> None:
    file_a_photo_that_must_stay(core)
    assert core.take_in() == []
    core.restart()
    assert core.recover_and_drain()["total_processed"] == 0
    assert len(core.all_rows()) == 1


def test_nor_is_it_when_its_time_was_changed(core: Core) -> None:
    photo = file_a_photo_that_must_stay(core)
    os.utime(photo, (1, 1))
    assert len(core.take_in()) == 1
    summary = core.drain()
    assert summary["run"] is None
    assert core.take_in() == []
    assert len(core.all_rows()) == 1
    assert not list(core.results.glob(".nightsort*"))


def test_nor_when_the_share_was_mounted_anew_with_other_inodes(core: Core) -> None:
    photo = file_a_photo_that_must_stay(core)
    times = photo.stat()
    other = photo.with_name(".other")
    other.write_bytes(photo.read_bytes())
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(photo)
    assert photo.stat().st_ino != times.st_ino
    assert core.take_in() == []


def test_another_photo_at_the_place_of_one_that_had_to_stay_is_taken(core: Core) -> None:
    photo = file_a_photo_that_must_stay(core)
    photo.write_bytes(tiny_photo("Tops", 2))
    core.drain()
    assert [row["category"] for row in core.all_rows()] == ["Shirts", "Tops"]
    assert set(core.files()) == {"sorted/Shirts/a.png", "sorted/Tops/a.png"}


# --- trouble -------------------------------------------------------------------------------------


def test_a_photo_that_changed_after_it_was_read_goes_back_to_settle(core: Core) -> None:
    photo = core.drop("a.png", tiny_photo())
    core.take_in()
    (claimed,) = core.store.queue.claim(
        core.store.runs.open("r", core.clock.now(), "m").id, 9, 1000, "b"
    )
    (examined,) = core.workers.examine([claimed]).result()
    photo.write_bytes(tiny_photo("Tops", 5))
    rows, returned = core.sorter.sort("r", [examined])  # type: ignore[list-item]
    assert rows == []
    assert [(back.photo.id, back.why) for back in returned] == [(claimed.id, Setback.CHANGED)]
    assert photo.read_bytes() == tiny_photo("Tops", 5)


def test_a_folder_that_nobody_may_enter_holds_up_only_its_own_photos(core: Core) -> None:
    core.drop("locked/a.png", tiny_photo("Shirts", 1))
    core.drop("open/b.png", tiny_photo("Shirts", 2))
    core.take_in()
    (core.incoming / "locked").chmod(0)
    try:
        with like_an_ordinary_user():
            core.drain()
    finally:
        (core.incoming / "locked").chmod(0o755)
    assert statuses(core) == {"b.png": "success"}
    core.store.queue.retry_now()
    core.drain()
    assert statuses(core) == {"a.png": "success", "b.png": "success"}


def test_a_move_in_doubt_in_a_locked_folder_waits_and_the_others_go_on(tmp_path: Path) -> None:
    dying = [True]

    def reached(point: str) -> None:
        if point == "before_rename" and dying.pop():
            raise Crash

    core = Core(tmp_path, reached=reached)
    core.drop("locked/a.png", tiny_photo("Shirts", 1))
    with pytest.raises(Crash):
        core.drain()
    core.restart()
    core.drop("open/b.png", tiny_photo("Shirts", 2))
    dying.append(False)
    dying.insert(0, False)
    (core.incoming / "locked").chmod(0)
    with like_an_ordinary_user():
        core.drainer.recover()
        core.take_in()
        core.work()
        closed = core.drainer.close(settling=0)
    (core.incoming / "locked").chmod(0o755)
    assert statuses(core) == {"b.png": "success"}
    assert closed["waiting_after"] == 1
    dying.append(False)
    core.restart()
    summary = core.recover_and_drain()
    assert statuses(core) == {"a.png": "success", "b.png": "success"}
    assert summary["run"] != closed["run"]
    assert summary["waiting_before"] == summary["total_processed"] == 1
    core.stop()


def test_a_disk_that_is_full_half_way_leaves_what_was_filed_recorded(tmp_path: Path) -> None:
    passed = [0]

    def reached(point: str) -> None:
        passed[0] += point == "before_rename"
        if passed[0] == 3:
            raise DiskFull("sorted: no space left")

    core = Core(tmp_path, batch_size=8, reached=reached)
    for number in range(5):
        core.drop(f"{number}.png", tiny_photo("Shirts", number))
    core.take_in()
    with pytest.raises(TransientError):
        core.work()
    assert len(core.store.intentions.unfinished()) == 5
    passed[0] = 100
    core.drainer.recover()
    assert core.store.intentions.unfinished() == []
    summary = core.drain()
    assert summary["successful"] == 5
    assert len(core.rows()) == 5
    core.stop()

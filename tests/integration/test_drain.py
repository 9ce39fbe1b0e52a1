"""Runs from opening to summary: results as they grow, failures, crashes, clocks that jump."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog

from classifier.pixels import UInt8Array
from classifier.verdict import Verdict
from config.errors import DiskFull, FolderUnavailable, SelfTestFailed, TransientError
from daemon.domain.photos import Fingerprint, Photo
from daemon.folders.tree import Tree
from daemon.reporting.run_files import RunResults
from daemon.store import Intentions, Store
from tests.support.core import Core, by_tone, tiny_photo
from tests.support.desk import Crash
from tests.support.flushing import watched
from tests.support.leases import leased
from tests.support.rights import like_an_ordinary_user


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path)
    yield core
    core.stop()


def drop(core: Core, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        core.drop(f"{number:03d}.png", tiny_photo("Shirts", number))


class FailingOnce:
    """An opinion that raises once, at the picture of that number."""

    def __init__(self, at: int, error: BaseException) -> None:
        self._left, self._error = at, error

    def __call__(self, picture: UInt8Array) -> Verdict:
        self._left -= 1
        if self._left == 0:
            raise self._error
        return by_tone(picture)


# --- before a run --------------------------------------------------------------------------------


def test_model_that_fails_its_self_test_begins_no_run_and_photos_wait(core: Core) -> None:
    drop(core, 3)
    core.take_in()
    before = core.files()
    core.classifier.complaints.append("model scripted 1 fails its self-test: 3.10 off")
    with structlog.testing.capture_logs() as logged, pytest.raises(SelfTestFailed, match=r"3\.10"):
        core.work()
    assert core.store.runs.unclosed() == []
    assert core.files() == before
    assert [*core.results.iterdir()] == []
    assert core.store.queue.waiting(core.clock.steady()).queued == 3
    (told,) = [line for line in logged if line["event"] == "self_test_failed"]
    assert (told["log_level"], told["why"]) == ("critical", core.classifier.complaints[0])


def test_once_the_self_test_passes_again_the_photos_are_sorted(core: Core) -> None:
    drop(core, 3)
    core.take_in()
    core.classifier.complaints.append("fails")
    assert isinstance(core.failing(), SelfTestFailed)
    core.classifier.complaints.clear()
    assert core.recover_and_drain()["successful"] == 3


def test_self_test_is_taken_before_every_run_and_not_without_photos(core: Core) -> None:
    core.drain()
    assert core.classifier.tested == set()
    for number in range(2):
        drop(core, 1, first=number)
        core.drain()
        assert len(core.classifier.tested) == 1
        core.classifier.tested.clear()


# --- a run and its results -----------------------------------------------------------------------


def test_a_run_leaves_a_csv_a_summary_and_copies_of_both(core: Core) -> None:
    drop(core, 6)
    summary = core.drain()
    run = summary["run"]
    assert run == "20251013_020000"
    assert sorted(path.name for path in core.results.iterdir()) == [
        f"batch_results_{run}.csv",
        "batch_results_latest.csv",
        f"summary_{run}.json",
        "summary_latest.json",
    ]
    assert json.loads((core.results / f"summary_{run}.json").read_bytes()) == summary
    assert core.store.runs.summaries() == [summary]


def test_an_empty_queue_makes_no_run_and_leaves_the_newest_results_alone(core: Core) -> None:
    drop(core, 1)
    core.drain()
    before = {path: path.stat().st_mtime_ns for path in core.results.iterdir()}
    core.clock.advance(60)
    summary = core.drain()
    assert summary["run"] is None
    assert summary["total_processed"] == 0
    assert {path: path.stat().st_mtime_ns for path in core.results.iterdir()} == before
    assert core.store.runs.unclosed() == []


def test_the_csv_grows_with_the_run_by_whole_rows_and_is_complete_at_its_end(
    tmp_path: Path,
) -> None:
    core = Core(tmp_path, batch_size=2, inline=True)
    drop(core, 7)
    core.take_in()
    seen: list[bytes] = []

    def between() -> None:
        (path,) = core.results.glob("batch_results_2*.csv")
        seen.append(path.read_bytes())

    core.drainer.work(lambda: True, between)
    core.drainer.close(settling=0)
    (path,) = core.results.glob("batch_results_2*.csv")
    final = path.read_bytes()
    assert len(set(seen)) > 1
    assert all(part.endswith(b"\r\n") and final.startswith(part) for part in seen)
    assert final == seen[-1]
    assert len(core.rows()) == 7
    core.stop()


def test_results_made_again_from_the_store_alone_are_byte_for_byte_the_same(core: Core) -> None:
    drop(core, 5)
    core.drop("=1+1 4711.png", tiny_photo("Tops", 99))
    core.drop("caf\udce9 \n.png", tiny_photo("review", 98))
    core.drop("twin.png", tiny_photo("Shirts", 1))
    core.drop("bad.png", b"no photo")
    run = core.drain()["run"]
    path = core.results / f"batch_results_{run}.csv"
    written = path.read_bytes()
    path.unlink()
    core.restart()
    RunResults(core.results, run, core.incoming, core.sorted).begin(core.store.runs.rows(run))
    assert path.read_bytes() == written


def test_the_csv_reaches_the_disk_once_with_the_runs_end_before_its_summary(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(core, 12)
    core.take_in()
    core.drainer.work(lambda: True, lambda: None)
    (path,) = core.results.glob("batch_results_2*.csv")
    order = watched(monkeypatch)
    drop(core, 12, first=12)
    run = core.drain()["run"]
    ours = [what for what in order if what.endswith((path.name, f"summary_{run}.json"))]
    assert ours == [f"flushed {path.name}", f"named summary_{run}.json"]


def test_a_csv_that_the_disk_refused_at_the_runs_end_is_made_again(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(core, 5)
    core.take_in()
    core.work()
    (path,) = core.results.glob("batch_results_2*.csv")
    written = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("daemon.reporting.run_files.os.fsync", refusing)
        with pytest.raises(TransientError):
            core.drainer.close(settling=0)
    with path.open("r+b") as file:  # as long as it was, and lost on the disk
        file.write(bytes(len(written)))
    assert core.drainer.close(settling=0)["total_processed"] == 5
    assert path.read_bytes() == written


def refusing(_: int) -> None:
    """A disk that fails when it is to bring something to rest."""
    raise OSError(errno.EIO, "failed")


@pytest.mark.parametrize("what", ["removed", "edited"])
def test_a_csv_that_a_person_removed_or_edited_is_made_again(tmp_path: Path, what: str) -> None:
    core = Core(tmp_path, batch_size=1, inline=True)
    drop(core, 4)
    core.take_in()
    turns = iter(range(10))

    def between() -> None:
        (path,) = core.results.glob("batch_results_2*.csv")
        if next(turns) == 0:
            path.unlink() if what == "removed" else path.write_text("mine", encoding="utf-8")

    core.drainer.work(lambda: True, between)
    (path,) = core.results.glob("batch_results_2*.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbffilename,")
    assert len(core.all_rows()) == 4
    core.stop()


def test_what_arrives_and_what_people_take_away_is_in_the_balance(core: Core) -> None:
    drop(core, 6)
    core.take_in()
    (core.incoming / "001.png").unlink()
    (core.incoming / "002.png").rename(core.incoming / "new.png")
    first = iter([True])

    def between() -> None:
        if next(first, False):
            drop(core, 2, first=50)
        core.take_in()

    core.drainer.work(lambda: True, between)
    summary = core.drainer.close(settling=3)
    assert summary["waiting_before"] == 6
    assert summary["arrived"] == 3
    assert summary["gone"] == 2
    assert summary["total_processed"] == 7
    assert summary["waiting_after"] == 0
    assert summary["deferred"] == 3


def test_two_runs_in_one_second_have_files_of_their_own(core: Core) -> None:
    for number in range(2):
        drop(core, 1, first=number)
        core.drain()
    assert len(list(core.results.glob("batch_results_2*.csv"))) == 2
    assert len(core.all_rows()) == 2


def test_a_clock_that_is_set_back_harms_nothing(core: Core) -> None:
    drop(core, 2)
    core.take_in()
    core.work()
    core.clock.set_wall_clock(core.clock.now() - timedelta(days=400))
    drop(core, 2, first=10)
    summary = core.drain()
    assert summary["successful"] == 4
    assert summary["processing_time_seconds"] >= 0
    drop(core, 1, first=20)
    assert core.drain()["run"] == "20240908_020000"
    assert [s["successful"] for s in core.store.runs.summaries()] == [1, 4]


# --- photos that cannot be filed now -------------------------------------------------------------


def test_a_photo_cut_off_in_the_middle_waits_and_is_set_aside_only_after_its_time(
    core: Core,
) -> None:
    core.drop("a.png", tiny_photo()[:-16])
    assert core.drain()["run"] is None
    assert core.store.queue.waiting(core.clock.steady()).retrying == 1
    for _ in range(8):
        core.clock.advance(70)
        core.drain()
    assert set(core.files()) == {"incoming/a.png"}
    core.clock.advance(600)
    summary = core.drain()
    assert summary["failed"] == 1
    assert core.rows()[0]["reason"] == "truncated"


def test_a_photo_that_becomes_whole_is_filed_once(core: Core) -> None:
    core.drop("a.png", tiny_photo()[:-16])
    core.drain()
    core.drop("a.png", tiny_photo())
    summary = core.drain()
    assert summary["successful"] == 1
    assert len(core.all_rows()) == 1


def test_a_cut_off_photo_counts_its_time_without_the_wall_clock(core: Core) -> None:
    core.drop("a.png", tiny_photo()[:-16])
    core.drain()
    core.clock.set_wall_clock(core.clock.now() + timedelta(days=3))
    core.clock.advance(20)
    assert core.drain()["run"] is None


def test_one_photo_that_cannot_be_read_does_not_stop_the_others(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(core, 4)
    sick = core.incoming / "002.png"
    inode = sick.stat().st_ino
    read = os.read

    def failing(descriptor: int, count: int) -> bytes:
        """As a disk with a bad sector."""
        if os.fstat(descriptor).st_ino == inode:
            raise OSError(5, "Input/output error")
        return read(descriptor, count)

    monkeypatch.setattr("daemon.folders.photo_files.os.read", failing)
    core.take_in()
    core.work()
    assert len(core.all_rows()) == 3
    for _ in range(10):
        core.clock.advance(700)
        core.work()
    summary = core.drainer.close(settling=0)
    assert (summary["successful"], summary["failed"]) == (3, 1)
    assert core.rows()[3]["reason"] == "unreadable"
    assert (core.sorted / "_quarantine" / "002.png").exists()


def test_photos_that_another_program_holds_wait_and_the_others_go_on(core: Core) -> None:
    drop(core, 4)
    core.take_in()
    with leased(core.incoming / "000.png"), leased(core.incoming / "001.png"):
        for _ in range(12):  # more often than a photo that cannot be read is tried
            assert core.failing() is None
            core.clock.advance(700)
        assert len(core.all_rows()) == 2
    core.clock.advance(700)
    core.work()
    summary = core.drainer.close(settling=0)
    assert (summary["successful"], summary["failed"]) == (4, 0)


def test_a_batch_of_nothing_but_photos_in_use_is_no_trouble_of_the_share(core: Core) -> None:
    drop(core, 2)
    core.take_in()
    with leased(core.incoming / "000.png"), leased(core.incoming / "001.png"):
        assert core.failing() is None
    core.clock.advance(700)
    core.work()
    assert core.drainer.close(settling=0)["successful"] == 2


def test_a_filed_photo_that_another_program_holds_stops_nothing(core: Core) -> None:
    core.drop("a.png", tiny_photo("Shirts", 1))
    core.drain()
    with leased(core.sorted / "Shirts" / "a.png"):
        core.drop("copy.png", tiny_photo("Shirts", 1))
        assert core.drain()["successful"] == 1  # whether it is a duplicate could not be told
        assert core.corrector.notice_dragged(10) == 0


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EBUSY, errno.ETXTBSY])
def test_reading_that_another_program_forbids_is_no_trouble_of_the_share(
    core: Core, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    drop(core, 2)
    core.take_in()

    def refusing(_descriptor: int, _count: int) -> bytes:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("daemon.folders.photo_files.os.read", refusing)
        assert core.failing() is None
    core.clock.advance(700)
    core.work()
    assert core.drainer.close(settling=0)["successful"] == 2


def test_a_share_that_does_not_answer_blames_no_photo(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(core, 4)
    core.take_in()

    def failing(_descriptor: int, _count: int) -> bytes:
        raise OSError(116, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr("daemon.folders.photo_files.os.read", failing)
        for _ in range(12):
            assert isinstance(core.failing(), FolderUnavailable)
            core.drainer.recover()
            core.clock.advance(700)
    assert core.drain()["successful"] == 4


def test_an_incoming_folder_that_is_away_blames_no_photo(core: Core) -> None:
    drop(core, 1)
    core.take_in()
    away = core.incoming.with_name("away")
    core.incoming.rename(away)
    for _ in range(12):
        assert isinstance(core.failing(), TransientError)
        core.drainer.recover()
        core.clock.advance(700)
    away.rename(core.incoming)
    assert core.drain()["successful"] == 1


# --- folders and disks that fail -----------------------------------------------------------------


def test_results_that_cannot_be_written_stop_the_run_before_a_photo_moves(core: Core) -> None:
    drop(core, 6)
    core.take_in()
    core.results.chmod(0o500)
    try:
        with like_an_ordinary_user():
            assert core.failing() is not None
    finally:
        core.results.chmod(0o755)
    assert all(name.startswith("incoming/") for name in core.files())
    core.drainer.recover()
    assert core.drain()["successful"] == 6


def test_a_csv_that_fails_half_way_is_completed_from_the_store(tmp_path: Path) -> None:
    core = Core(tmp_path, batch_size=2, inline=True)
    drop(core, 6)
    core.take_in()
    away = core.results.with_name("away")
    turns = iter(range(10))

    def between() -> None:
        if next(turns) == 0:
            core.results.rename(away)

    with pytest.raises(TransientError):
        core.drainer.work(lambda: True, between)
    away.rename(core.results)
    core.drainer.recover()
    summary = core.drain()
    assert summary["successful"] == 6
    assert len(core.rows()) == len(core.all_rows()) == 6
    core.stop()


def test_a_photo_recorded_in_the_moment_of_trouble_has_its_row_when_the_run_is_closed(
    tmp_path: Path,
) -> None:
    class FullAfterwards(Intentions):
        def record(self, *args: Any) -> NoReturn:
            super().record(*args)
            raise DiskFull("state_dir: no space left")

    def full_afterwards(store: Store) -> Store:
        store.intentions = FullAfterwards(store._db)
        return store

    core = Core(tmp_path, inline=True, wrap=full_afterwards)
    drop(core, 1)
    core.take_in()
    assert core.failing() is not None
    assert core.drainer.close(settling=0)["successful"] == 1
    assert len(core.rows()) == 1
    core.stop()


def test_latest_that_cannot_be_replaced_never_fails_a_run(core: Core) -> None:
    (core.results / "batch_results_latest.csv").mkdir()
    drop(core, 2)
    summary = core.drain()
    assert summary["successful"] == 2
    assert (core.results / f"summary_{summary['run']}.json").exists()


def test_a_defect_of_ours_loses_no_photo_and_blames_none(tmp_path: Path) -> None:
    core = Core(tmp_path, batch_size=4, inline=True, think=FailingOnce(3, ValueError("a defect")))
    drop(core, 4)
    core.take_in()
    with pytest.raises(ValueError, match="a defect"):
        core.work()
    core.drainer.recover()
    assert core.drain()["successful"] == 4
    core.stop()


def test_a_defect_that_comes_with_one_photo_does_not_hold_up_the_others(tmp_path: Path) -> None:
    def think(picture: UInt8Array) -> Verdict:
        if 85 <= picture.mean() <= 170:
            raise ValueError("a defect")
        return by_tone(picture)

    core = Core(tmp_path, batch_size=4, inline=True, think=think)
    core.drop("odd.png", tiny_photo("review", 1))
    drop(core, 5)
    core.take_in()
    for _ in range(8):
        try:
            core.work()
        except ValueError:
            core.drainer.recover()
    assert len(core.all_rows()) == 5
    assert set(core.files()) >= {"incoming/odd.png"}
    assert core.store.queue.waiting(core.clock.steady()).retrying == 1
    core.stop()


# --- crashes -------------------------------------------------------------------------------------


def test_after_a_crash_the_run_goes_on_and_nothing_is_filed_twice(tmp_path: Path) -> None:
    deaths = iter([False] * 5 + [True])

    def reached(point: str) -> None:
        if point == "after_rename" and next(deaths, False):
            raise Crash

    core = Core(tmp_path, batch_size=2, reached=reached)
    drop(core, 8)
    core.take_in()
    with pytest.raises(Crash):
        core.work()
    core.restart()
    summary = core.recover_and_drain()
    assert summary["run"] == "20251013_020000"
    assert summary["total_processed"] == summary["successful"] == summary["waiting_before"] == 8
    assert len(core.rows()) == 8
    assert len(core.store.runs.summaries()) == 1
    core.stop()


def test_only_the_photo_that_crashes_the_program_is_set_aside(tmp_path: Path) -> None:
    def think(picture: UInt8Array) -> Verdict:
        if 85 <= picture.mean() <= 170:
            raise Crash
        return by_tone(picture)

    core = Core(tmp_path, batch_size=4, inline=True, think=think)
    drop(core, 3)
    core.drop("bomb.png", tiny_photo("review", 1))
    drop(core, 3, first=10)
    core.take_in()
    crashes = 0
    while core.store.queue.waiting(0).queued:
        try:
            core.work()
        except Crash:
            crashes += 1
            core.restart()
            core.drainer.recover()
    core.drainer.close(settling=0)
    assert crashes == 3
    by_name = {row["filename"]: row["reason"] for row in core.all_rows()}
    assert by_name.pop("bomb.png") == "crashes_decoder"
    assert set(by_name.values()) == {""}
    assert (core.sorted / "_quarantine" / "bomb.png").exists()
    core.stop()


def test_a_crash_while_its_twin_is_filed_is_no_crash_of_the_photo_that_waits(
    tmp_path: Path,
) -> None:
    die = iter([True])

    def reached(point: str) -> None:
        if point == "before_rename" and next(die, False):
            raise Crash

    core = Core(tmp_path, inline=True, reached=reached)
    for name in ("one.png", "two.png"):
        core.drop(name, tiny_photo("Shirts", 1))
    core.take_in()
    with pytest.raises(Crash):
        core.work()
    core._think = FailingOnce(2, Crash())  # and once more, while the second is looked at
    core.restart()
    core.drainer.recover()
    with pytest.raises(Crash):
        core.work()
    core._think = by_tone
    core.restart()
    summary = core.recover_and_drain()
    assert (summary["successful"], summary["duplicates"], summary["failed"]) == (1, 1, 0)
    core.stop()


def test_power_cuts_set_nothing_aside(tmp_path: Path) -> None:
    core = Core(tmp_path, batch_size=1, inline=True, think=FailingOnce(1, Crash()))
    drop(core, 1)
    core.take_in()
    for _ in range(4):
        core._think = FailingOnce(1, Crash())
        core.restart(reboot=True)
        core.drainer.recover()
        with pytest.raises(Crash):
            core.work()
    core._think = by_tone
    core.restart(reboot=True)
    assert core.recover_and_drain()["successful"] == 1
    core.stop()


def test_two_runs_that_were_never_closed_are_closed_and_continued(core: Core) -> None:
    for _ in range(2):
        core.store.runs.open("20251012_020000", core.clock.now(), "m")
    drop(core, 2)
    core.restart()
    summary = core.recover_and_drain()
    assert summary["run"] == "20251012_020000_2"
    assert core.store.runs.unclosed() == []


def test_an_interrupted_run_of_yesterday_is_finished_with_its_own_id(core: Core) -> None:
    drop(core, 2)
    core.take_in()
    core.work()
    core.clock.advance(86_400)
    core.restart()
    summary = core.recover_and_drain()
    assert summary["run"] == "20251013_020000"
    assert summary["total_processed"] == 2


def test_every_photo_has_one_line_in_the_log(core: Core) -> None:
    drop(core, 3)
    core.drop("bad.png", b"no photo")
    core.drop("twin.png", tiny_photo("Shirts", 1))
    with structlog.testing.capture_logs() as lines:
        core.drain()
    events = sorted(line["event"] for line in lines if line["event"].startswith("photo_"))
    assert events == ["photo_duplicate"] + ["photo_filed"] * 3 + ["photo_quarantined"]


def test_a_photo_touched_while_in_hand_settles_anew(core: Core) -> None:
    core.drop("a.png", tiny_photo())
    core.take_in()
    os.utime(core.incoming / "a.png", (5, 5))
    core.work()
    assert set(core.files()) == {"incoming/a.png"}
    core.clock.advance(5)
    core.drain()
    assert set(core.files()) == {"sorted/Shirts/a.png"}


def test_a_changed_photo_whose_folder_is_now_locked_is_tried_later(core: Core) -> None:
    core.drop("t/a.png", tiny_photo())
    core.take_in()
    photo = Photo(1, "t/a.png", Fingerprint(0, 0, 0), core.clock.now())
    assert Tree(core.incoming).fingerprint(photo.path) != photo.fingerprint
    (core.incoming / "t").chmod(0)
    try:
        with like_an_ordinary_user():
            core.work()
    finally:
        (core.incoming / "t").chmod(0o755)
    assert core.store.queue.waiting(core.clock.steady()).retrying == 1


def test_the_time_at_work_is_kept_as_the_run_goes_on_also_for_whoever_goes_on_after_a_kill(
    tmp_path: Path,
) -> None:
    def think(picture: UInt8Array) -> Verdict:
        clock.advance(1.0)
        return by_tone(picture)

    core = Core(tmp_path, batch_size=2, think=think, inline=True)
    clock = core.clock
    drop(core, 20)
    core.take_in()
    counted: list[float] = []

    def between() -> None:
        assert core.drainer.run is not None
        counted.append(core.store.runs.tally(core.drainer.run.id).busy_seconds)

    core.drainer.work(lambda: True, between)
    assert counted[0] > 0
    assert counted == sorted(counted)
    assert core.drainer.close(settling=0)["processing_time_seconds"] == pytest.approx(20.0)
    core.stop()

"""Backups of the database: made while it is written to, checked, kept for their time."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.errors import DiskFull, FolderUnavailable, RefusedError, StoreDamaged
from daemon.domain.photos import Fingerprint, Sighting
from daemon.folders.renaming import Entry, rename_new
from daemon.maintenance.backups import Backups
from daemon.maintenance.nightly_backup import NightlyBackup, backup_is_due
from daemon.store import DATABASE, SCHEMA_VERSION, Store
from daemon.store.copies import check_copy, damage
from tests.support.clocks import ManualClock
from tests.support.damage import overwrite_pages
from tests.support.disks import tiny_disk
from tests.support.flushing import watched

NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)
NAME = f"nightsort-2025-10-13T120000Z-schema{SCHEMA_VERSION}.db"
PHOTOS = 12_000
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a queue of so many photos that a backup pauses several times."""
    folder = tmp_path_factory.mktemp("database")
    with closing(Store(folder)) as store:
        queue(store, 0, PHOTOS)
    return folder / DATABASE


@pytest.fixture
def state(tmp_path: Path, database: Path) -> Path:
    """A state folder with that database."""
    shutil.copy(database, tmp_path)
    return tmp_path


@pytest.fixture
def backups(state: Path) -> Backups:
    return Backups(state, None, keep_days=14)


def queue(store: Store, first: int, last: int) -> None:
    store.admissions.admit(
        [Sighting(f"return-{n:08}.jpg", Fingerprint(n, 10, n)) for n in range(first, last)], NOON
    )


def no_pause() -> None:
    """Nobody else needs the disk."""


def test_a_backup_holds_what_the_database_held_and_says_so(backups: Backups) -> None:
    made = backups.make(NOON, pause=no_pause)
    assert made.path == backups.folder / NAME
    assert (made.contents.photos, made.contents.runs) == (PHOTOS, 0)
    assert made.contents == check_copy(made.path)
    assert [one.path for one in backups.listed()] == [made.path]


def test_a_backup_is_one_file_that_needs_nothing_beside_it(backups: Backups) -> None:
    made = backups.make(NOON, pause=no_pause)
    assert [*backups.folder.iterdir()] == [made.path]
    assert made.path.read_bytes()[18:20] == b"\1\1"  # no log belongs to it
    made.path.chmod(0o400)
    alone = shutil.copy(made.path, backups.state_dir / "alone.db")
    assert check_copy(Path(alone)).photos == PHOTOS
    assert [*backups.state_dir.glob("alone.db*")] == [Path(alone)]


def test_a_backup_is_on_the_disk_before_it_has_its_name(
    backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = watched(monkeypatch)

    def named(old: Entry, new: Entry, *how: Any) -> None:
        order.append(f"named {new.name}")
        rename_new(old, new, *how)

    monkeypatch.setattr("daemon.maintenance.backups.rename_new", named)
    backups.make(NOON, pause=no_pause)
    partial, *rest = order
    assert partial.startswith("flushed .nightsort-backup-")
    assert rest == [f"named {NAME}", "flushed backups"]


def test_whoever_writes_meanwhile_goes_on_and_the_backup_is_of_one_moment(
    backups: Backups,
) -> None:
    written: list[int] = []
    with closing(Store(backups.state_dir)) as store:

        def write() -> None:
            queue(store, PHOTOS + len(written), PHOTOS + 1 + len(written))
            written.append(1)

        made = backups.make(NOON, pause=write)
        assert len(written) > 1
        assert store.queue.waiting(0).queued == PHOTOS + len(written)
    assert made.contents.photos == PHOTOS


def test_a_backup_in_mid_transaction_holds_none_of_it(backups: Backups) -> None:
    with closing(sqlite3.connect(backups.state_dir / DATABASE, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM photos")
        made = backups.make(NOON, pause=no_pause)
        db.execute("ROLLBACK")
    assert made.contents.photos == PHOTOS


def test_a_backup_that_is_ended_half_way_leaves_nothing(backups: Backups) -> None:
    def end() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backups.make(NOON, pause=end)
    assert [*backups.folder.iterdir()] == []


def test_no_backup_takes_the_place_of_another_file(backups: Backups, tmp_path: Path) -> None:
    there = tmp_path / "thesis.db"
    there.write_bytes(b"years of work")
    with pytest.raises(RefusedError, match="is there already"):
        backups.make(NOON, there)
    assert there.read_bytes() == b"years of work"


def test_a_file_that_appears_meanwhile_is_not_replaced(backups: Backups, tmp_path: Path) -> None:
    target = tmp_path / "new.db"

    def write() -> None:
        target.write_bytes(b"mine")

    with pytest.raises(RefusedError, match="is there already"):
        backups.make(NOON, target, pause=write)
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["missing/new.db", "n" * 300])
def test_a_place_where_no_file_can_be_is_refused(
    backups: Backups, tmp_path: Path, name: str
) -> None:
    with pytest.raises(RefusedError, match="no backup can be written there"):
        backups.make(NOON, tmp_path / name)


def test_before_there_is_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no database yet"):
        Backups(tmp_path, None, keep_days=14).make(NOON)


def test_a_disk_without_room_is_told_before_a_byte_is_written(
    state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with tiny_disk(tmp_path_factory.mktemp("disk") / "tiny", "2m") as folder:
        with pytest.raises(DiskFull, match="a backup needs"):
            Backups(state, folder, keep_days=14).make(NOON)
        assert not [*folder.glob("nightsort*")]


def test_nothing_is_made_in_the_place_of_a_disk_that_is_away(state: Path, tmp_path: Path) -> None:
    away = tmp_path / "usb" / "nightsort"
    backups = Backups(state, away, keep_days=14)
    with pytest.raises(FolderUnavailable, match="mount its disk"):
        backups.make(NOON)
    with pytest.raises(FolderUnavailable, match="mount its disk"):
        backups.listed()
    assert not away.parent.exists()


@pytest.mark.parametrize("where", ["head", "middle"])
def test_a_backup_of_a_damaged_database_is_none_and_tells_of_the_damage(
    backups: Backups, where: str
) -> None:
    overwrite_pages(backups.state_dir / DATABASE, where)
    with pytest.raises(StoreDamaged, match="damaged"):
        backups.make(NOON, pause=no_pause)
    assert [*backups.folder.iterdir()] == []
    assert damage(backups.state_dir, thorough=True)


def test_old_backups_go_but_never_the_newest_nor_what_others_put_there(backups: Backups) -> None:
    made = [backups.make(NOON - days * DAY, pause=no_pause).path for days in (30, 20, 10)]
    others = [backups.folder / "notes.txt", backups.folder / "nightsort-old.db"]
    for other in others:
        other.write_text("mine", encoding="utf-8")
    assert backups.drop_old(NOON) == [made[1], made[0]]
    assert sorted(backups.folder.iterdir()) == sorted([made[2], *others])
    assert backups.drop_old(NOON + 1000 * DAY) == []
    assert made[2].exists()


def test_backups_are_kept_for_ever_when_that_is_wanted(state: Path) -> None:
    backups = Backups(state, None, keep_days=0)
    for days in (3000, 2000):
        backups.make(NOON - days * DAY, pause=no_pause)
    assert backups.drop_old(NOON) == []


def test_what_a_killed_backup_left_goes_after_a_day(backups: Backups) -> None:
    backups.make(NOON, pause=no_pause)
    old, new = (backups.folder / f".nightsort-backup-{name}.part" for name in ("old", "new"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    backups.drop_old(NOON)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    ("newest", "run_ended", "is_due"),
    [
        (None, LONG_AGO, True),
        (NOON - DAY, LONG_AGO, True),
        (NOON - 23 * HOUR, LONG_AGO, False),
        (NOON - 23 * HOUR, NOON - HOUR, True),
        (NOON - 23 * HOUR, NOON - DAY, False),
        (NOON - 11 * HOUR, NOON - HOUR, False),
    ],
)
def test_a_backup_is_due_once_a_day_and_after_the_nights_run(
    newest: datetime | None, run_ended: datetime, is_due: bool
) -> None:
    assert backup_is_due(newest, run_ended, NOON) is is_due


def nightly(backups: Backups, clock: ManualClock) -> NightlyBackup:
    made = NightlyBackup(backups, clock, is_wanted=True)
    made.note(LONG_AGO)
    return made


def test_by_itself_one_is_made_each_day_and_old_ones_go(state: Path) -> None:
    backups, clock = Backups(state, None, keep_days=2), ManualClock()
    itself = nightly(backups, clock)
    for _ in range(5 * 24):
        itself.turn()
        clock.advance(3600)
    ages = [clock.now() - backup.made_at for backup in backups.listed()]
    assert [age // DAY for age in ages] == [1, 2, 3]  # dropped when the newest is made
    assert itself.problem == ""


def test_while_somebody_works_none_is_begun(backups: Backups) -> None:
    itself = nightly(backups, ManualClock())
    itself.note(None)
    itself.turn()
    assert backups.listed() == []
    itself.note(LONG_AGO)
    itself.turn()
    assert len(backups.listed()) == 1


def test_a_clock_that_was_wrong_once_does_not_end_the_backups(backups: Backups) -> None:
    clock = ManualClock()
    backups.make(clock.now() + 4000 * DAY, pause=no_pause)
    nightly(backups, clock).turn()
    assert len(backups.listed()) == 2


@pytest.fixture
def refused(backups: Backups) -> Callable[[], None]:
    """A file stands where the folder should be; what makes room for it."""
    backups.folder.write_text("in the way", encoding="utf-8")
    return backups.folder.unlink


def test_a_failure_is_told_and_tried_again_within_the_hour(
    backups: Backups, refused: Callable[[], None]
) -> None:
    clock = ManualClock()
    itself = nightly(backups, clock)
    itself.turn()
    assert itself.problem.startswith("there is no new backup: ")
    refused()
    itself.turn()
    assert backups.listed() == []  # not yet: each try costs
    clock.advance(3600)
    itself.turn()
    assert len(backups.listed()) == 1
    assert itself.problem == ""


def test_damage_that_a_backup_shows_is_handed_on(backups: Backups) -> None:
    itself = nightly(backups, ManualClock())
    overwrite_pages(backups.state_dir / DATABASE, "middle")
    itself.turn()
    assert isinstance(itself.damage, StoreDamaged)

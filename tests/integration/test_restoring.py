"""An older database takes over; what was sorted since is told by results and folders."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.errors import DiskFull, FolderUnavailable, RefusedError, StoreDamaged
from daemon.domain.summaries import missing
from daemon.folders.own_files import RESERVATION
from daemon.maintenance.backups import Backups
from daemon.maintenance.repair import heal, suspecting
from daemon.maintenance.restore import UNRECONCILED, restore
from daemon.sorting.filer import FilingPolicy
from daemon.store import DATABASE, SCHEMA_VERSION, Intention, Intentions, Store, database, is_free
from daemon.store.copies import copy_database
from daemon.store.facts import RESTORED
from tests.support.core import running, tiny_photo
from tests.support.damage import overwrite_pages
from tests.support.disks import sealed, tiny_disk
from tests.support.flushing import watched
from tests.support.shop import Shop

LOGS = {f"{DATABASE}-wal", f"{DATABASE}-shm"}
NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=3)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    with running(shop):
        yield shop


def test_what_was_sorted_since_the_backup_is_in_the_history_as_it_was(shop: Shop) -> None:
    shop.night("return-1111.png", "return-2222.png")
    backup = shop.back_up()
    shop.drop("note.jpg", b"Please call back.")
    run = shop.night("tray/return-3333.png", "=cmd|'!A0.png", "r\n4.png", first=2)
    again = shop.night("return-5555.png", first=2)  # a duplicate
    files, history, summaries = shop.files(), shop.history(), shop.store.runs.summaries()
    shop.restore(backup)
    assert shop.files() == files
    assert shop.history() == history
    assert shop.store.runs.summaries() == summaries
    for known in (run, again):
        written = shop.results / f"batch_results_{known}.csv"
        assert shop.rebuilt(known) == written.read_bytes()
    assert shop.store.queue.waiting(0).queued == 0
    assert shop.store.facts.get(UNRECONCILED) is None
    assert all(
        len(shop.store.history.stories(name)) == 1 for name in ("return-1111.png", "note.jpg")
    )


def test_people_are_not_told_again_of_runs_that_were_recalled(shop: Shop) -> None:
    backup = shop.back_up()
    shop.night("return-1111.png")
    shop.restore(backup)
    assert shop.store.alerts.runs_to_tell() == []
    shop.night("return-2222.png", first=2)
    assert len(shop.store.alerts.runs_to_tell()) == 1


def test_a_photo_that_came_under_a_name_sorted_since_is_not_taken_for_that(shop: Shop) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png")
    shop.stop()
    restore(shop.state, backup, shop.clock.now())
    shop._start()
    shop.drop("return-1111.png", tiny_photo("Tops", 7))
    assert len(shop.take_in()) == 1  # before the results could be read
    shop.reconciler().reconcile()
    assert shop.store.queue.waiting(0).queued == 1
    assert shop.recover_and_drain()["successful"] == 1
    assert [row["category"] for row in shop.rows(run)] == ["Shirts"]
    assert (shop.sorted / "Tops/return-1111.png").read_bytes() == tiny_photo("Tops", 7)
    assert len(shop.all_rows()) == 2


def test_nothing_is_sorted_twice_after_a_restore(shop: Shop) -> None:
    backup = shop.back_up()
    shop.night("return-1111.png", "return-2222.png")
    rows = shop.all_rows()
    shop.restore(backup)
    assert shop.recover_and_drain()["run"] is None
    assert shop.all_rows() == rows
    shop.drop("again.png", tiny_photo("Shirts", 0))
    assert shop.recover_and_drain()["duplicates"] == 1


def test_photos_queued_in_the_backup_that_were_sorted_since_are_sorted_once(shop: Shop) -> None:
    shop.drop("queued.png", tiny_photo("Shirts", 1))
    shop.drop("taken.png", tiny_photo("Shirts", 2))
    shop.drop("waits.png", tiny_photo("Shirts", 3))
    shop.take_in()
    backup = shop.back_up()
    waits = shop.incoming / "waits.png"
    waits.rename(shop.state / "waits.png")
    (shop.incoming / "taken.png").unlink()
    run = shop.night()
    (shop.state / "waits.png").rename(waits)
    shop.restore(backup)
    assert shop.store.queue.waiting(0).queued == 2
    summary = shop.recover_and_drain()
    assert (summary["successful"], summary["gone"]) == (1, 1)
    assert [row["filename"] for row in shop.rows(run)] == ["queued.png"]
    assert sorted(row["filename"] for row in shop.all_rows()) == ["queued.png", "waits.png"]


def test_a_move_planned_in_the_backup_and_done_since_is_told_once(shop: Shop) -> None:
    """The backup is made in mid-run: between plan and record of a photo's move."""
    backups: list[Path] = []

    class BacksUp(Intentions):
        def plan(self, intentions: Iterable[Intention]) -> None:
            super().plan(intentions)
            backups.append(shop.back_up())
            shop.clock.advance(1)

    def backing_up(store: Store) -> Store:
        store.intentions = BacksUp(store._db)
        return store

    shop.stop()
    shop._wrap = backing_up
    shop._start()
    run = shop.night("a.png", "b.png", "c.png", "d.png", "e.png", "f.png")
    rows, history = shop.all_rows(), shop.history()
    shop._wrap = lambda store: store
    for backup in backups:
        shop.restore(backup)
        assert shop.recover_and_drain()["run"] is None
        assert shop.history() == history
        assert shop.all_rows() == rows
        assert shop.store.alerts.runs_to_tell() == []
    assert len(backups) > 1
    assert {row["run"] for row in rows} == {run}


def test_a_run_that_nobody_closed_is_closed_with_its_last_photo(shop: Shop) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png", "return-2222.png")
    (shop.results / f"summary_{run}.json").unlink()
    shop.restore(backup)
    (summary,) = shop.store.runs.summaries()
    assert (summary["run"], summary["total_processed"]) == (run, 2)
    assert summary["waiting_before"] + summary["arrived"] == 2
    assert (summary["gone"], summary["waiting_after"]) == (0, 0)
    assert datetime.fromisoformat(summary["started"]) == NOON - timedelta(hours=10)


@pytest.mark.parametrize("came", ["before the run", "in the run"])
def test_a_run_that_goes_on_balances_although_another_took_its_photos(
    shop: Shop, came: str
) -> None:
    """The backup was made in mid-run, and before that run told anything an older one took over."""
    older = shop.back_up()
    shop.clock.advance(1)
    shop.drop("first.png", tiny_photo("Shirts", 1))
    shop.take_in()
    with sealed(shop.results):
        assert shop.failing()
    if came == "in the run":
        shop.drop("second.png", tiny_photo("Shirts", 2))
        shop.take_in()
    in_mid_run = shop.back_up()
    shop.restore(older)
    shop.clock.advance(1)
    assert shop.recover_and_drain()["total_processed"] == 1 + (came == "in the run")
    shop.restore(in_mid_run)
    shop.drop("late.png", tiny_photo("Shirts", 3))
    shop.recover_and_drain()
    assert len(shop.store.runs.summaries()) == 2
    assert not any(missing(summary) for summary in shop.store.runs.summaries())


def test_corrections_made_since_the_backup_hold_again(shop: Shop) -> None:
    shop.night("return-1111.png", "return-2222.png", "return-3333.png")
    backup = shop.back_up()
    shop.night("return-4444.png", "return-5555.png", first=3)
    shop.corrector.correct("return-1111.png", "Tops", "anna")
    shop.corrector.correct("return-4444.png", "Tops", "anna")
    shop.clock.advance(60)
    shop.corrector.correct("return-4444.png", "Tshirts", "ben")
    shop.corrector.undo("return-2222.png", "ben")
    shop.corrector.undo("return-5555.png", "ben")
    shop.export_corrections()
    (shop.sorted / "Shirts/return-3333.png").rename(shop.sorted / "Tops/return-3333.png")
    shop.corrector.notice_dragged(100)
    history, files = shop.history(), shop.files()
    shop.restore(backup)
    shop.corrector.notice_dragged(100)
    assert shop.history() == history
    assert shop.recover_and_drain()["run"] is None  # what was put back is left alone
    assert shop.files() == files


def test_a_guess_that_was_confirmed_where_it_lay_is_still_confirmed(tmp_path: Path) -> None:
    shop = Shop(tmp_path, FilingPolicy(review_folder=False))
    with running(shop):
        shop.night("return-1111.png", category="review")
        backup = shop.back_up()
        shop.night("return-2222.png", "return-3333.png", first=1, category="review")
        shop.corrector.correct("return-1111.png", "Tops", "anna")
        shop.corrector.correct("return-2222.png", "Tops", "anna")
        shop.clock.advance(60)
        shop.corrector.correct("return-2222.png", "Shirts", "ben")
        shop.export_corrections()
        history, files = shop.history(), shop.files()
        shop.restore(backup)
        assert shop.history() == history
        shop.reconciler().reconcile()
        for name, words in (("1111", ["anna"]), ("2222", ["anna", "ben"]), ("3333", [])):
            (story,) = shop.store.history.stories(name)
            assert [one.person for one in shop.store.corrections.of(story.id)] == words
        assert shop.files() == files


def test_what_was_put_back_stays_put_back_although_it_was_queued_again(shop: Shop) -> None:
    shop.night("return-1111.png")
    backup = shop.back_up()
    shop.corrector.undo("return-1111.png", "ben")
    shop.export_corrections()
    shop.stop()
    restore(shop.state, backup, shop.clock.now())
    shop._start()
    shop.clock.advance(60)
    assert len(shop.take_in()) == 1  # the folders came back one by one
    shop.reconciler().reconcile()
    assert shop.recover_and_drain()["run"] is None
    assert (shop.incoming / "return-1111.png").exists()


def test_a_source_that_had_to_stay_is_not_taken_again_after_a_restore(shop: Shop) -> None:
    shop.clock.set_wall_clock(datetime.now(UTC))
    backup = shop.back_up()
    shop.clock.advance(1)
    shop.drop("kept.png", tiny_photo("Shirts", 1))
    shop.take_in()
    with sealed(shop.incoming):
        assert shop.recover_and_drain()["successful"] == 1
    assert (shop.incoming / "kept.png").exists()
    shop.restore(backup)
    assert shop.recover_and_drain()["run"] is None


def test_a_photo_dropped_again_since_is_a_new_one_after_a_restore(shop: Shop) -> None:
    backup = shop.back_up()
    shop.night("return-1111.png")
    shop.drop("return-1111.png", tiny_photo("Shirts", 0))
    shop.restore(backup)
    assert shop.recover_and_drain()["duplicates"] == 1


def test_photos_that_no_results_tell_of_any_more_get_their_row_in_a_new_run(shop: Shop) -> None:
    shop.clock.set_wall_clock(datetime.now(UTC) - timedelta(days=1))
    shop.night("known.png", first=5)
    (shop.sorted / "Tops-to-show").mkdir()
    shop.drop("queued.png", tiny_photo("Shirts", 1))
    shop.take_in()
    backup = shop.back_up()
    shop.clock.advance(1)
    run = shop.night("return-2222.png", first=2)
    (shop.results / f"batch_results_{run}.csv").unlink()
    (shop.results / f"summary_{run}.json").unlink()
    shop.drop("notes.txt", b"mine").rename(shop.sorted / "Shirts/notes.txt")
    shutil.copy(shop.sorted / "Shirts/known.png", shop.sorted / "Tops-to-show/copied.png")
    shop.restore(backup)
    found = shop.recover_and_drain()
    assert found["successful"] == 2
    assert len(shop.rows(found["run"])) == 2
    for name in ("queued.png", "return-2222.png"):
        (story,) = shop.store.history.stories(name)
        assert (story.state, story.place, story.run) == ("filed", f"Shirts/{name}", found["run"])
        assert (story.category, story.band) == ("Shirts", "check")
    assert shop.store.history.stories("notes.txt") == []
    assert shop.store.history.stories("copied.png") == []
    shop.drop("again.png", tiny_photo("Shirts", 1))
    assert shop.recover_and_drain()["duplicates"] == 1


def test_a_name_that_was_kept_for_a_photo_is_no_photo(shop: Shop) -> None:
    shop.clock.set_wall_clock(datetime.now(UTC) - timedelta(days=1))
    shop.night("return-1111.png")
    backup = shop.back_up()
    kept = shop.sorted / "Shirts/return-2222.png"
    kept.write_bytes(RESERVATION + b"\n")
    shop.restore(backup)
    assert not kept.exists()
    assert shop.recover_and_drain()["run"] is None
    assert shop.store.history.stories("return-2222.png") == []


def test_results_that_were_compressed_are_read_too(shop: Shop) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png")
    history = shop.history()
    written = shop.results / f"batch_results_{run}.csv"
    (shop.results / f"{written.name}.gz").write_bytes(gzip.compress(written.read_bytes()))
    written.unlink()
    shop.restore(backup)
    assert shop.history() == history


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("Shirts/", "../../etc/"),
        lambda text: text.replace("filename,", "name,"),
        lambda text: text.replace("success", "splendid"),
        lambda text: text.replace(",auto,", ",certain,"),
        lambda text: text.replace(",0.98", ",7.98"),
        lambda text: text.replace(",0.98", ",-0.98"),
        lambda text: re.sub(",0[.][0-9]{4}", ",nan", text),
        lambda text: re.sub(",2025-[^,]*,", ",0001-01-01T00:00:00+14:00,", text),
        lambda text: re.sub(",2025-[^,]*,", ",2025-10-13,", text),
        lambda text: "\0" * 50,
        lambda text: text.replace(",", ";"),
    ],
)
def test_results_that_somebody_changed_are_not_believed(
    shop: Shop, spoil: Callable[[str], str]
) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png")
    csv = shop.results / f"batch_results_{run}.csv"
    csv.write_text(spoil(csv.read_text(encoding="utf-8-sig")), encoding="utf-8-sig")
    shop.restore(backup)
    assert shop.store.history.stories("../../etc/return-1111.png") == []
    assert all(story.run != run for story in shop.store.history.stories("1111"))
    assert shop.recover_and_drain()["successful"] == 1  # as found, in a run of its own
    (story,) = shop.store.history.stories("1111")
    assert story.place == "Shirts/return-1111.png"
    assert (shop.sorted / "Shirts/return-1111.png").exists()


@pytest.mark.parametrize(
    "said",
    [
        {"started": "yesterday"},
        {"finished": "2025-10-13T02:00:00"},
        {"finished": "9999-12-31T23:59:59-14:00"},
        {"successful": -2},
        {"successful": 7},
        {"total_processed": 10**400},
        {"average_confidence": float("nan")},
        {"categories": {"Shirts": "many"}},
        {"confidence_distribution": {"auto": 2}},
        {"errors": ["none"]},
        {"model": "\ud800"},
    ],
)
def test_a_summary_that_somebody_changed_is_counted_anew(
    shop: Shop, said: dict[str, object]
) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png", "return-2222.png")
    (summary,) = shop.store.runs.summaries()
    told = shop.results / f"summary_{run}.json"
    told.write_text(json.dumps(json.loads(told.read_text(encoding="utf-8")) | said), "utf-8")
    shop.restore(backup)
    (counted,) = shop.store.runs.summaries()
    same = "run", "total_processed", "successful", "categories", "confidence_distribution"
    assert {key: dict(counted)[key] for key in same} == {key: dict(summary)[key] for key in same}
    assert counted["waiting_before"] + counted["arrived"] == 2


def test_a_summary_of_a_night_with_very_many_failures_is_believed(shop: Shop) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png")
    told = shop.results / f"summary_{run}.json"
    summary = json.loads(told.read_text(encoding="utf-8"))
    summary |= {"total_processed": 20_001, "failed": 20_000, "waiting_before": 20_001}
    summary["errors"] = [{"filename": f"{n}.jpg", "error": "x" * 50} for n in range(20_000)]
    told.write_text(json.dumps(summary), encoding="utf-8")
    shop.restore(backup)
    assert shop.store.runs.summaries() == [summary]


@pytest.mark.parametrize(
    ("worth", "is_believed"),
    [
        ({"measured": {"review": {"seconds": 31.2, "photos": 412, "weeks": 12}}}, True),
        ({"saved_hours": "<b>many</b>"}, False),
        ({"measured": {"auto": {"seconds": 31.2, "photos": 412, "weeks": 12}}}, False),
        ({"assumed": {"wage_per_hour": "=1+1"}}, False),
    ],
)
def test_a_run_whose_worth_is_strange_is_believed_without_it(
    shop: Shop, worth: dict[str, object], is_believed: bool
) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png")
    told = shop.results / f"summary_{run}.json"
    summary = json.loads(told.read_text(encoding="utf-8"))
    summary["value"] |= worth
    told.write_text(json.dumps(summary), encoding="utf-8")
    shop.restore(backup)
    if not is_believed:
        del summary["value"]
    assert shop.store.runs.summaries() == [summary]


PACKED = gzip.compress(b"filename,category\r\n" * 100, mtime=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("batch_results_99999999_999999.csv", b""),
        ("batch_results_00010101_000000.csv", b""),
        ("batch_results_20251013_010000.csv.gz", b"no gzip at all"),
        ("batch_results_20251013_010000.csv.gz", PACKED[:-12]),
        ("batch_results_20251013_010000.csv.gz", PACKED[:10] + b"\xff" * 20),
        ("exports/corrections_20251013.csv.gz", PACKED[:10] + b"\xff" * 20),
        ("batch_results_20251013_020000.csv.gz", PACKED),  # beside the plain one
    ],
    ids=["no time", "year one", "no gzip", "cut off", "damaged", "corrections", "packed anew"],
)
def test_a_file_that_somebody_put_among_the_results_keeps_no_restore_from_its_end(
    shop: Shop, name: str, content: bytes
) -> None:
    backup = shop.back_up()
    run = shop.night("return-1111.png")
    history = shop.history()
    assert run == "20251013_020000"
    (shop.results / "exports").mkdir(exist_ok=True)
    (shop.results / name).write_bytes(content)
    shop.restore(backup)
    assert shop.history() == history


def test_a_line_without_end_does_not_fill_the_memory(shop: Shop) -> None:
    backup = shop.back_up()
    shop.night("return-1111.png")
    history = shop.history()
    bomb = gzip.compress(b"x" * 100_000_000, compresslevel=1)
    (shop.results / "batch_results_20251013_010000.csv.gz").write_bytes(bomb)
    tracemalloc.start()
    try:
        shop.restore(backup)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 30_000_000
    assert shop.history() == history


def test_a_reconciliation_that_is_interrupted_goes_on_at_the_next_start(shop: Shop) -> None:
    backup = shop.back_up()
    for night in range(3):
        shop.night(*(f"return-{night}{n:03}.png" for n in range(3)), first=10 * night)
    history = shop.history()
    shop.stop()
    restore(shop.state, backup, shop.clock.now())
    starts = 0
    while True:
        shop._start()
        left = iter([True] * starts)
        if shop.reconciler().reconcile(lambda left=left: next(left, False)):  # type: ignore[misc]
            break
        shop.stop()
        starts += 1
        assert starts < 50
    assert starts > 5
    assert shop.history() == history


# --- what is refused -----------------------------------------------------------------------------


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flipped(file: Path) -> None:
    """A bit of a name, of which no page tells that it is wrong."""
    file.write_bytes(file.read_bytes().replace(b"return-7.png", b"return-6.png"))


def text(file: Path) -> None:
    file.write_text("Dear nightsort, please restore me.\n" * 1000, encoding="utf-8")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def foreign(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE recipes (name)")
        db.commit()


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def of_another(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("UPDATE facts SET value = json_replace(value, '$.instance', 'abcdef')")
        db.execute("PRAGMA application_id = 0")  # as one has that was made before checksums
        db.commit()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "is damaged"),
        (lambda file: overwrite_pages(file, "middle"), "is damaged"),
        (lambda file: overwrite_pages(file, "head"), "is not a database"),
        (flipped, "its bytes are not those that were written"),
        (folder, "is no file"),
        (fifo, "is no file"),
        (text, "is not a database"),
        (lambda file: file.write_bytes(b""), "is not a database"),
        (foreign, "not one of nightsort's"),
        (newer, "newer nightsort"),
        (of_another, "of another nightsort"),
        (Path.unlink, "there is no such file"),
    ],
)
def test_a_file_that_cannot_be_restored_is_refused_and_changes_nothing(
    shop: Shop, spoil: Callable[[Path], None], said: str
) -> None:
    shop.night(*(f"return-{n}.png" for n in range(60)))
    shop.store.facts.remember("presence", {"instance": "012345", "folders": {}})
    backup = shop.back_up()
    spoil(backup)
    shop.stop()
    before = (shop.state / DATABASE).read_bytes()
    with pytest.raises(RefusedError, match=said) as refused:
        restore(shop.state, backup, shop.clock.now())
    assert len(str(refused.value).splitlines()) == 1
    assert (shop.state / DATABASE).read_bytes() == before
    assert {path.name for path in shop.state.iterdir()} - LOGS == {DATABASE, "backups"}


def test_a_restored_database_is_no_backup_and_has_no_checksum(shop: Shop, tmp_path: Path) -> None:
    shop.night("return-1111.png")
    shop.restore(shop.back_up())
    shop.night("return-2222.png", first=2)
    history = shop.history()
    shop.stop()
    raw = tmp_path / "raw.db"
    shutil.copy(shop.state / DATABASE, raw)
    shop.restore(raw)
    assert shop.history() == history


def test_too_little_room_for_a_restore_is_told_before_a_byte_is_written(
    shop: Shop, tmp_path: Path
) -> None:
    backup = shop.back_up()
    with tiny_disk(tmp_path / "tiny", "100k") as state:
        with pytest.raises(DiskFull, match="a restore needs"):
            restore(state, backup, shop.clock.now())
        assert [*state.iterdir()] == []


def test_what_a_killed_restore_had_begun_goes_at_the_next_start(shop: Shop) -> None:
    parts = [shop.state / f"{DATABASE}.part{end}" for end in ("", "-wal", "-journal")]
    for part in parts:
        part.write_bytes(b"half of it")
    shop.heal()
    assert not any(part.exists() for part in parts)


def test_a_backup_of_another_nightsort_is_taken_where_that_is_meant(shop: Shop) -> None:
    shop.store.facts.remember("presence", {"instance": "012345", "folders": {}})
    backup = shop.back_up()
    of_another(backup)
    shop.stop()
    restore(shop.state, backup, shop.clock.now(), anyway=True)
    shop._start()
    assert shop.store.facts.get("presence")["instance"] == "abcdef"


def test_a_raw_copy_with_its_log_is_restored_whole(shop: Shop) -> None:
    """As an administrator copied it, from a machine that lost its power."""
    shop.night("return-1111.png")
    raw = shop.state / "raw"
    raw.mkdir()
    for name in (DATABASE, f"{DATABASE}-wal"):
        shutil.copy(shop.state / name, raw)
    assert (raw / f"{DATABASE}-wal").stat().st_size
    history = shop.history()
    shutil.rmtree(shop.results)
    shop.results.mkdir()
    shop.restore(raw / DATABASE)
    assert shop.history() == history
    shop.stop()
    restore(shop.state, raw / DATABASE, shop.clock.now())
    assert (shop.state / DATABASE).read_bytes()[18:20] == b"\1\1"  # no log belongs to it
    shop._start()


# --- the present database is kept ----------------------------------------------------------------


def test_the_present_database_is_kept_with_its_log(shop: Shop) -> None:
    backup = shop.back_up()
    shop.night("return-1111.png")
    history = shop.history()
    shutil.copytree(shop.state, shop.state.with_name("crashed"))
    shop.restore(backup)
    (aside,) = shop.state.glob(f"{DATABASE}.set-aside-*Z")
    shop.restore(aside)
    assert shop.history() == history
    assert len([*shop.state.glob(f"{DATABASE}.set-aside-*Z*")]) >= 2


def test_the_log_of_a_database_that_crashed_is_not_taken_for_that_of_the_restored_one(
    shop: Shop, tmp_path: Path
) -> None:
    backup = shop.back_up()
    shop.night("return-1111.png")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in (DATABASE, f"{DATABASE}-wal"):
        shutil.copy(shop.state / name, crashed)
    log = (crashed / f"{DATABASE}-wal").read_bytes()
    done = restore(crashed, backup, shop.clock.now())
    assert done.set_aside is not None
    assert (crashed / f"{DATABASE}-wal").read_bytes() == b""
    assert done.set_aside.with_name(f"{done.set_aside.name}-wal").read_bytes() == log
    with closing(Store(crashed)) as store:
        assert store.history.stories("return-1111.png") == []
    with closing(sqlite3.connect(done.set_aside)) as db:
        assert db.execute("SELECT filename FROM photos").fetchall() == [("return-1111.png",)]


def is_locked(folder: Path, how: int) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_nobody_opens_the_database_while_another_takes_its_place(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file and the other's log would be mixed."""
    backup = shop.back_up()
    shop.stop()
    (shop.state / f"{DATABASE}-wal").write_bytes(b"as a crash leaves one")
    renamed: dict[str, bool] = {}
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        renamed[Path(target).name] = is_locked(shop.state, fcntl.LOCK_SH)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    restore(shop.state, backup, shop.clock.now())
    staged, *swapped = renamed
    assert not renamed[staged]
    assert all(renamed[name] for name in swapped)
    assert len(swapped) >= 3
    monkeypatch.undo()
    shop._start()


@pytest.mark.parametrize(
    "opener",
    [
        lambda state: Store(state).close(),
        lambda state: Store(state, reading=True).close(),
        is_free,
        lambda state: copy_database(state, state / "copy.db", lambda: None, {}),
    ],
    ids=["writing", "reading", "glancing", "copying"],
)
def test_none_takes_the_place_of_a_database_that_somebody_is_opening(
    shop: Shop, opener: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its first statement was executed; then its log is open too."""
    held: list[bool] = []
    execute = database._Connection.execute

    def watched(self: database._Connection, *args: Any) -> sqlite3.Cursor:
        held.append(is_locked(shop.state, fcntl.LOCK_EX))
        return execute(self, *args)

    monkeypatch.setattr(database._Connection, "execute", watched)
    opener(shop.state)
    assert held[0]
    assert not is_locked(shop.state, fcntl.LOCK_EX)


def test_each_step_of_a_restore_is_on_the_disk_before_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = shop.back_up()
    shop.stop()
    with monkeypatch.context() as patch:
        order = watched(patch)
        restore(shop.state, backup, shop.clock.now())
    label = f"{shop.clock.now():%Y-%m-%dT%H%M%SZ}"
    steps = [
        [f"named {name}", "flushed state"]
        for name in (f"{DATABASE}.staged-{label}", f"{DATABASE}.set-aside-{label}", DATABASE)
    ]
    left = [one for one in order if not one.endswith(("-wal", "-shm"))]
    assert left[0] == f"flushed {DATABASE}.part"
    assert [left[at : at + 2] for at, one in enumerate(left) if one.startswith("named")] == steps
    shop._start()


def test_a_crash_at_any_step_of_a_restore_leaves_the_old_or_the_new(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.night("return-1111.png")
    backup = shop.back_up()
    shop.night("return-2222.png", first=1)
    history = shop.history()
    shop.stop()
    whole = shop.state.with_name("whole")
    shutil.copytree(shop.state, whole)

    class Crash(BaseException):
        pass

    real = Path.replace
    for steps in range(10):
        left = [steps]

        def replace(self: Path, target: Path, left: list[int] = left) -> Path:
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return real(self, target)

        shutil.rmtree(shop.state)
        shutil.copytree(whole, shop.state)
        monkeypatch.setattr(Path, "replace", replace)
        try:
            restore(shop.state, backup, shop.clock.now())
            crashed = False
        except Crash:
            crashed = True
        monkeypatch.setattr(Path, "replace", real)
        shop._start()
        shop.heal()
        assert shop.history() == history
        shop.stop()
        if not crashed:
            break
    assert steps >= 2
    shop._start()


# --- damage at the start -------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["head", "middle", "cut off"])
def test_a_damaged_database_is_set_aside_and_the_newest_good_backup_takes_over(
    shop: Shop, where: str
) -> None:
    shop.night(*(f"return-{n}.png" for n in range(60)))
    good = shop.back_up()
    shop.night("since.png", first=60)
    spoilt = shop.back_up()
    overwrite_pages(spoilt, "middle")
    history = shop.history()
    shop.stop()
    overwrite_pages(shop.state / DATABASE, where)
    damaged = (shop.state / DATABASE).read_bytes()
    shop._start = lambda: None  # type: ignore[method-assign]
    shop.stop = lambda: None  # type: ignore[method-assign]
    heal(shop.backups, shop.clock.now(), str)
    del shop._start, shop.stop
    shop._start()
    assert shop.reconciler().reconcile()
    assert shop.history() == history
    told = shop.store.facts.get(RESTORED)
    assert told["backup"] == good.name
    assert Path(told["set_aside"]).read_bytes() == damaged


def test_a_backup_of_another_nightsort_in_the_same_folder_is_passed_over(shop: Shop) -> None:
    shop.store.facts.remember("presence", {"instance": "012345", "folders": {}})
    shop.night("return-1111.png")
    mine = shop.back_up()
    shop.clock.advance(60)
    of_another(shop.back_up())
    (shop.state / DATABASE).unlink()
    shop.heal("012345")
    assert shop.store.facts.get(RESTORED)["backup"] == mine.name


def test_a_backup_made_while_the_clock_was_ahead_is_not_the_newest(shop: Shop) -> None:
    now = shop.clock.now()
    shop.clock.set_wall_clock(now + timedelta(days=4000))
    ahead = shop.back_up()
    shop.clock.set_wall_clock(now)
    shop.night("return-1111.png")
    newest = shop.back_up()
    (shop.state / DATABASE).unlink()
    shop.heal()
    assert shop.store.facts.get(RESTORED)["backup"] == newest.name
    newest.unlink()
    (shop.state / DATABASE).unlink()
    shop.heal()
    assert shop.store.facts.get(RESTORED)["backup"] == ahead.name


def test_without_a_good_backup_a_new_database_learns_all_from_the_results(shop: Shop) -> None:
    shop.night(*(f"return-{n}.png" for n in range(60)))
    shop.night("since.png", first=60)
    history = shop.history()
    shop.stop()
    overwrite_pages(shop.state / DATABASE, "head")
    heal(shop.backups, shop.clock.now(), lambda: "012345")
    shop._start()
    assert shop.store.facts.get("presence")["instance"] == "012345"
    assert shop.reconciler().reconcile()
    assert shop.history() == history
    assert shop.store.facts.get(RESTORED)["backup"] is None
    assert shop.recover_and_drain()["run"] is None


def test_a_damaged_database_waits_for_backups_whose_disk_is_away(
    shop: Shop, tmp_path: Path
) -> None:
    shop.night(*(f"return-{n}.png" for n in range(60)))
    shop.stop()
    overwrite_pages(shop.state / DATABASE, "head")
    damaged = (shop.state / DATABASE).read_bytes()
    with pytest.raises(FolderUnavailable, match="mount its disk"):
        heal(Backups(shop.state, tmp_path / "usb", keep_days=14), shop.clock.now(), str)
    assert (shop.state / DATABASE).read_bytes() == damaged
    shop.heal()


@pytest.mark.parametrize("left", [None, b""])
def test_a_database_that_is_gone_comes_back_from_its_backup(shop: Shop, left: bytes | None) -> None:
    shop.night("return-1111.png")
    shop.back_up()
    history = shop.history()
    shop.stop()
    (shop.state / DATABASE).unlink()
    if left is not None:
        (shop.state / DATABASE).write_bytes(left)
    heal(shop.backups, shop.clock.now(), str)
    shop._start()
    assert shop.reconciler().reconcile()
    assert shop.history() == history


def test_a_healthy_or_a_new_or_a_newer_database_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    shop.night("return-1111.png")
    shop.back_up()
    shop.heal()
    assert shop.store.facts.get(RESTORED) is None
    newer(shop.state / DATABASE)
    shop.stop()
    heal(shop.backups, shop.clock.now(), str)
    assert not [*shop.state.glob("*set-aside*")]
    new = tmp_path / "new"
    new.mkdir()
    heal(Backups(new, None, keep_days=14), NOON, str)
    assert [*new.iterdir()] == []
    with closing(sqlite3.connect(shop.state / DATABASE)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    shop._start()


def drop_a_row_of_an_index(database: Path) -> None:
    """As a lost write does: a photo is there, and no look by its name finds it."""
    changes = (
        "UPDATE sqlite_schema SET sql = sql || ' WHERE id < 0' WHERE name = 'photos_filename'",
        "UPDATE photos SET filename = 'lost.png' WHERE id = 1",
        "UPDATE sqlite_schema SET sql = replace(sql, ' WHERE id < 0', '') WHERE type = 'index'",
    )
    for change in changes:
        with closing(sqlite3.connect(database)) as db:
            db.execute("PRAGMA writable_schema = ON")
            db.execute(change)
            db.commit()


def test_damage_that_only_a_thorough_look_finds_is_healed_once_it_showed(shop: Shop) -> None:
    shop.night(*(f"return-{n}.png" for n in range(60)))
    shop.back_up()
    shop.stop()
    drop_a_row_of_an_index(shop.state / DATABASE)
    heal(shop.backups, shop.clock.now(), str)
    assert not [*shop.state.glob("*set-aside*")]
    with pytest.raises(StoreDamaged), suspecting(shop.state):
        raise StoreDamaged("it showed")
    heal(shop.backups, shop.clock.now(), str)
    assert [*shop.state.glob("*set-aside*")]
    assert not [*shop.state.glob("*suspect*")]
    shop._start()


def test_damage_that_shows_in_mid_run_has_its_own_error(shop: Shop) -> None:
    shop.night(*(f"return-{n}.png" for n in range(60)))
    shop.stop()
    shop._start()
    with (shop.state / DATABASE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 100_000)
    with pytest.raises(StoreDamaged, match="start nightsort again"):
        shop.store.history.newest_filed(1000)

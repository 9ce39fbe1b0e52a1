"""What the store remembers, in which order it gives it out, and how fast it finds it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.verdict import Band
from config.errors import ConfigError, DiskFull, PhotoProblem, RefusedError, StoreDamaged
from daemon.domain.left_alone import Held
from daemon.domain.photos import Fingerprint, Photo, Sighting, Status
from daemon.domain.sorting import Examined, Move, Outcome
from daemon.store import DATABASE, Intention, Store
from tests.support.classifiers import verdict
from tests.support.core import WAREHOUSE
from tests.support.documents import part_of_summary
from tests.support.rights import like_an_ordinary_user

NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)
STEADY = 1000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def sighting(path: str, inode: int = 1, size_bytes: int = 10, mtime_ns: int = 5) -> Sighting:
    return Sighting(path, Fingerprint(inode, size_bytes, mtime_ns))


def admit(store: Store, *paths: str, run: str | None = None) -> None:
    store.admissions.admit([sighting(path) for path in paths], NOON)


def open_run(store: Store, at: datetime = NOON) -> str:
    return store.runs.open(at.strftime("%Y%m%d_%H%M%S"), at, "scripted 1").id


def claim(store: Store, run: str, limit: int = 100, **options: Any) -> list[Photo]:
    return store.queue.claim(run, limit, STEADY, "boot-1", **options)


def intention(photo: Photo, run: str, status: Status = Status.SUCCESS, sha: str = "") -> Intention:
    sha = sha or f"{photo.id:064x}"
    problem = PhotoProblem.CORRUPT if status is Status.ERROR else None
    examined = (
        Examined(photo, photo.fingerprint, sha, None, problem, "cannot be read")
        if problem
        else Examined(photo, photo.fingerprint, sha, verdict())
    )
    move = Move(photo.id, photo.path, f"Shirts/{photo.path}", photo.fingerprint, sha)
    return Intention(move, examined, status, run)


def file(store: Store, photo: Photo, run: str, **options: Any) -> int:
    """Plan and record a photo; how many lines that made."""
    planned = intention(photo, run, **options)
    store.intentions.plan([planned])
    return record(store, planned)


def record(store: Store, planned: Intention, *, kept_source: bool = False) -> int:
    outcome = Outcome(planned.examined, planned.status, planned.move.target, NOON, kept_source)
    return len(
        store.intentions.record([(outcome, WAREHOUSE.row(outcome, planned.run))], planned.run)
    )


def paths(photos: Sequence[Photo]) -> list[str]:
    return [photo.path for photo in photos]


# --- admission ---------------------------------------------------------------------------------


def test_a_photo_seen_again_is_queued_once(store: Store) -> None:
    assert len(store.admissions.admit([sighting("a.jpg"), sighting("a.jpg")], NOON)) == 1
    assert store.admissions.unknown([sighting("a.jpg")]) == []
    assert store.queue.waiting(STEADY).queued == 1


def test_a_queued_file_that_was_replaced_keeps_its_place_as_it_is_now(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg")
    changed = sighting("a.jpg", inode=2, size_bytes=99)
    assert store.admissions.unknown([changed]) == [changed]
    assert store.admissions.admit([changed], NOON) == []
    claimed = claim(store, open_run(store))
    assert paths(claimed) == ["a.jpg", "b.jpg"]
    assert claimed[0].fingerprint == changed.fingerprint


def test_a_file_that_took_the_name_of_one_in_hand_is_new_to_the_queue(store: Store) -> None:
    admit(store, "a.jpg")
    claim(store, open_run(store))
    successor = sighting("a.jpg", inode=2)
    assert store.admissions.unknown([successor]) == [successor]
    assert store.admissions.admit([successor], NOON) == []  # not before the first is out of hand
    assert store.queue.waiting(STEADY).queued == 1


def test_a_photo_dropped_again_after_it_was_filed_is_a_new_one(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    file(store, claim(store, run)[0], run)
    assert len(store.admissions.admit([sighting("a.jpg")], NOON)) == 1


@pytest.mark.parametrize("inode", [1, 77])
def test_a_source_that_had_to_stay_is_not_new_not_even_after_a_remount(
    store: Store, inode: int
) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    planned = intention(claim(store, run)[0], run)
    store.intentions.plan([planned])
    record(store, planned, kept_source=True)
    assert store.admissions.unknown([sighting("a.jpg", inode=inode)]) == []
    assert store.admissions.admit([sighting("a.jpg", inode=inode)], NOON) == []


def test_forgetting_a_touched_source_remembers_its_new_time_and_keeps_the_balance(
    store: Store,
) -> None:
    admit(store, "a.jpg")
    first = open_run(store)
    planned = intention(claim(store, first)[0], first)
    store.intentions.plan([planned])
    record(store, planned, kept_source=True)
    touched = sighting("a.jpg", mtime_ns=6)
    store.admissions.admit([touched], NOON)
    second = open_run(store)
    photo = claim(store, second)[0]
    assert store.intentions.was_left_behind("a.jpg", planned.move.sha256)
    store.queue.forget(photo, planned.move.sha256, second)
    assert store.admissions.unknown([touched]) == []
    tally = store.runs.tally(second)
    assert (tally.waiting_before, tally.arrived, tally.waiting_after) == (0, 0, 0)
    assert store.history.twins(planned.move.sha256) == [("Shirts/a.jpg", 10)]


def test_names_that_are_no_text_come_back_byte_for_byte(store: Store) -> None:
    name = "caf\udce9 \U0001f455 'x' \n.jpg"
    admit(store, name)
    run = open_run(store)
    photo = claim(store, run)[0]
    assert photo.path == name
    file(store, photo, run)
    assert [row.source for row in store.runs.rows(run)] == [name]


# --- the queue ---------------------------------------------------------------------------------


def test_photos_are_claimed_in_the_order_of_their_arrival(store: Store) -> None:
    admit(store, "c.jpg", "a.jpg", "b.jpg")
    run = open_run(store)
    assert paths(claim(store, run, 2)) == ["c.jpg", "a.jpg"]
    assert paths(claim(store, run, 2)) == ["b.jpg"]
    assert claim(store, run, 2) == []


def test_a_photo_given_back_waits_for_its_time(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg")
    run = open_run(store)
    store.queue.give_back(claim(store, run)[:1], retry_at=STEADY + 15)
    store.queue.release(claim(store, run))
    assert claim(store, run) == []
    assert store.queue.next_retry(STEADY) == STEADY + 15
    assert store.queue.waiting(STEADY).retrying == 1
    again = store.queue.claim(run, 10, STEADY + 15, "boot-1")
    assert [(photo.path, photo.attempts) for photo in again] == [("a.jpg", 1)]


def test_a_photo_given_back_again_and_again_is_named_with_since_when_and_why(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg")
    run, at = open_run(store), datetime(2025, 10, 13, 2, 10, tzinfo=UTC)
    store.queue.give_back(claim(store, run)[:1], at=at, why="Permission denied")
    (again,) = claim(store, run)
    assert store.queue.failing(at + timedelta(minutes=59), 3600, 20) == []
    later = at + timedelta(hours=2)
    store.queue.give_back([again], at=later, why="Input/output error")
    assert store.queue.failing(later, 3600, 20) == [Held("a.jpg", 7200.0, "Input/output error")]
    (again,) = claim(store, run)
    assert store.queue.failing(later, 3600, 20)[0].name == "a.jpg"  # in hand, too
    store.queue.resettle(again, Fingerprint(1, 2, 3), 0.0)
    assert store.queue.failing(later, 0, 20) == []


def test_a_clock_that_began_anew_makes_nobody_wait_for_days(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    store.queue.give_back(claim(store, run), retry_at=900_000.0)
    assert paths(store.queue.claim(run, 10, 20.0, "boot-2")) == ["a.jpg"]


def test_somebody_asking_makes_everything_due(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    store.queue.give_back(claim(store, run), retry_at=STEADY + 600)
    assert not store.queue.is_anything_due(STEADY)
    store.queue.retry_now()
    assert store.queue.is_anything_due(STEADY)


def test_a_photo_that_was_changed_is_judged_afresh(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    for _ in range(2):
        claim(store, run)
        store.queue.return_claimed("boot-1")
    photo = next(iter(store.queue.return_claimed("boot-1")), None)
    assert photo is not None
    store.queue.resettle(photo, Fingerprint(2, 20, 6), retry_at=0)
    claimed = claim(store, run)
    assert not claimed[0].alone
    assert store.queue.return_claimed("boot-1") == []


# --- crashes -----------------------------------------------------------------------------------


def test_after_a_crash_what_was_in_hand_is_tried_one_by_one_and_last(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg", "c.jpg")
    run = open_run(store)
    claim(store, run, 2)
    assert store.queue.return_claimed("boot-1") == []
    assert paths(claim(store, run)) == ["c.jpg"]
    assert claim(store, run, hands_free=False) == []
    assert paths(claim(store, run)) == ["a.jpg"]


def test_a_photo_that_was_alone_at_two_crashes_is_named_and_its_neighbours_are_not(
    store: Store,
) -> None:
    admit(store, "a.jpg", "bad.jpg", "b.jpg")
    run = open_run(store)
    claim(store, run)
    suspects: list[Photo] = []
    crashes = 1
    while not suspects:
        suspects = store.queue.return_claimed("boot-1")
        for photo in iter(lambda: next(iter(claim(store, run)), None), None):
            if photo.path == "bad.jpg":
                crashes += 1
                break
            file(store, photo, run)
    assert paths(suspects) == ["bad.jpg"]
    assert crashes == 3
    assert store.queue.waiting(STEADY).queued == 1


def test_of_those_that_are_alone_the_one_that_crashed_comes_last(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg")
    run = open_run(store)
    claim(store, run)
    store.queue.return_claimed("boot-1")
    assert paths(claim(store, run)) == ["a.jpg"]
    store.queue.return_claimed("boot-1")  # killed by chance while a was in hand
    assert paths(claim(store, run)) == ["b.jpg"]


def test_a_power_cut_is_nobodys_fault(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    for boot in ("boot-2", "boot-3", "boot-4"):
        store.queue.claim(run, 10, STEADY, f"boot-{int(boot[-1]) - 1}")
        assert store.queue.return_claimed(boot) == []
    assert not claim(store, run)[0].alone


def test_a_failure_that_the_process_survived_is_nobodys_fault(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    for _ in range(3):
        claim(store, run)
        assert store.queue.return_claimed(None) == []
    assert not claim(store, run)[0].alone


def test_a_photo_set_apart_is_alone_and_not_blamed(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg")
    run = open_run(store)
    for _ in range(5):
        store.queue.set_apart(claim(store, run))
    assert len(claim(store, run)) == 1
    assert store.queue.return_claimed(None) == []


# --- filing and results ------------------------------------------------------------------------


def test_an_intention_survives_as_it_was(store: Store) -> None:
    admit(store, "good.jpg", "bad.jpg")
    run = open_run(store)
    good, bad = claim(store, run)
    planned = [intention(good, run), intention(bad, run, Status.ERROR)]
    store.intentions.plan(planned)
    assert store.intentions.unfinished() == planned


def test_an_outcome_is_recorded_once_whatever_is_told_twice(store: Store) -> None:
    admit(store, "a.jpg")
    run = open_run(store)
    planned = intention(claim(store, run)[0], run)
    store.intentions.plan([planned])
    assert record(store, planned) == 1
    assert record(store, planned) == 0
    assert len(list(store.runs.rows(run))) == 1


def test_rows_come_in_the_order_in_which_they_were_recorded(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg", "c.jpg")
    run = open_run(store)
    a, b, c = claim(store, run)
    for photo in (b, c, a):
        file(store, photo, run)
    assert [row.source for row in store.runs.rows(run)] == ["b.jpg", "c.jpg", "a.jpg"]


def test_twins_are_filed_photos_only(store: Store) -> None:
    admit(store, "filed.jpg", "review.jpg", "double.jpg", "bad.jpg")
    run = open_run(store)
    sha = "5" * 64
    for photo, status in zip(claim(store, run), Status, strict=True):
        file(store, photo, run, status=status, sha=sha)
    assert [target for target, _ in store.history.twins(sha)] == [
        "Shirts/filed.jpg",
        "Shirts/review.jpg",
    ]


def test_a_tally_balances_whatever_became_of_the_photos(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg", "c.jpg")
    run = open_run(store)
    admit(store, "late.jpg", "later.jpg")
    a, b, c, late, later = claim(store, run)
    file(store, a, run)
    file(store, late, run, status=Status.ERROR)
    store.queue.gone([b], run, NOON)
    store.queue.give_back([c, later])
    tally = store.runs.tally(run)
    done = sum(tally.statuses.values()) + tally.gone + tally.waiting_after
    assert tally.waiting_before + tally.arrived == done == 5
    assert store.runs.errors(run) == [{"filename": "late.jpg", "error": "cannot be read"}]


def test_bands_are_those_of_closed_runs_and_of_the_open_one(store: Store) -> None:
    admit(store, "a.jpg", "b.jpg")
    counts = {"auto": 7, "check": 2, "review": 1}
    closed = open_run(store)
    store.runs.close(closed, NOON, part_of_summary(confidence_distribution=counts))
    run = open_run(store, NOON + timedelta(days=1))
    for photo in claim(store, run):
        file(store, photo, run)
    tomorrow = (NOON + timedelta(days=1)).date()
    assert store.runs.bands_since() == {Band.AUTO: 9, Band.CHECK: 2, Band.REVIEW: 1}
    assert store.runs.bands_since(tomorrow) == {Band.AUTO: 2, Band.CHECK: 0, Band.REVIEW: 0}
    assert store.runs.bands_since(tomorrow + timedelta(days=1))[Band.AUTO] == 0


# --- runs --------------------------------------------------------------------------------------


def test_runs_of_one_second_get_numbers(store: Store) -> None:
    ids = [open_run(store) for _ in range(3)]
    assert ids == ["20251013_120000", "20251013_120000_2", "20251013_120000_3"]


def test_summaries_come_newest_first_though_the_clock_was_set_back(store: Store) -> None:
    for day in (3, 1, 2):
        at = NOON.replace(day=day)
        store.runs.close(open_run(store, at), at, part_of_summary(run=f"{day}"))
    assert [summary["run"] for summary in store.runs.summaries()] == ["2", "1", "3"]
    assert [s["run"] for s in store.runs.summaries(since=NOON.replace(day=2))] == ["2", "3"]
    assert [s["run"] for s in store.runs.summaries(limit=1)] == ["2"]


def test_a_run_that_was_never_closed_is_found_again(store: Store) -> None:
    closed, left = open_run(store), open_run(store)
    store.runs.close(closed, NOON, part_of_summary())
    assert [run.id for run in store.runs.unclosed()] == [left]


def test_a_run_that_came_to_nothing_leaves_nothing_behind(store: Store) -> None:
    run = open_run(store)
    admit(store, "a.jpg")
    store.intentions.plan([intention(claim(store, run)[0], run)])  # its move is still in doubt
    store.runs.drop(run)
    assert store.runs.unclosed() == []
    assert store.queue.waiting(STEADY).queued == 1
    assert [planned.run for planned in store.intentions.unfinished()] == [""]


def test_facts_are_remembered(store: Store) -> None:
    assert store.facts.get("presence") is None
    store.facts.remember("presence", {"incoming": [1, "x"]})
    store.facts.remember("presence", {"incoming": [2, "y"]})
    assert store.facts.get("presence") == {"incoming": [2, "y"]}


# --- the database ------------------------------------------------------------------------------


def test_what_was_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    first = Store(tmp_path)
    admit(first, "a.jpg")
    first.close()
    second = Store(tmp_path)
    assert second.queue.waiting(STEADY).queued == 1
    second.close()


def test_commits_are_synced_and_figures_are_not(store: Store) -> None:
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    store.runs.add_busy_seconds(open_run(store), 1.5)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_database_of_a_newer_nightsort_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    db = sqlite3.connect(tmp_path / DATABASE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigError, match="newer nightsort"):
        Store(tmp_path)


def test_a_file_that_is_no_database_is_told_as_damage_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreDamaged, match="start nightsort again"):
        Store(tmp_path)


def test_damage_that_a_later_row_meets_is_told_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(200):
        store.facts.remember(f"fact {number:03}", "x" * 2000)
    store.close()
    with (tmp_path / DATABASE).open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(size // 4096 * 2048 // 4096 * 4096)
        file.write(b"\xff" * (size - file.tell()))
    store = Store(tmp_path, reading=True)
    rows = store._db.execute("SELECT value FROM facts ORDER BY key")
    assert rows.fetchone() is not None
    with pytest.raises(StoreDamaged, match="damaged"):
        list(rows)
    store.close()


def test_a_full_disk_is_told_changes_nothing_and_passes(store: Store) -> None:
    admit(store, "first.jpg")
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull, match="no space left"):
        admit(store, *(f"{'x' * 200}{n}.jpg" for n in range(500)))
    assert store.queue.waiting(STEADY).queued == 1
    store._db.execute("PRAGMA max_page_count = 1000000")
    admit(store, "second.jpg")
    assert store.queue.waiting(STEADY).queued == 2


def test_a_crash_in_a_transaction_leaves_none_of_it(store: Store) -> None:
    def dying() -> Iterator[Sighting]:
        yield sighting("a.jpg")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.admissions.admit(dying(), NOON)
    assert store.queue.waiting(STEADY).queued == 0
    admit(store, "b.jpg")
    assert store.queue.waiting(STEADY).queued == 1


STEPS = st.lists(st.sampled_from(["admit", "claim", "back", "gone", "file", "crash"]), max_size=25)


@settings(max_examples=30)
@given(steps=STEPS)
def test_the_counts_that_are_kept_are_those_that_are_counted(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    store = Store(tmp_path_factory.mktemp("state"))
    store._db.execute("PRAGMA synchronous = OFF")
    run = open_run(store)
    for number, step in enumerate(steps):
        if step == "admit":
            admit(store, f"{number}-a.jpg", f"{number}-b.jpg")
        elif step == "crash":
            store.queue.return_claimed("boot-1")
        else:
            for photo in claim(store, run, 1):
                if step == "back":
                    store.queue.give_back([photo])
                elif step == "gone":
                    store.queue.gone([photo], run, NOON)
                elif step == "file":
                    file(store, photo, run)
    counted = dict(store._db.execute("SELECT state, count(*) FROM photos GROUP BY state"))
    kept = dict(store._db.execute("SELECT state, photos FROM counts WHERE photos > 0"))
    assert kept == counted
    tally = store.runs.tally(run)
    assert tally.arrived == sum(tally.statuses.values()) + tally.gone + tally.waiting_after
    store.close()


# --- speed: what is asked often must never look at every photo ------------------------------------


# What is in hand is a short index; the queue's own, read from its start, gives the next photos.
_SHORT_OR_ORDERED = ("photos_claimed", "photos_classified", "photos_waiting")


class Plans:
    """Collects how SQLite means to answer each statement."""

    def __init__(self, store: Store) -> None:
        self.statements: list[str] = []
        store._db._connection.set_trace_callback(self.statements.append)
        self._db = store._db._connection

    def scans(self) -> list[str]:
        """The statements that look at all photos, or sort them."""
        self._db.set_trace_callback(None)
        found = []
        for statement in set(self.statements):
            if not statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT INTO photos")):
                continue
            plan = self._db.execute("EXPLAIN QUERY PLAN " + statement).fetchall()
            found += [
                f"{step[3]}: {statement}"
                for step in plan
                if ("SCAN photos" in step[3] and not step[3].endswith(_SHORT_OR_ORDERED))
                or "TEMP B-TREE FOR ORDER BY" in step[3]
            ]
        return found


def test_nothing_that_is_asked_for_each_batch_looks_at_every_photo(store: Store) -> None:
    run = open_run(store)
    plans = Plans(store)
    admit(store, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    store.admissions.admit([sighting("a.jpg", size_bytes=11)], NOON)
    store.admissions.unknown([sighting("a.jpg")])
    store.queue.waiting(STEADY)
    store.queue.is_anything_due(STEADY)
    store.queue.next_retry(STEADY)
    a, b, c, d = claim(store, run)
    store.queue.give_back([a], STEADY + 5)
    store.queue.gone([b], run, NOON)
    store.queue.release([c])
    store.queue.cut_off_for(d, STEADY, "boot-1")
    store.history.twins("0" * 64)
    store.intentions.was_left_behind("d.jpg", "0" * 64)
    file(store, d, run)
    store.queue.retry_now()
    store.intentions.unfinished()
    store.queue.return_claimed("boot-1")
    store.queue.set_apart([c])
    list(store.runs.rows(run))
    assert plans.scans() == []


def test_one_photo_is_found_without_a_look_at_every_other(store: Store) -> None:
    run = open_run(store)
    admit(store, "return-4711.jpg")
    file(store, claim(store, run)[0], run)
    plans = Plans(store)
    assert [story.state for story in store.history.stories("return-4711.jpg")] == ["filed"]
    assert (
        len(store.history.stories("4711"))
        == len(store.history.stories("Shirts/return-4711.jpg"))
        == 1
    )
    store.corrections.of(1)
    store.corrections.unfinished()
    list(store.history.stories_of_run(run))
    store.admissions.unknown([sighting("return-4711.jpg")])
    assert plans.scans() == []


def test_a_long_queue_costs_a_batch_no_more_than_a_short_one(store: Store) -> None:
    def steps() -> int:
        """How many steps SQLite's machine takes for a batch's statements, in thousands."""
        counted = [0]

        def count() -> int:
            counted[0] += 1
            return 0

        run = open_run(store)
        store._db._connection.set_progress_handler(count, 100)
        store.admissions.unknown([sighting("p1.jpg", mtime_ns=9)])
        store.admissions.admit([sighting("p1.jpg", mtime_ns=9)], NOON)
        store.queue.is_anything_due(STEADY)
        for photo in claim(store, run, 16):
            file(store, photo, run)
        store.queue.waiting(STEADY)
        store._db._connection.set_progress_handler(None, 0)
        return counted[0]

    store.admissions.admit([sighting(f"p{n}.jpg") for n in range(100)], NOON)
    short = steps()
    later = NOON + timedelta(seconds=1)
    store.admissions.admit([sighting(f"q{n}.jpg") for n in range(20_000)], later)
    assert steps() < short * 1.5 + 10


def test_a_claim_takes_what_there_is_room_for_and_at_least_one(store: Store) -> None:
    store.admissions.admit(
        [sighting(f"{size}.jpg", size_bytes=size) for size in (60, 30, 20, 1)], NOON
    )
    run = open_run(store)
    assert paths(claim(store, run, max_bytes=50)) == ["60.jpg"]
    assert paths(claim(store, run, max_bytes=50)) == ["30.jpg", "20.jpg"]
    assert paths(claim(store, run, max_bytes=50)) == ["1.jpg"]


def test_a_user_who_may_not_look_is_told_how_to(tmp_path: Path) -> None:
    Store(tmp_path).close()
    tmp_path.chmod(0)
    try:
        with like_an_ordinary_user(), pytest.raises(RefusedError, match="you may not look there"):
            Store(tmp_path, reading=True)
    finally:
        tmp_path.chmod(0o700)

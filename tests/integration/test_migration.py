"""A database of an older nightsort: brought up to date in place, or left as it was."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import ConfigError
from daemon.domain.alerts import news
from daemon.domain.examples import Brought
from daemon.maintenance.audit import look_through_store
from daemon.store import DATABASE, SCHEMA_VERSION, Store, database
from daemon.store.audit import Kind
from daemon.store.changes import LISTS, REPORTS
from daemon.store.mirrored import MIRROR
from daemon.store.schema import STEPS
from daemon.store.schema_parts import AUDIT_OF_MORE, EXAMPLES_TOLD
from tests.support.documents import part_of_summary
from tests.support.schema_1 import SCHEMA_1

NOON = datetime(2025, 10, 13, 12, tzinfo=UTC)


@pytest.fixture
def of_version_1(tmp_path: Path) -> Path:
    """A state folder with a queue, a closed run and an open one."""
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        db.executescript(SCHEMA_1)
        db.execute("PRAGMA journal_mode = WAL")
        for run, finished in (("20251012_020000", NOON.isoformat()), ("20251013_020000", None)):
            db.execute(
                "INSERT INTO runs (id, started_at, finished_at, waiting_before, model, summary)"
                " VALUES (?, ?, ?, 1, 'model', ?)",
                (run, NOON.isoformat(), finished, finished and json.dumps({"run": run})),
            )
        db.execute(
            "INSERT INTO photos (state, path, filename, inode, size_bytes, mtime_ns, first_seen_at)"
            " VALUES ('queued', ?, 'a.jpg', 1, 2, 3, ?)",
            (b"a.jpg", NOON.isoformat()),
        )
        db.execute("INSERT INTO facts VALUES ('instance', '\"box\"')")
        db.commit()
    return tmp_path


def version_of(state_dir: Path) -> int:
    with closing(sqlite3.connect(state_dir / DATABASE)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_what_version_1_held_is_kept_and_alerts_can_be_recorded(of_version_1: Path) -> None:
    with closing(Store(of_version_1)) as store:
        assert store.queue.waiting(0.0).queued == 1
        assert store.facts.get("instance") == "box"
        assert [run.id for run in store.runs.unclosed()] == ["20251013_020000"]
        store.alerts.keep([news("database_restored", "once", NOON, {})])
        assert [alert.rule for _, alert in store.deliveries.unaddressed()] == ["database_restored"]
    assert version_of(of_version_1) == SCHEMA_VERSION


def test_of_runs_before_the_migration_nobody_is_told(of_version_1: Path) -> None:
    with closing(Store(of_version_1)) as store:
        assert store.alerts.runs_to_tell() == []
        store.runs.close("20251013_020000", NOON, part_of_summary(run="20251013_020000"))
        assert [run["run"] for _, run in store.alerts.runs_to_tell()] == ["20251013_020000"]


def test_a_migrated_database_has_the_tables_of_a_new_one(
    of_version_1: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    new = tmp_path_factory.mktemp("new")
    Store(of_version_1).close()
    Store(new).close()
    assert tables_of(of_version_1) == tables_of(new)


def test_a_migration_that_fails_half_way_leaves_version_1(of_version_1: Path) -> None:
    with closing(sqlite3.connect(of_version_1 / DATABASE)) as db:
        db.execute("CREATE TABLE deliveries (in_the_way TEXT)")
    with pytest.raises(ConfigError, match="cannot be opened"):
        Store(of_version_1)
    assert version_of(of_version_1) == 1
    assert "alerts" not in tables_of(of_version_1)
    with closing(sqlite3.connect(of_version_1 / DATABASE)) as db:
        db.execute("DROP TABLE deliveries")
    Store(of_version_1).close()
    assert version_of(of_version_1) == SCHEMA_VERSION


def test_who_only_reads_beside_an_older_daemon_finds_no_alerts(of_version_1: Path) -> None:
    with closing(Store(of_version_1, reading=True)) as store:
        assert store.alerts.history(10) == []
        assert store.queue.waiting(0.0).queued == 1
    assert version_of(of_version_1) == 1


def test_photos_recorded_under_a_date_are_found_by_their_return_and_keep_what_was_recorded(
    of_version_1: Path,
) -> None:
    of_before = (
        ("return_20251013_001.jpg", "20251013"),
        ("RET-20251013-001_back.jpg", "20251013"),
        ("return_20251013_002.jpg", "20251013"),
        ("return-7.jpg", ""),
    )
    with closing(sqlite3.connect(of_version_1 / DATABASE)) as db:
        for number, (name, return_id) in enumerate(of_before, start=1):
            db.execute(
                "INSERT INTO photos (state, path, filename, inode, size_bytes, mtime_ns,"
                " first_seen_at, run, result_number, return_id, target, status, recorded_at)"
                " VALUES ('filed', ?, ?, 1, 2, 3, ?, '20251012_020000', ?, ?, ?, 'success', ?)",
                (name.encode(), name, NOON.isoformat(), number, return_id, name.encode(),
                 NOON.isoformat()),
            )  # fmt: skip
        db.commit()
    with closing(Store(of_version_1)) as store:
        assert {s.filename for s in store.history.stories("ret 20251013 1")} == {
            "return_20251013_001.jpg",
            "RET-20251013-001_back.jpg",
        }
        assert [s.filename for s in store.history.stories("7")] == ["return-7.jpg"]
        assert len(store.history.stories("20251013")) == 3
        assert {s.return_id for s in store.history.stories_of_run("20251012_020000")} == {
            "20251013",
            "",
        }


def tables_of(state_dir: Path) -> dict[str, str]:
    with closing(sqlite3.connect(state_dir / DATABASE)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {name: "".join(sql.split()) for name, sql in rows}


def test_what_was_untold_before_the_feed_is_told_after_it_and_nothing_twice(tmp_path: Path) -> None:
    before = 3  # as it was released last
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        for statement in (one for step in STEPS[:before] for one in step):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {before}")
        for run, is_judged in (("20251012_020000", 1), ("20251013_020000", 0)):
            db.execute(
                "INSERT INTO runs (id, started_at, finished_at, waiting_before, model, summary,"
                " is_judged) VALUES (?, ?, ?, 1, 'model', ?, ?)",
                (run, NOON.isoformat(), NOON.isoformat(), json.dumps({"run": run}), is_judged),
            )
        db.commit()
    with closing(Store(tmp_path)) as store:
        ((seq, summary),) = store.alerts.runs_to_tell()
        assert summary["run"] == "20251013_020000"
        store.alerts.keep([], told_to=seq)
        assert store.alerts.runs_to_tell() == []


def test_what_no_report_tells_of_before_the_feed_is_told_after_it(tmp_path: Path) -> None:
    before = 3  # as it was released last
    with closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        for statement in (one for step in STEPS[:before] for one in step):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {before}")
        for run in ("20251012_020000", "20251013_020000"):
            db.execute(
                "INSERT INTO runs (id, started_at, finished_at, waiting_before, model, summary,"
                " is_judged) VALUES (?, ?, ?, 1, 'model', ?, 1)",
                (run, NOON.isoformat(), NOON.isoformat(), json.dumps({"run": run})),
            )
            (photo,) = db.execute(
                "INSERT INTO photos (state, path, filename, inode, size_bytes, mtime_ns,"
                " first_seen_at, run) VALUES ('filed', x'61', 'a.jpg', 1, 2, 3, ?, ?) RETURNING id",
                (NOON.isoformat(), run),
            ).fetchone()
            db.execute(
                "INSERT INTO corrections (photo, word, before, category, person, at, source,"
                " target, inode, size_bytes, mtime_ns, is_done)"
                " VALUES (?, 'corrected', 'Tops', 'Shirts', 'anna', ?, x'61', x'62', 1, 2, 3, 1)",
                (photo, NOON.isoformat()),
            )
        db.execute("""INSERT INTO facts VALUES ('run_untold', '"20251013_020000"')""")
        db.execute("INSERT INTO facts VALUES ('corrections_listed', '1')")
        db.commit()
    with closing(Store(tmp_path)) as store:
        assert store.changes.runs_closed(REPORTS) == ["20251013_020000"]
        assert [*store.changes.runs_touched(LISTS)] == ["20251013_020000"]
        assert store.changes.first_word(LISTS) == NOON
        assert store.alerts.runs_to_tell() == []


def test_new_states_and_words_are_taken_and_others_are_not(of_version_1: Path) -> None:
    Store(of_version_1).close()
    with closing(sqlite3.connect(of_version_1 / DATABASE)) as db:
        for state in ("removed", "retake"):
            db.execute("UPDATE photos SET state = ?", (state,))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            db.execute("UPDATE photos SET state = 'eaten'")
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_who_copies_is_told_of_examples_of_before_and_of_those_that_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bring(store: Store, name: str) -> None:
        one = Brought(name, f"{name}.jpg", "Sandals", "", b"features")
        store.examples.bring([one], "anna", NOON, "network")

    def told(store: Store) -> list[int | str]:
        return [one.id for one in store.changes.after_cursor(MIRROR, {"example"})]

    before = STEPS.index(EXAMPLES_TOLD)
    with monkeypatch.context() as older:
        older.setattr(database, "STEPS", STEPS[:before])
        older.setattr(database, "SCHEMA_VERSION", before)
        with closing(Store(tmp_path)) as store:
            store.changes.follow(MIRROR)
            bring(store, "first")
            assert told(store) == []
    with closing(Store(tmp_path)) as store:
        assert told(store) == [1]
        bring(store, "second")
        assert told(store) == [1, 2]
        store.examples.remove_brought({"first"}, None)
        assert told(store) == [1, 2, 1]


def test_the_audit_chain_holds_and_takes_in_what_older_ones_did_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = STEPS.index(tuple(AUDIT_OF_MORE.split(";")))
    with monkeypatch.context() as older:
        older.setattr(database, "STEPS", STEPS[:before])
        older.setattr(database, "SCHEMA_VERSION", before)
        with closing(Store(tmp_path)) as store:
            store.audit.note(Kind.ADOPTION, NOON, {"version": "v"}, "anna")
            with pytest.raises(sqlite3.IntegrityError):
                store.audit.note(Kind.FETCHED, NOON, {"version": "w"}, "anna")
            head = look_through_store(store).head
    with closing(Store(tmp_path)) as store:
        assert look_through_store(store).head == head
        store.audit.note(Kind.FETCHED, NOON, {"version": "w"}, "anna")
        assert [row.kind for row in store.audit.rows()] == ["begun", "adoption", "fetched"]
        assert look_through_store(store).bad_row is None

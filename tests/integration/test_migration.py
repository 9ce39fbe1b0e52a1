"""A database of an older nightsort: brought up to date in place, or left as it was."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import ConfigError
from daemon.alerting.alert import news
from daemon.store import DATABASE, SCHEMA_VERSION, Store
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
        assert store.waiting(0.0).queued == 1
        assert store.fact("instance") == "box"
        assert [run.id for run in store.open_runs()] == ["20251013_020000"]
        store.keep_alerts([news("database_restored", "once", NOON, {})])
        assert [alert.rule for _, alert in store.unaddressed()] == ["database_restored"]
    assert version_of(of_version_1) == SCHEMA_VERSION


def test_of_runs_before_the_migration_nobody_is_told(of_version_1: Path) -> None:
    with closing(Store(of_version_1)) as store:
        assert store.runs_to_judge() == []
        store.close_run("20251013_020000", NOON, {"run": "20251013_020000"})
        assert [run["run"] for run in store.runs_to_judge()] == ["20251013_020000"]


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
        assert store.incident_history(10) == []
        assert store.waiting(0.0).queued == 1
    assert version_of(of_version_1) == 1


def tables_of(state_dir: Path) -> dict[str, str]:
    with closing(sqlite3.connect(state_dir / DATABASE)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {name: "".join(sql.split()) for name, sql in rows}

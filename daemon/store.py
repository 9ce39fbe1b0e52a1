"""The store: every photo's state, every run, in one SQLite database on the box's local disk.

The only module that speaks SQL. A photo's row is its place in the queue, then the intention of its
move (written durably before the first byte moves), then its line in the history: one row from
admission to the end, so that nothing can be counted twice. One `Store` belongs to one thread.
"""

# ruff: noqa: S608 - what is put into statements is this module's own text, never a value

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from classifier.verdict import Alternative, Band, Reason, Verdict
from config.errors import (
    ConfigError,
    DiskFull,
    FolderUnavailable,
    NightsortError,
    PhotoProblem,
    RefusedError,
    TransientError,
)
from daemon.records import (
    Correction,
    Examined,
    Fingerprint,
    Move,
    Outcome,
    Photo,
    ResultRow,
    Run,
    Sighting,
    Status,
    Story,
    Tally,
    Word,
    as_text,
)

SCHEMA_VERSION = 1
DATABASE = "nightsort.db"
# How long a write waits for another program that holds the database.
_PATIENCE_SECONDS = 30

# A photo's states. `classified` is the intention: verdict and target known, the move not done.
# What the results say of a photo (status, category, target …) never changes once it is recorded;
# a person's later word stands in `place` (where it is now: in sorted, in incoming once undone),
# `decided` (its category now) and in `corrections`, where a move is planned before it is made.
_SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    waiting_before INTEGER NOT NULL,
    busy_seconds REAL NOT NULL DEFAULT 0,
    model TEXT NOT NULL,
    summary TEXT
) STRICT;
CREATE INDEX runs_open ON runs (finished_at) WHERE finished_at IS NULL;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN
        ('queued', 'claimed', 'classified', 'filed', 'review', 'duplicate', 'quarantined', 'gone',
         'undone')),
    path BLOB NOT NULL,
    filename TEXT NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    first_seen_at TEXT NOT NULL,
    arrived_in TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,
    cut_off_boot TEXT,
    cut_off_at REAL,
    alone INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    claimed_boot TEXT,
    run TEXT REFERENCES runs (id),
    status TEXT,
    sha256 TEXT,
    category TEXT,
    confidence REAL,
    band TEXT,
    reason TEXT,
    reason_text TEXT,
    alternatives TEXT,
    return_id TEXT,
    category_code TEXT,
    location TEXT,
    target BLOB,
    kept_source INTEGER NOT NULL DEFAULT 0,
    recorded_at TEXT,
    result_number INTEGER,
    place BLOB,
    decided TEXT
) STRICT;
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    photo INTEGER NOT NULL REFERENCES photos (id),
    word TEXT NOT NULL CHECK (word IN ('corrected', 'dragged', 'undone')),
    before TEXT NOT NULL,
    category TEXT NOT NULL,
    person TEXT NOT NULL,
    at TEXT NOT NULL,
    source BLOB NOT NULL,
    target BLOB NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    is_done INTEGER NOT NULL
) STRICT;
CREATE INDEX corrections_photo ON corrections (photo);
CREATE INDEX corrections_at ON corrections (at);
CREATE INDEX corrections_planned ON corrections (id) WHERE is_done = 0;
CREATE TABLE emptied (folder BLOB PRIMARY KEY, taken_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX photos_active ON photos (path)
    WHERE state IN ('queued', 'claimed', 'classified');
CREATE INDEX photos_waiting ON photos (alone, crashes, id) WHERE state = 'queued';
CREATE INDEX photos_retry ON photos (retry_at) WHERE state = 'queued' AND retry_at > 0;
CREATE INDEX photos_claimed ON photos (id) WHERE state = 'claimed';
CREATE INDEX photos_classified ON photos (id) WHERE state = 'classified';
CREATE INDEX photos_twins ON photos (sha256) WHERE state IN ('filed', 'review');
CREATE INDEX photos_kept ON photos (path) WHERE kept_source = 1;
CREATE INDEX photos_place ON photos (coalesce(place, target)) WHERE target IS NOT NULL;
CREATE UNIQUE INDEX photos_results ON photos (run, result_number) WHERE result_number IS NOT NULL;
CREATE INDEX photos_run ON photos (run, state);
CREATE INDEX photos_arrived ON photos (arrived_in) WHERE arrived_in IS NOT NULL;
CREATE INDEX photos_filename ON photos (filename);
CREATE INDEX photos_return_id ON photos (return_id) WHERE return_id <> '';
CREATE TABLE counts (state TEXT PRIMARY KEY, photos INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

# How many photos are in each state, kept with every change: a backlog of a million is asked for
# its length several times a second.
_ONE_MORE = (
    "INSERT INTO counts VALUES (new.state, 1)"
    " ON CONFLICT (state) DO UPDATE SET photos = photos + 1;"
)
_ONE_LESS = "UPDATE counts SET photos = photos - 1 WHERE state = old.state;"
_TRIGGERS = (
    f"CREATE TRIGGER photo_came AFTER INSERT ON photos BEGIN {_ONE_MORE} END",
    f"CREATE TRIGGER photo_went AFTER DELETE ON photos BEGIN {_ONE_LESS} END",
    f"CREATE TRIGGER photo_passed AFTER UPDATE OF state ON photos BEGIN {_ONE_LESS}{_ONE_MORE} END",
)

_ACTIVE = "('queued', 'claimed', 'classified')"
_FINAL_STATE = {
    Status.SUCCESS: "filed",
    Status.REVIEW: "review",
    Status.DUPLICATE: "duplicate",
    Status.ERROR: "quarantined",
}
_DUE = "state = 'queued' AND (retry_at <= ? OR retry_at > ?)"
# Retries are capped far below this: a larger distance means that the clock was set, not a wait.
LONGEST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Intention:
    """A move that was under way: what was planned, and what to record when it is done."""

    move: Move
    examined: Examined
    status: Status
    run: str  # empty when the run it was planned in came to nothing


@dataclass(frozen=True, slots=True)
class _Active:
    """A photo between admission and its outcome."""

    id: int
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many photos wait, and how many of those were given back and wait for their retry."""

    queued: int
    retrying: int


class _Database(sqlite3.Connection):
    """A connection that says what its disk refuses in nightsort's words."""

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """As sqlite3's; raises TransientError while the disk is full or fails."""
        try:
            return super().execute(*args)
        except sqlite3.OperationalError as exc:
            raise _told(exc) from exc

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        """As sqlite3's; raises TransientError while the disk is full or fails."""
        try:
            return super().executemany(*args)
        except sqlite3.OperationalError as exc:
            raise _told(exc) from exc


def _told(error: sqlite3.OperationalError) -> NightsortError | sqlite3.OperationalError:
    """The disk's failures as TransientError; anything else is a defect and stays what it is."""
    match error.sqlite_errorcode & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFull("state_dir: no space left for the database; free some on that disk")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return FolderUnavailable(
                f"state_dir: the database cannot be read or written ({error}); check that disk"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return FolderUnavailable(
                "state_dir: another program holds the database locked; end it (a backup, perhaps)"
            )
    return error


class Store:
    """The state of one instance; what a method writes is durable unless it says otherwise.

    Every method raises TransientError, and has then changed nothing, while the disk of the
    database is full or fails.
    """

    def __init__(self, state_dir: Path, *, reading: bool = False) -> None:
        """Open the database, making it on first use.

        reading: only look at it, beside the process that owns it.
        Raises ConfigError when it cannot be opened, or was written by a newer nightsort;
        RefusedError when there is nothing to read yet.
        """
        self._path = state_dir / DATABASE
        if reading and not self._path.exists():
            raise RefusedError(
                f"{state_dir}: there is no history yet; photos come with `nightsort run` or "
                "`nightsort now`"
            )
        try:
            self._db = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode={'ro' if reading else 'rwc'}",
                uri=True,
                isolation_level=None,
                timeout=_PATIENCE_SECONDS,
                factory=_Database,
            )
            if reading:
                self._require_known_version()
            else:
                self._prepare()
        except (sqlite3.Error, TransientError) as exc:
            raise ConfigError(
                f"{self._path}: the database cannot be opened ({exc}); check the disk and the "
                "rights of state_dir, or restore a backup"
            ) from exc

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def is_free(self) -> bool:
        """Whether a write could begin at once; False while another program holds the database."""
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("ROLLBACK")
        except FolderUnavailable:
            return False
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {_PATIENCE_SECONDS * 1000}")
        return True

    # --- queue ---------------------------------------------------------------------------------

    def admit(self, sightings: Iterable[Sighting], at: datetime) -> list[Sighting]:
        """Queue settled files; those already known are passed over. Returns the newly queued.

        They count as arrived in the run that is open, resumed or not. A queued file that was
        replaced meanwhile keeps its place with its new fingerprint.
        """
        with self._transaction():
            run = self._open_run()
            return [s for s in sightings if self._admit_one(s, at, run)]

    def unknown(self, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Those that are neither queued or in hand as they are now, nor left behind on purpose."""
        return [s for s in sightings if not self._is_known(s, self._active(s.path))]

    def waiting(self, steady: float) -> Waiting:
        """Count the queue; `steady` is the steady clock's now, in seconds."""
        (queued,) = self._db.execute(
            f"SELECT coalesce(sum(photos), 0) FROM counts WHERE state IN {_ACTIVE}"
        ).fetchone()
        (retrying,) = self._db.execute(
            "SELECT count(*) FROM photos"
            " WHERE state = 'queued' AND retry_at > 0 AND retry_at > ? AND retry_at < ?",
            (steady, steady + LONGEST_RETRY_SECONDS),
        ).fetchone()
        return Waiting(queued, retrying)

    def is_anything_due(self, steady: float) -> bool:
        """Whether `claim` would find a photo."""
        row = self._db.execute(
            f"SELECT 1 FROM photos WHERE {_DUE} LIMIT 1", (steady, steady + LONGEST_RETRY_SECONDS)
        ).fetchone()
        return row is not None

    def next_retry(self, steady: float) -> float | None:
        """When the next photo that waits for its retry is due, in steady seconds."""
        (first,) = self._db.execute(
            "SELECT min(retry_at) FROM photos"
            " WHERE state = 'queued' AND retry_at > 0 AND retry_at > ?",
            (steady,),
        ).fetchone()
        return None if first is None else float(first)

    def claim(
        self,
        run: str,
        limit: int,
        steady: float,
        boot: str,
        *,
        max_bytes: float = math.inf,
        hands_free: bool = True,
    ) -> list[Photo]:
        """Take the next photos into hand, oldest first: one, and what `max_bytes` have room for.

        Those to be tried alone come last, one at a time, and only when hands are free. Survives a
        kill. Not synced: after a power cut the photos are simply still queued.
        """
        with self._transaction(durable=False):
            rows = self._db.execute(
                "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone"
                f" FROM photos WHERE {_DUE} ORDER BY alone, crashes, id LIMIT ?",
                (steady, steady + LONGEST_RETRY_SECONDS, limit),
            ).fetchall()
            due = [_photo(row) for row in rows]
            photos = _within(max_bytes, [photo for photo in due if not photo.alone])
            if not photos and hands_free:
                photos = due[:1]
            self._db.executemany(
                "UPDATE photos SET state = 'claimed', run = ?, claimed_boot = ? WHERE id = ?",
                [(run, boot, photo.id) for photo in photos],
            )
        return photos

    def give_back(self, photos: Iterable[Photo], retry_at: float = 0.0) -> None:
        """Put photos back into the queue, to be tried again from `retry_at` (steady seconds) on."""
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL, attempts = attempts + 1,"
                " retry_at = ? WHERE id = ?",
                [(retry_at, photo.id) for photo in photos],
            )

    def release(self, photos: Iterable[Photo]) -> None:
        """Put photos back that are in hand and were not judged."""
        self._requeue(photos, "claimed")

    def set_apart(self, photos: Iterable[Photo], retry_at: float = 0.0) -> None:
        """Put photos back that were in hand when a defect of ours showed: each alone from now on.

        Nobody is blamed: it is no crash.
        """
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL, alone = 1,"
                " attempts = attempts + 1, retry_at = ? WHERE id = ? AND state = 'claimed'",
                [(retry_at, photo.id) for photo in photos],
            )

    def unplan(self, photos: Iterable[Photo]) -> None:
        """Put photos back whose planned move was not made."""
        self._requeue(photos, "classified")

    def retry_now(self) -> None:
        """Make every waiting photo due: somebody asked for a run."""
        with self._transaction():
            self._db.execute(
                "UPDATE photos SET retry_at = 0 WHERE state = 'queued' AND retry_at > 0"
            )

    def gone(self, photos: Iterable[Photo], run: str | None, at: datetime) -> None:
        """Record that a person took photos away before they were filed."""
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'gone', run = ?, recorded_at = ? WHERE id = ?",
                [(run, at.isoformat(), photo.id) for photo in photos],
            )

    def resettle(self, photo: Photo, seen: Fingerprint, retry_at: float) -> None:
        """Put a photo back that was written to meanwhile, as it is now, with a clean slate."""
        with self._transaction():
            self._db.execute(
                "UPDATE photos SET state = 'queued', run = NULL, inode = ?, size_bytes = ?,"
                " mtime_ns = ?, retry_at = ?, cut_off_boot = NULL, cut_off_at = NULL,"
                " attempts = 0, alone = 0, crashes = 0 WHERE id = ?",
                (seen.inode, seen.size_bytes, seen.mtime_ns, retry_at, photo.id),
            )

    def forget(self, photo: Photo, sha256: str, run: str) -> None:
        """Drop a queue entry whose file was filed before and stays in incoming on purpose."""
        mark = photo.fingerprint
        with self._transaction():
            self._db.execute(
                "UPDATE photos SET mtime_ns = ? WHERE kept_source = 1 AND path = ? AND sha256 = ?",
                (mark.mtime_ns, os.fsencode(photo.path), sha256),
            )
            self._db.execute(
                "UPDATE runs SET waiting_before = waiting_before - 1 WHERE id = ? AND EXISTS"
                " (SELECT 1 FROM photos WHERE photos.id = ? AND arrived_in IS NOT runs.id)",
                (run, photo.id),
            )
            self._db.execute("DELETE FROM photos WHERE id = ?", (photo.id,))

    def cut_off_for(self, photo: Photo, steady: float, boot: str) -> float:
        """Seconds since this file was first found cut off in the middle, unchanged since.

        Measured without the wall clock: after a reboot it is the time since boot, a lower bound.
        """
        first_boot, first_at = self._db.execute(
            "SELECT cut_off_boot, cut_off_at FROM photos WHERE id = ?", (photo.id,)
        ).fetchone()
        if first_boot is None:
            with self._transaction():
                self._db.execute(
                    "UPDATE photos SET cut_off_boot = ?, cut_off_at = ? WHERE id = ?",
                    (boot, steady, photo.id),
                )
            return 0.0
        return steady - float(first_at) if first_boot == boot else steady

    # --- filing --------------------------------------------------------------------------------

    def plan(self, intentions: Iterable[Intention]) -> None:
        """Record verdicts and planned moves, before the first byte moves."""
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'classified', run = ?, status = ?, target = ?,"
                " sha256 = ?, inode = ?, size_bytes = ?, mtime_ns = ?, category = ?,"
                " confidence = ?, band = ?, reason = ?, reason_text = ?, alternatives = ?"
                " WHERE id = ?",
                [_intention_values(intention) for intention in intentions],
            )

    def record(self, outcomes: Iterable[tuple[Outcome, ResultRow]], run: str) -> list[ResultRow]:
        """Record what became of photos, each with its line in the results, in order.

        Returns the lines. A photo that has an outcome already keeps it, and gets no second line.
        """
        recorded: list[ResultRow] = []
        with self._transaction():
            first = self._next_result_number(run)
            for outcome, row in outcomes:
                if self._record_one(outcome, row, run, first + len(recorded)):
                    recorded.append(row)
        return recorded

    def twins(self, sha256: str) -> list[tuple[str, int]]:
        """Filed photos of the same content: place in sorted, and size in bytes."""
        rows = self._db.execute(
            "SELECT coalesce(place, target), size_bytes FROM photos"
            " WHERE sha256 = ? AND state IN ('filed', 'review')",
            (sha256,),
        )
        return [(os.fsdecode(target), size) for target, size in rows]

    def was_left_behind(self, path: str, sha256: str) -> bool:
        """Whether this content was filed from this path before, and its source had to stay."""
        row = self._db.execute(
            "SELECT 1 FROM photos WHERE kept_source = 1 AND path = ? AND sha256 = ?",
            (os.fsencode(path), sha256),
        ).fetchone()
        return row is not None

    def emptied_folders(self, before: datetime) -> list[str]:
        """Folders in incoming from which the last photo was taken before that time."""
        rows = self._db.execute(
            "SELECT folder FROM emptied WHERE taken_at < ?", (before.astimezone(UTC).isoformat(),)
        )
        return [os.fsdecode(folder) for (folder,) in rows]

    def forget_emptied(self, folders: Iterable[str]) -> None:
        """Stop to remember folders that are gone."""
        with self._transaction():
            self._db.executemany(
                "DELETE FROM emptied WHERE folder = ?", [(os.fsencode(f),) for f in folders]
            )

    # --- recovery ------------------------------------------------------------------------------

    def unfinished(self) -> list[Intention]:
        """Moves that were under way when the last process ended."""
        rows = self._db.execute(
            "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone, target,"
            " sha256, status, category, confidence, band, reason, reason_text, alternatives, run"
            " FROM photos WHERE state = 'classified' ORDER BY id"
        ).fetchall()
        return [_intention(row) for row in rows]

    def return_claimed(self, boot: str | None) -> list[Photo]:
        """Queue what was in hand; after a crash it will be tried one by one.

        A photo that was alone in hand at a crash collects it; those with two are returned, and
        stay claimed, to be set aside. Another boot id than theirs is a power cut, None a failure
        that this process survived: neither blames anybody.
        """
        with self._transaction():
            in_hand = self._db.execute(
                "SELECT id, claimed_boot FROM photos WHERE state = 'claimed'"
            ).fetchall()
            blamed = [photo_id for photo_id, claimed in in_hand if claimed == boot]
            self._db.executemany(
                "UPDATE photos SET alone = 1, crashes = crashes + ? WHERE id = ?",
                [(int(len(blamed) == 1), photo_id) for photo_id in blamed],
            )
            self._db.execute(
                "UPDATE photos SET state = 'queued', run = NULL"
                " WHERE state = 'claimed' AND crashes < 2"
            )
            if boot is not None:  # a new process does not know what the times were counted from
                self._db.execute(
                    "UPDATE photos SET retry_at = 0 WHERE state = 'queued' AND retry_at > 0"
                )
            rows = self._db.execute(
                "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone"
                " FROM photos WHERE state = 'claimed'"
            ).fetchall()
        return [_photo(row) for row in rows]

    # --- runs ----------------------------------------------------------------------------------

    def open_run(self, run_id: str, at: datetime, steady: float, model: str) -> Run:
        """Open a run; its id gets `_2`, `_3` … when taken."""
        with self._transaction():
            taken = {
                row[0]
                for row in self._db.execute("SELECT id FROM runs WHERE id GLOB ?", (f"{run_id}*",))
            }
            number, unique = 1, run_id
            while unique in taken:
                number += 1
                unique = f"{run_id}_{number}"
            waiting = self.waiting(steady).queued
            self._db.execute(
                "INSERT INTO runs (id, started_at, waiting_before, model) VALUES (?, ?, ?, ?)",
                (unique, at.isoformat(), waiting, model),
            )
        return Run(id=unique, started_at=at, waiting_before=waiting)

    def open_runs(self) -> list[Run]:
        """Runs that were never closed: those of a process that was killed, oldest first."""
        rows = self._db.execute(
            "SELECT id, started_at, waiting_before FROM runs"
            " WHERE finished_at IS NULL ORDER BY rowid"
        )
        return [Run(i, datetime.fromisoformat(started), waiting) for i, started, waiting in rows]

    def add_busy_seconds(self, run: str, seconds: float) -> None:
        """Add to the time that a run spent working. Not synced: a figure, not a promise."""
        with self._transaction(durable=False):
            self._db.execute(
                "UPDATE runs SET busy_seconds = busy_seconds + ? WHERE id = ?", (seconds, run)
            )

    def close_run(self, run: str, at: datetime, summary: dict[str, Any]) -> None:
        """Close a run with its summary."""
        with self._transaction():
            self._db.execute(
                "UPDATE runs SET finished_at = ?, summary = ? WHERE id = ?",
                (at.isoformat(), json.dumps(summary, ensure_ascii=False), run),
            )

    def drop_run(self, run: str) -> None:
        """Take back a run in which nothing happened."""
        with self._transaction():
            self._db.execute("UPDATE photos SET arrived_in = NULL WHERE arrived_in = ?", (run,))
            self._db.execute("UPDATE photos SET run = NULL WHERE run = ?", (run,))
            self._db.execute("DELETE FROM runs WHERE id = ?", (run,))

    def tally(self, run: str, steady: float) -> Tally:
        """Count what a run did, for its summary."""
        started_at, waiting_before, busy, model = self._db.execute(
            "SELECT started_at, waiting_before, busy_seconds, model FROM runs WHERE id = ?", (run,)
        ).fetchone()
        statuses = dict(self._counts("status", run, "result_number IS NOT NULL"))
        judged = "result_number IS NOT NULL AND status IN ('success', 'review')"
        (average,) = self._db.execute(
            f"SELECT avg(confidence) FROM photos WHERE run = ? AND {judged}", (run,)
        ).fetchone()
        return Tally(
            run=run,
            started_at=datetime.fromisoformat(started_at),
            model=model,
            waiting_before=waiting_before,
            busy_seconds=busy,
            arrived=self._count("arrived_in = ?", run),
            gone=self._count("run = ? AND state = 'gone'", run),
            waiting_after=self.waiting(steady).queued,
            statuses={Status(status): n for status, n in statuses.items()},
            categories=dict(self._counts("category", run, judged)),
            bands={Band(band): n for band, n in self._counts("band", run, judged)},
            average_confidence=average,
        )

    def rows(self, run: str) -> Iterator[ResultRow]:
        """The lines of a run's results, in the order in which they were recorded."""
        cursor = self._db.execute(
            "SELECT path, category, confidence, status, recorded_at, band, reason, reason_text,"
            " alternatives, return_id, category_code, location, target, sha256, run"
            " FROM photos WHERE run = ? AND result_number IS NOT NULL ORDER BY result_number",
            (run,),
        )
        for row in cursor:
            yield _result_row(row)

    def errors(self, run: str) -> list[dict[str, str]]:
        """What went to quarantine in a run, for its summary."""
        rows = self._db.execute(
            "SELECT filename, reason_text FROM photos"
            " WHERE run = ? AND result_number IS NOT NULL AND status = 'error'"
            " ORDER BY result_number",
            (run,),
        )
        return [{"filename": filename, "error": text} for filename, text in rows]

    def summaries(self, since: datetime | None = None, limit: int = -1) -> list[dict[str, Any]]:
        """Summaries of closed runs, newest first; `limit` below 0 means all."""
        rows = self._db.execute(
            "SELECT started_at, summary FROM runs WHERE summary IS NOT NULL"
            " ORDER BY rowid DESC LIMIT ?",
            (limit,),
        )
        return [
            json.loads(summary)
            for started, summary in rows
            if since is None or datetime.fromisoformat(started) >= since
        ]

    # --- history -------------------------------------------------------------------------------

    def summary(self, run: str) -> dict[str, Any] | None:
        """The summary of a closed run; None when there is no such run, or it is not closed."""
        row = self._db.execute("SELECT summary FROM runs WHERE id = ?", (run,)).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def stories(self, name: str) -> list[Story]:
        """Photos of that file name, return id, or place in sorted or incoming; newest first."""
        rows = self._db.execute(
            f"SELECT {_STORY} FROM photos WHERE id IN ("
            "SELECT id FROM photos WHERE filename = ?"
            " UNION SELECT id FROM photos WHERE return_id <> '' AND return_id = ?"
            " UNION SELECT id FROM photos WHERE coalesce(place, target) = ?"
            " AND target IS NOT NULL) ORDER BY id DESC",
            (as_text(name), as_text(name), os.fsencode(name)),
        )
        return [_story(row) for row in rows]

    def stories_of_run(self, run: str) -> Iterator[Story]:
        """What a run put somewhere, in the order of its results."""
        rows = self._db.execute(
            f"SELECT {_STORY} FROM photos WHERE run = ? AND result_number IS NOT NULL"
            " ORDER BY result_number",
            (run,),
        )
        return map(_story, rows)

    def newest_filed(self, limit: int) -> list[Story]:
        """The photos that were filed last and still are, as far as is known."""
        rows = self._db.execute(
            f"SELECT {_STORY} FROM photos WHERE state IN ('filed', 'review')"
            " ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [_story(row) for row in rows]

    # --- corrections ---------------------------------------------------------------------------

    def plan_corrections(self, corrections: Iterable[Correction]) -> list[Correction]:
        """Record what is about to be moved at a person's word; returns it with its numbers."""
        with self._transaction():
            return [replace(one, id=self._insert_correction(one, done=0)) for one in corrections]

    def record_corrections(self, done: Iterable[tuple[Correction, Fingerprint]]) -> None:
        """Record moves that were made, each with the file as it is at its new place."""
        with self._transaction():
            for correction, mark in done:
                self._apply(correction, mark)
                self._db.execute(
                    "UPDATE corrections SET is_done = 1, target = ? WHERE id = ?",
                    (os.fsencode(correction.move.target), correction.id),
                )

    def drop_corrections(self, corrections: Iterable[Correction]) -> None:
        """Take back what was planned and not done."""
        with self._transaction():
            self._db.executemany(
                "DELETE FROM corrections WHERE id = ? AND is_done = 0",
                [(correction.id,) for correction in corrections],
            )

    def note_dragged(self, correction: Correction) -> None:
        """Record that a person moved a photo to another category's folder."""
        with self._transaction():
            self._insert_correction(correction, done=1)
            self._apply(correction, correction.move.fingerprint)

    def unfinished_corrections(self) -> list[Correction]:
        """What was planned at a person's word and perhaps not done, when something failed."""
        return [_correction(row) for row in self._corrections("is_done = 0")]

    def corrections_of(self, photo_id: int) -> list[Correction]:
        """What people said of a photo, oldest first."""
        return [
            _correction(row) for row in self._corrections("is_done = 1 AND photo = ?", photo_id)
        ]

    def corrections_between(self, begin: datetime, end: datetime) -> list[tuple[Correction, Story]]:
        """What people said in a time, oldest first, each with its photo."""
        rows = self._corrections("is_done = 1 AND at >= ? AND at < ?", _utc(begin), _utc(end))
        return [(_correction(row), self._story_of(row[1])) for row in rows]

    def _corrections(self, condition: str, *values: Any) -> list[Any]:
        return self._db.execute(
            "SELECT id, photo, word, before, category, person, at, source, target, inode,"
            " size_bytes, mtime_ns, (SELECT sha256 FROM photos WHERE photos.id = photo)"
            f" FROM corrections WHERE {condition} ORDER BY id",
            values,
        ).fetchall()

    def _story_of(self, photo_id: int) -> Story:
        row = self._db.execute(f"SELECT {_STORY} FROM photos WHERE id = ?", (photo_id,)).fetchone()
        return _story(row)

    def _insert_correction(self, one: Correction, *, done: int) -> int:
        mark = one.move.fingerprint
        cursor = self._db.execute(
            "INSERT INTO corrections (photo, word, before, category, person, at, source, target,"
            " inode, size_bytes, mtime_ns, is_done) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.photo_id,
                one.word,
                one.before,
                one.category,
                one.person,
                _utc(one.at),
                os.fsencode(one.move.source),
                os.fsencode(one.move.target),
                mark.inode,
                mark.size_bytes,
                mark.mtime_ns,
                done,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _apply(self, correction: Correction, mark: Fingerprint) -> None:
        """Let a person's word hold for the photo's row."""
        undone = correction.word is Word.UNDONE
        self._db.execute(
            "UPDATE photos SET state = ?, place = ?, decided = ?, inode = ?, size_bytes = ?,"
            " mtime_ns = ? WHERE id = ?",
            (
                "undone" if undone else "filed",
                os.fsencode(correction.move.target),
                None if undone else correction.category,
                mark.inode,
                mark.size_bytes,
                mark.mtime_ns,
                correction.photo_id,
            ),
        )

    # --- facts ---------------------------------------------------------------------------------

    def fact(self, key: str) -> Any:
        """A remembered fact, or None."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def remember(self, key: str, value: Any) -> None:
        """Remember a fact; `value` is anything JSON can hold."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO facts VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, json.dumps(value)),
            )

    # --- inside --------------------------------------------------------------------------------

    def _prepare(self) -> None:
        (mode,) = self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise ConfigError(
                f"{self._path}: the disk of state_dir cannot hold a database safely; "
                "set state_dir to a folder on a local disk"
            )
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            if self._require_known_version() == 0:
                for statement in (*_SCHEMA.split(";"), *_TRIGGERS):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _require_known_version(self) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"{self._path}: was written by a newer nightsort (schema {version}, this one "
                f"knows {SCHEMA_VERSION}); install that version again"
            )
        return int(version)

    @contextmanager
    def _transaction(self, *, durable: bool = True) -> Iterator[None]:
        if not durable:
            self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # some failures have ended it themselves
                    self._db.execute("ROLLBACK")
                raise
        finally:
            if not durable:
                self._db.execute("PRAGMA synchronous = FULL")

    def _open_run(self) -> str | None:
        row = self._db.execute(
            "SELECT id FROM runs WHERE finished_at IS NULL ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])

    def _admit_one(self, sighting: Sighting, at: datetime, run: str | None) -> bool:
        active = self._active(sighting.path)
        if self._is_known(sighting, active):
            return False
        if active is not None:
            self._replace(active, sighting.fingerprint)
            return False
        mark = sighting.fingerprint
        self._db.execute(
            "INSERT INTO photos (state, path, filename, inode, size_bytes, mtime_ns,"
            " first_seen_at, arrived_in) VALUES ('queued', ?, ?, ?, ?, ?, ?, ?)",
            (
                os.fsencode(sighting.path),
                as_text(sighting.path.rpartition("/")[2]),
                mark.inode,
                mark.size_bytes,
                mark.mtime_ns,
                at.isoformat(),
                run,
            ),
        )
        return True

    def _replace(self, active: _Active, mark: Fingerprint) -> None:
        """Note what a queued file is now; what is in hand is looked at when it is given back."""
        self._db.execute(
            "UPDATE photos SET inode = ?, size_bytes = ?, mtime_ns = ?, attempts = 0, retry_at = 0,"
            " cut_off_boot = NULL, cut_off_at = NULL, alone = 0, crashes = 0"
            " WHERE id = ? AND state = 'queued'",
            (mark.inode, mark.size_bytes, mark.mtime_ns, active.id),
        )

    def _requeue(self, photos: Iterable[Photo], state: str) -> None:
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL WHERE id = ? AND state = ?",
                [(photo.id, state) for photo in photos],
            )

    def _active(self, path: str) -> _Active | None:
        row = self._db.execute(
            "SELECT id, inode, size_bytes, mtime_ns FROM photos"
            f" WHERE path = ? AND state IN {_ACTIVE}",
            (os.fsencode(path),),
        ).fetchone()
        return None if row is None else _Active(row[0], Fingerprint(*row[1:]))

    def _is_known(self, sighting: Sighting, active: _Active | None) -> bool:
        mark = sighting.fingerprint
        if active is not None:
            return active.fingerprint == mark
        kept = self._db.execute(
            # No inode: a share that is mounted again may number its files anew.
            "SELECT 1 FROM photos WHERE kept_source = 1 AND path = ?"
            " AND size_bytes = ? AND mtime_ns = ?",
            (os.fsencode(sighting.path), mark.size_bytes, mark.mtime_ns),
        ).fetchone()
        return kept is not None or self._is_put_back(sighting)

    def _is_put_back(self, sighting: Sighting) -> bool:
        """Whether a person had this file put back, or that is under way; it is left alone."""
        place, mark = os.fsencode(sighting.path), sighting.fingerprint
        row = self._db.execute(
            "SELECT 1 FROM photos WHERE coalesce(place, target) = ? AND target IS NOT NULL"
            " AND state = 'undone' AND size_bytes = ? AND mtime_ns = ?"
            " UNION ALL"
            " SELECT 1 FROM corrections WHERE is_done = 0 AND word = 'undone' AND target = ?",
            (place, mark.size_bytes, mark.mtime_ns, place),
        ).fetchone()
        return row is not None

    def _record_one(self, outcome: Outcome, row: ResultRow, run: str, number: int) -> bool:
        recorded = self._db.execute(
            "UPDATE photos SET state = ?, status = ?, target = ?, kept_source = ?, recorded_at = ?,"
            " return_id = ?, category_code = ?, location = ?, run = ?, result_number = ?"
            " WHERE id = ? AND state = 'classified'",
            (
                _FINAL_STATE[outcome.status],
                outcome.status,
                os.fsencode(outcome.target),
                int(outcome.kept_source),
                row.timestamp,
                row.return_id,
                row.category_code,
                row.location,
                run,
                number,
                outcome.examined.photo.id,
            ),
        )
        if recorded.rowcount == 0:
            return False
        folder = outcome.examined.photo.path.rpartition("/")[0]
        if folder:
            self._db.execute(
                "INSERT INTO emptied VALUES (?, ?)"
                " ON CONFLICT (folder) DO UPDATE SET taken_at = excluded.taken_at",
                (os.fsencode(folder), outcome.recorded_at.astimezone(UTC).isoformat()),
            )
        return True

    def _next_result_number(self, run: str) -> int:
        (last,) = self._db.execute(
            "SELECT max(result_number) FROM photos WHERE run = ? AND result_number IS NOT NULL",
            (run,),
        ).fetchone()
        return int(last or 0) + 1

    def _counts(self, column: str, run: str, condition: str) -> list[tuple[str, int]]:
        return self._db.execute(
            f"SELECT {column}, count(*) FROM photos WHERE run = ? AND {condition}"
            f" GROUP BY {column} ORDER BY {column}",
            (run,),
        ).fetchall()

    def _count(self, condition: str, value: str) -> int:
        (count,) = self._db.execute(
            f"SELECT count(*) FROM photos WHERE {condition}", (value,)
        ).fetchone()
        return int(count)


def _within(max_bytes: float, photos: Sequence[Photo]) -> list[Photo]:
    """The first photo, and those behind it as long as all are not larger than `max_bytes`."""
    sizes = accumulate(photo.fingerprint.size_bytes for photo in photos)
    room_for = sum(size <= max_bytes for size in sizes)
    return list(photos[: max(1, room_for)])


def _photo(row: Sequence[Any]) -> Photo:
    return Photo(
        id=row[0],
        path=os.fsdecode(row[1]),
        fingerprint=Fingerprint(row[2], row[3], row[4]),
        first_seen_at=datetime.fromisoformat(row[5]),
        attempts=row[6],
        alone=bool(row[7]),
    )


# The columns of a `Story`, in the order of its fields.
_STORY = (
    "id, path, state, first_seen_at, coalesce(run, ''), coalesce(status, ''),"
    " coalesce(recorded_at, ''), coalesce(category, ''), confidence, coalesce(band, ''),"
    " coalesce(reason, ''), coalesce(reason_text, ''), alternatives, coalesce(return_id, ''),"
    " coalesce(target, x''),"
    " CASE WHEN state IN ('queued', 'claimed', 'classified', 'gone') THEN path"
    " ELSE coalesce(place, target) END, coalesce(decided, ''), kept_source,"
    " coalesce(sha256, ''), inode, size_bytes, mtime_ns"
)


def _story(row: Sequence[Any]) -> Story:
    fields: list[Any] = [*row[:19], Fingerprint(*row[19:])]
    fields[1], fields[14], fields[15] = (os.fsdecode(row[n]) for n in (1, 14, 15))
    fields[12], fields[17] = _alternatives(row[12]), bool(row[17])
    return Story(*fields)


def _correction(row: Sequence[Any]) -> Correction:
    mark = Fingerprint(*row[9:12])
    move = Move(row[1], os.fsdecode(row[7]), os.fsdecode(row[8]), mark, row[12] or "")
    said = datetime.fromisoformat(row[6])
    return Correction(row[0], row[1], Word(row[2]), row[3], row[4], row[5], said, move)


def _utc(at: datetime) -> str:
    """A time that sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _intention_values(intention: Intention) -> tuple[Any, ...]:
    examined, mark = intention.examined, intention.move.fingerprint
    verdict = examined.verdict
    return (
        intention.run,
        intention.status,
        os.fsencode(intention.move.target),
        examined.sha256,
        mark.inode,
        mark.size_bytes,
        mark.mtime_ns,
        verdict and verdict.category,
        verdict and verdict.confidence,
        verdict and verdict.band,
        examined.problem or (verdict and verdict.reason),
        examined.problem_text or (verdict and verdict.reason_text),
        verdict and _alternatives_json(verdict),
        examined.photo.id,
    )


def _alternatives_json(verdict: Verdict) -> str:
    return json.dumps([[a.category, a.confidence] for a in verdict.alternatives])


def _alternatives(text: str | None) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(category, confidence) for category, confidence in json.loads(text or "[]")
    )


def _intention(row: Sequence[Any]) -> Intention:
    photo = _photo(row[:8])
    target, sha256, status, category, confidence, band, reason, text, alternatives, run = row[8:]
    verdict = None
    problem = None
    if category is not None:
        verdict = Verdict(
            category,
            confidence,
            Band(band),
            reason and Reason(reason),
            text,
            _alternatives(alternatives),
        )
    else:
        problem = PhotoProblem(reason)
    examined = Examined(
        photo, photo.fingerprint, sha256, verdict, problem, text or "" if problem else ""
    )
    move = Move(photo.id, photo.path, os.fsdecode(target), photo.fingerprint, sha256)
    return Intention(move, examined, Status(status), run or "")


def _result_row(row: Sequence[Any]) -> ResultRow:
    (path, category, confidence, status, recorded_at, band, reason, reason_text, alternatives,
     return_id, category_code, location, target, sha256, run) = row  # fmt: skip
    second = next(iter(_alternatives(alternatives)), None)
    return ResultRow(
        source=os.fsdecode(path),
        category=category or "",
        confidence=confidence,
        status=Status(status),
        timestamp=recorded_at,
        band=band or "",
        reason=reason or "",
        reason_text=reason_text or "",
        second_category=second.category if second else "",
        second_confidence=second.confidence if second else None,
        return_id=return_id or "",
        category_code=category_code or "",
        location=location or "",
        target=os.fsdecode(target),
        sha256=sha256 or "",
        run=run,
    )

"""Forgetting: takes photos out of every table, so that nothing in the file can be read of them.

What is to be forgotten is noted first (`Job`), with all that it is found by, and the note is the
last that goes: whoever dies in between finishes it at the next start, and may do a step again.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from config.errors import FolderUnavailable
from daemon.domain.coding import coded, decoded
from daemon.domain.forgetting import Job, Redaction
from daemon.store.audit import Kind, append, forget_rows
from daemon.store.changes import note_change, note_incident
from daemon.store.database import Database, Part
from daemon.store.facts import (
    FORGETTING,
    LEFT_ALONE,
    LESSON,
    MASS_REMOVAL,
    PHOTO_NUMBER,
    set_fact,
)
from daemon.store.recall import balance_open_runs
from daemon.store.rows import utc
from daemon.store.runs import errors_of
from daemon.store.traces import THESE

# Where a photo is named once it is not the photos' own: table, column, and what tells rows apart.
_TEXTS = (
    ("incidents", "facts", "id"),
    ("alerts", "facts", "id"),
    ("lessons", "result", "id"),
)
_NAMING_FACTS = (LEFT_ALONE, LESSON, MASS_REMOVAL)


class Forgetting(Part):
    """Takes out what is to be forgotten."""

    def under_way(self) -> list[Job]:
        """What was begun and is not done."""
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (FORGETTING,)).fetchone()
        return [decoded(Job, one) for one in json.loads(row[0])] if row else []

    def begin(self, job: Job) -> None:
        """Note what is to be forgotten."""
        with self._db.transaction():
            jobs = [one for one in self.under_way() if one.numbers != job.numbers]
            self._note([*jobs, job])

    def end(self, job: Job) -> None:
        """Note that it is done, or that nothing of it will be."""
        with self._db.transaction():
            self._note([one for one in self.under_way() if one.numbers != job.numbers])

    def _note(self, jobs: list[Job]) -> None:
        self._db.execute("DELETE FROM facts WHERE key = ?", (FORGETTING,))
        if jobs:
            set_fact(self._db, FORGETTING, [coded(job) for job in jobs])

    # --- taking out ------------------------------------------------------------------------------

    def erase(self, job: Job) -> None:
        """Take the photos out of all tables, and tell those who copied them."""
        redaction = Redaction(job.names)
        with self._db.transaction():
            drop_rows(self._db, job.numbers, utc(datetime.fromisoformat(job.at)), job.by)
            self._drop_brought(job)
            self._summaries(job)
            self._handovers(job, redaction)
            self._texts(redaction)
            self._facts(job, redaction)
            balance_open_runs(self._db)

    def scrub(self) -> None:
        """Write the file anew, so that nothing is left of what was moved or deleted in it.

        Raises TransientError while somebody reads it for long, or the disk has no room.
        """
        self._db.execute("VACUUM")
        self.cut_log()

    def cut_log(self) -> None:
        """Bring all that the log holds to the file, and leave none of the log.

        Raises TransientError while somebody reads it for long.
        """
        (is_busy, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise FolderUnavailable("state_dir: another program reads the database; end it")

    def _drop_brought(self, job: Job) -> None:
        """What somebody brought to be learnt from, where it is the same picture."""
        hashes = json.dumps([sha256 for one in job.photos for sha256 in one.own_hashes])
        self._db.execute(
            f"DELETE FROM examples WHERE photo IS NULL AND sha256 IN {THESE}", (hashes,)
        )

    def _summaries(self, job: Job) -> None:
        for run in job.own_runs:
            shorten_errors(self._db, run)

    def _handovers(self, job: Job, redaction: Redaction) -> None:
        rows = self._db.execute("SELECT id, body FROM handovers WHERE body <> ''").fetchall()
        for number, body in rows:
            told = json.loads(body)
            if told.get("photo", {}).get("id") in job.numbers:
                self._db.execute("DELETE FROM handovers WHERE id = ?", (number,))
                continue
            if (less := self._told_without(told, job, redaction)) != told:
                text = json.dumps(less, ensure_ascii=False)
                self._db.execute("UPDATE handovers SET body = ? WHERE id = ?", (text, number))

    def _told_without(self, told: dict[str, Any], job: Job, redaction: Redaction) -> Any:
        if told.get("run") in job.own_runs and "summary" in told:
            told = told | {
                "summary": told["summary"] | {"errors": errors_of(self._db, str(told["run"]))},
                "returns": [one for one in told["returns"] if one["return_id"] not in job.names],
            }
        return redaction.of(told)

    def _texts(self, redaction: Redaction) -> None:
        """What people were told."""
        for table, column, key in _TEXTS:
            rows = self._db.execute(
                f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL"
            ).fetchall()
            for number, text in rows:
                value = json.loads(text)
                if (less := redaction.of(value)) != value:
                    self._db.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {key} = ?",
                        (json.dumps(less), number),
                    )
                    if table == "incidents":
                        note_incident(self._db, number)
                    elif table == "alerts":
                        note_change(self._db, "alert", number)

    def _facts(self, job: Job, redaction: Redaction) -> None:
        for key, text in self._db.execute("SELECT key, value FROM facts").fetchall():
            if key not in _NAMING_FACTS:
                continue
            value = json.loads(text)
            less = redaction.of(value)
            if key == MASS_REMOVAL and isinstance(less, dict):
                less = {k: v for k, v in less.items() if k not in map(str, job.numbers)} or None
            if less != value:
                set_fact(self._db, key, less)


def drop_rows(database: Database, photos: Collection[int], at: str, by: str) -> None:
    """Take photos and all that was said of them out of the tables, as far as they are there.

    Within a transaction of another part. The audit chain says so and holds without them, those who
    copy are told, and no photo gets a number of theirs. at: as `utc`; by: who wants that.
    """
    these = json.dumps([*photos])
    there = f"SELECT count(*), max(id) FROM photos WHERE id IN {THESE}"
    count, highest = database.execute(there, (these,)).fetchone()
    if not count:
        return
    told = {"photos": count, "rows": forget_rows(database, these)}
    append(database, Kind.FORGOTTEN, at, told, person=by)
    row = database.execute("SELECT value FROM facts WHERE key = ?", (PHOTO_NUMBER,)).fetchone()
    set_fact(database, PHOTO_NUMBER, max(highest, int(row[0]) if row else 0))
    database.execute(
        "DELETE FROM changes WHERE kind = 'correction' AND id IN"
        f" (SELECT id FROM corrections WHERE photo IN {THESE})",
        (these,),
    )
    for table, column in (
        ("corrections", "photo"),
        ("spot_checks", "photo"),
        ("verdicts_ahead", "photo"),
        ("examples", "photo"),
        ("photos", "id"),
    ):
        database.execute(f"DELETE FROM {table} WHERE {column} IN {THESE}", (these,))
    for photo in photos:
        note_change(database, "detail", photo)


def shorten_errors(database: Database, run: str) -> None:
    """Let a summary name only what is still known to have gone to quarantine.

    Within a transaction of another part. Its counts say what was done, and stay.
    """
    row = database.execute("SELECT summary FROM runs WHERE id = ?", (run,)).fetchone()
    summary = json.loads(row[0]) if row and row[0] else None
    if summary is not None and summary["errors"] != (errors := errors_of(database, run)):
        text = json.dumps({**summary, "errors": errors}, ensure_ascii=False)
        database.execute("UPDATE runs SET summary = ? WHERE id = ?", (text, run))
        note_change(database, "detail", run)

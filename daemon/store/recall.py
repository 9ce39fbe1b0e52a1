"""Recalling: what the folders know and the database does not, after an older one took its place.

Everything here may be told twice: what is known already stays as it is.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from classifier.verdict import Band
from config.errors import PhotoProblem
from daemon.domain.photos import Fingerprint, Status, as_text
from daemon.domain.return_ids import recorded_key
from daemon.domain.runs import ResultRow
from daemon.folders.names import numbered
from daemon.store.admissions import NEXT_NUMBER, active_photo
from daemon.store.audit import Kind, append
from daemon.store.database import Database, Part
from daemon.store.intentions import FINAL_STATE
from daemon.store.queue import ACTIVE
from daemon.store.rows import utc

# The results tell whole seconds.
_A_SECOND = timedelta(seconds=1)
_UNKNOWN = Fingerprint(0, 0, 0)
# A quick look at what was found can do no harm.
_BANDS = {Status.REVIEW: Band.REVIEW}


@dataclass(frozen=True, slots=True)
class Recalled:
    """A line of the results, and what the folders say of its photo now."""

    number: int  # in its run
    row: ResultRow
    mark: Fingerprint | None  # of the file that it tells of; None: it is not there any more
    kept_source: bool  # it had to stay in incoming
    reason_text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file in sorted that no results tell of."""

    place: str
    status: Status
    category: str
    mark: Fingerprint
    sha256: str
    at: datetime  # when it came there


def balance_open_runs(database: Database) -> None:
    """As `Recall.balance_open_runs`, within a transaction of another part."""
    database.execute(
        "UPDATE runs SET waiting_before = (SELECT count(*) FROM photos"
        " WHERE arrived_in IS NOT runs.id AND (state IN"
        f" {ACTIVE} OR (run = runs.id AND (result_number IS NOT NULL OR state = 'gone'))))"
        " WHERE finished_at IS NULL"
    )


class Recall(Part):
    """Takes in what is told of photos that were sorted since."""

    def run(self, run: str, at: datetime, model: str) -> None:
        """Open a run that has ended since; people were told of it then."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO runs (id, started_at, waiting_before, model, is_judged)"
                " VALUES (?, ?, 0, ?, 1) ON CONFLICT (id) DO UPDATE SET is_judged = 1",
                (run, at.isoformat(), model),
            )

    def rows(self, run: str, recalled: Iterable[Recalled]) -> int:
        """Record lines of a run's results as they were recorded then; how many were not known."""
        with self._db.transaction():
            return sum(self._recall_one(run, one) for one in recalled)

    def balance_recalled(self, run: str) -> None:
        """Let a run have begun with those of its photos that were queued before it."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE runs SET waiting_before = (SELECT count(*) FROM photos"
                " WHERE run = ? AND result_number IS NOT NULL AND arrived_in IS NOT ?)"
                " WHERE id = ?",
                (run, run, run),
            )

    def balance_open_runs(self) -> None:
        """Let runs that go on have begun with what is still theirs: others took some of it."""
        with self._db.transaction():
            balance_open_runs(self._db)

    def is_place_known(self, place: str) -> bool:
        """Whether a photo is known to lie, or to have been filed, there in sorted."""
        row = self._db.execute(
            "SELECT 1 FROM photos WHERE coalesce(place, target) = ? AND target IS NOT NULL"
            " AND state <> 'undone'",
            (os.fsencode(place),),
        ).fetchone()
        return row is not None

    def queued_as(self, filename: str, size_bytes: int) -> list[str]:
        """Where in incoming photos of that name and size wait, or waited, to be sorted."""
        rows = self._db.execute(
            f"SELECT path FROM photos WHERE filename = ? AND size_bytes = ? AND state IN {ACTIVE}"
            " ORDER BY id",
            (as_text(filename), size_bytes),
        )
        return [os.fsdecode(path) for (path,) in rows]

    def replan_found(self, found: Found, source: str | None) -> None:
        """Plan again the move of a file in sorted of which no results tell.

        source: the photo in incoming that it is, or was; None: one that is not known. Recovery
        finds the move done, and records it as it records all others.
        """
        path = source or self._free_path(found.place.rpartition("/")[2])
        at, mark = found.at.isoformat(timespec="seconds"), found.mark
        is_unread = found.status is Status.ERROR
        with self._db.transaction():
            row = self._db.execute(
                f"SELECT id FROM photos WHERE path = ? AND state IN {ACTIVE}", (os.fsencode(path),)
            ).fetchone()
            photo = row[0] if row else self._insert_gone(path, at, None)
            self._db.execute(
                "UPDATE photos SET state = 'classified', status = ?, category = ?, band = ?,"
                " reason = ?, reason_text = ?, confidence = NULL, alternatives = '[]',"
                " sha256 = ?, target = ?, inode = ?, size_bytes = ?, mtime_ns = ?, run = NULL"
                " WHERE id = ?",
                (
                    found.status,
                    None if is_unread else found.category,
                    None if is_unread else _BANDS.get(found.status, Band.CHECK),
                    PhotoProblem.UNREADABLE if is_unread else None,
                    "It was found in quarantine; photograph the item again." if is_unread else None,
                    found.sha256,
                    os.fsencode(found.place),
                    mark.inode,
                    mark.size_bytes,
                    mark.mtime_ns,
                    photo,
                ),
            )

    def _free_path(self, name: str) -> str:
        """`name`, or numbered, where no photo is under way."""
        number, path = 1, name
        while active_photo(self._db, path) is not None:
            number += 1
            path = numbered(name, number)
        return path

    def forget_queued(self, path: str, mark: Fingerprint) -> None:
        """Drop a queue entry of a file that a person had put back there."""
        with self._db.transaction():
            self._db.execute(
                "DELETE FROM photos WHERE path = ? AND state = 'queued' AND size_bytes = ?"
                " AND mtime_ns = ?",
                (os.fsencode(path), mark.size_bytes, mark.mtime_ns),
            )

    def _recall_one(self, run: str, one: Recalled) -> bool:
        known = self._db.execute(
            "SELECT 1 FROM photos WHERE run = ? AND result_number = ?", (run, one.number)
        ).fetchone()
        if known is not None:
            return False
        row, mark = one.row, one.mark or _UNKNOWN
        photo = self._queued_before(row)
        if photo is None:
            photo = self._insert_gone(row.source, row.timestamp, run)
        second = [[row.second_category, row.second_confidence]] if row.second_category else []
        self._db.execute(
            "UPDATE photos SET state = ?, status = ?, run = ?, result_number = ?, sha256 = ?,"
            " category = ?, confidence = ?, band = ?, reason = ?, reason_text = ?,"
            " alternatives = ?, return_id = ?, return_key = ?, category_code = ?, location = ?,"
            " target = ?, kept_source = ?, recorded_at = ?, inode = ?, size_bytes = ?,"
            " mtime_ns = ?,"
            " arrived_in = nullif(arrived_in, (SELECT id FROM runs"
            "  WHERE id = arrived_in AND id <> ? AND finished_at IS NULL))"
            " WHERE id = ?",
            (
                FINAL_STATE[row.status],
                row.status,
                run,
                one.number,
                row.sha256,
                row.category or None,
                row.confidence,
                row.band or None,
                row.reason or None,
                one.reason_text or None,
                json.dumps(second),
                row.return_id,
                recorded_key(row.filename, row.return_id),
                row.category_code,
                row.location,
                os.fsencode(row.target),
                int(one.kept_source),
                row.timestamp,
                mark.inode,
                mark.size_bytes,
                mark.mtime_ns,
                run,
                photo,
            ),
        )
        append(self._db, Kind.VERDICT, utc(datetime.fromisoformat(row.timestamp)), about=photo)
        return True

    def _queued_before(self, row: ResultRow) -> int | None:
        """The entry of the queue that this line is about, if it was queued by then.

        The results tell a name that is no UTF-8 by its escaped form.
        """
        entries = self._db.execute(
            f"SELECT id, path, first_seen_at FROM photos WHERE filename = ? AND state IN {ACTIVE}",
            (row.filename,),
        )
        latest = datetime.fromisoformat(row.timestamp) + _A_SECOND
        for photo, path, first_seen in entries.fetchall():
            is_it = as_text(os.fsdecode(path)) == as_text(row.source)
            if is_it and datetime.fromisoformat(first_seen) <= latest:
                return int(photo)
        return None

    def _insert_gone(self, path: str, first_seen: str, run: str | None) -> int:
        """A photo that came and went unseen; what became of it is recorded next."""
        (photo,) = self._db.execute(
            "INSERT INTO photos (id, state, path, filename, inode, size_bytes, mtime_ns,"
            f" first_seen_at, arrived_in) VALUES ({NEXT_NUMBER}, 'gone', ?, ?, 0, 0, 0, ?, ?)"
            " RETURNING id",
            (os.fsencode(path), as_text(path.rpartition("/")[2]), first_seen, run),
        ).fetchone()
        return int(photo)

"""Intentions and outcomes: what is recorded before the first byte moves, and after the last."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime

from daemon.records import Outcome, Photo, ResultRow, Status
from daemon.store.database import Database
from daemon.store.rows import Intention, intention_of, intention_values, photo_of

FINAL_STATE = {
    Status.SUCCESS: "filed",
    Status.REVIEW: "review",
    Status.DUPLICATE: "duplicate",
    Status.ERROR: "quarantined",
}


class Filing(Database):
    """Photos on their way to their final place, and those that did not get there."""

    def plan(self, intentions: Iterable[Intention]) -> None:
        """Record verdicts and planned moves, before the first byte moves."""
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'classified', run = ?, status = ?, target = ?,"
                " sha256 = ?, inode = ?, size_bytes = ?, mtime_ns = ?, category = ?,"
                " confidence = ?, band = ?, reason = ?, reason_text = ?, alternatives = ?"
                " WHERE id = ?",
                [intention_values(intention) for intention in intentions],
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

    def unfinished(self) -> list[Intention]:
        """Moves that were under way when the last process ended."""
        rows = self._db.execute(
            "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone, target,"
            " sha256, status, category, confidence, band, reason, reason_text, alternatives, run"
            " FROM photos WHERE state = 'classified' ORDER BY id"
        ).fetchall()
        return [intention_of(row) for row in rows]

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
        return [photo_of(row) for row in rows]

    def _record_one(self, outcome: Outcome, row: ResultRow, run: str, number: int) -> bool:
        recorded = self._db.execute(
            "UPDATE photos SET state = ?, status = ?, target = ?, kept_source = ?, recorded_at = ?,"
            " return_id = ?, category_code = ?, location = ?, run = ?, result_number = ?"
            " WHERE id = ? AND state = 'classified'",
            (
                FINAL_STATE[outcome.status],
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

"""Intentions and outcomes: what is recorded before the first byte moves, and after the last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from daemon.domain.photos import Photo, Status
from daemon.domain.return_ids import recorded_key
from daemon.domain.runs import ResultRow
from daemon.domain.sorting import Outcome
from daemon.store.audit import append_verdicts
from daemon.store.database import Part
from daemon.store.queue import requeue
from daemon.store.rows import Intention, intention_of, intention_values, utc

FINAL_STATE = {
    Status.SUCCESS: "filed",
    Status.REVIEW: "review",
    Status.DUPLICATE: "duplicate",
    Status.ERROR: "quarantined",
}


class Intentions(Part):
    """Photos on their way to their final place."""

    def plan(self, intentions: Iterable[Intention]) -> None:
        """Record verdicts and planned moves, before the first byte moves."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'classified', run = ?, status = ?, target = ?,"
                " sha256 = ?, inode = ?, size_bytes = ?, mtime_ns = ?, category = ?,"
                " confidence = ?, band = ?, reason = ?, reason_text = ?, alternatives = ?,"
                " return_id = ?, model = ?, ahead_seconds = ? WHERE id = ?",
                [intention_values(intention) for intention in intentions],
            )

    def record(self, outcomes: Sequence[tuple[Outcome, ResultRow]], run: str) -> list[ResultRow]:
        """Record what became of photos, each with its line in the results, in order.

        Returns the lines. A photo that has an outcome already keeps it, and gets no second line.
        """
        with self._db.transaction():
            under_way = self._under_way([outcome for outcome, _ in outcomes])
            news = [one for one in outcomes if one[0].examined.photo.id in under_way]
            self._update(news, run)
            append_verdicts(
                self._db,
                {outcome.examined.photo.id: utc(outcome.recorded_at) for outcome, _ in news},
            )
            self._note_emptied(outcome for outcome, _ in news)
        return [row for _, row in news]

    def drop(self, photos: Iterable[Photo]) -> None:
        """Put photos back whose planned move was not made."""
        requeue(self._db, photos, "classified")

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
        with self._db.transaction():
            self._db.executemany(
                "DELETE FROM emptied WHERE folder = ?", [(os.fsencode(f),) for f in folders]
            )

    def unfinished(self) -> list[Intention]:
        """Moves that were under way when the last process ended."""
        rows = self._db.execute(
            "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone, target,"
            " sha256, status, category, confidence, band, reason, reason_text, alternatives, run,"
            " return_id, model FROM photos WHERE state = 'classified' ORDER BY id"
        ).fetchall()
        return [intention_of(row) for row in rows]

    def _under_way(self, outcomes: Iterable[Outcome]) -> set[int]:
        """Which of these photos have no outcome yet."""
        numbers = json.dumps([outcome.examined.photo.id for outcome in outcomes])
        rows = self._db.execute(
            "SELECT id FROM photos WHERE state = 'classified'"
            " AND id IN (SELECT value FROM json_each(?))",
            (numbers,),
        )
        return {number for (number,) in rows}

    def _update(self, news: Iterable[tuple[Outcome, ResultRow]], run: str) -> None:
        self._db.executemany(
            "UPDATE photos SET state = ?, status = ?, target = ?, kept_source = ?, recorded_at = ?,"
            " return_id = ?, return_key = ?, category_code = ?, location = ?, run = ?,"
            " result_number = ? WHERE id = ?",
            [
                (
                    FINAL_STATE[outcome.status],
                    outcome.status,
                    os.fsencode(outcome.target),
                    int(outcome.kept_source),
                    row.timestamp,
                    row.return_id,
                    recorded_key(row.filename, row.return_id),
                    row.category_code,
                    row.location,
                    run,
                    number,
                    outcome.examined.photo.id,
                )
                for number, (outcome, row) in enumerate(news, self._next_result_number(run))
            ],
        )

    def _note_emptied(self, outcomes: Iterable[Outcome]) -> None:
        taken = {
            outcome.examined.photo.path.rpartition("/")[0]: outcome.recorded_at.astimezone(UTC)
            for outcome in outcomes
        }
        self._db.executemany(
            "INSERT INTO emptied VALUES (?, ?)"
            " ON CONFLICT (folder) DO UPDATE SET taken_at = excluded.taken_at",
            [(os.fsencode(folder), at.isoformat()) for folder, at in taken.items() if folder],
        )

    def _next_result_number(self, run: str) -> int:
        (last,) = self._db.execute(
            "SELECT max(result_number) FROM photos WHERE run = ? AND result_number IS NOT NULL",
            (run,),
        ).fetchone()
        return int(last or 0) + 1

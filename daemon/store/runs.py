"""The runs: opened, counted, closed with their summaries."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from classifier.verdict import Band
from daemon.records import ResultRow, Run, Status, Tally
from daemon.store.queue import Queue
from daemon.store.rows import result_row_of

# A run's time is written in local time, so that its day is read, not computed.
_BEGAN = "substr(started_at, 1, 10) BETWEEN ? AND ?"


# The fact that names the closed run of which no report was made yet.
RUN_UNTOLD = "run_untold"


class Runs(Queue):
    """Runs and their results."""

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
        """Close a run with its summary; its report is still to be made."""
        with self._transaction():
            self._db.execute(
                "UPDATE runs SET finished_at = ?, summary = ? WHERE id = ?",
                (at.isoformat(), json.dumps(summary, ensure_ascii=False), run),
            )
            self._set_fact(RUN_UNTOLD, run)

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
            yield result_row_of(row)

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

    def summaries_of_days(self, first: date, last: date) -> list[dict[str, Any]]:
        """Summaries of the closed runs that began on these local days, oldest first."""
        rows = self._db.execute(
            f"SELECT summary FROM runs WHERE summary IS NOT NULL AND {_BEGAN} ORDER BY rowid",
            (first.isoformat(), last.isoformat()),
        )
        return [json.loads(summary) for (summary,) in rows]

    def reasons_of_days(self, first: date, last: date) -> dict[Status, dict[str, int]]:
        """How often each reason was given in those runs: for quarantine, and for review."""
        rows = self._db.execute(
            "SELECT status, reason, count(*) FROM runs JOIN photos ON photos.run = runs.id"
            f" WHERE summary IS NOT NULL AND {_BEGAN} AND result_number IS NOT NULL"
            " AND status IN ('error', 'review') AND reason IS NOT NULL"
            " GROUP BY status, reason ORDER BY count(*) DESC, reason",
            (first.isoformat(), last.isoformat()),
        )
        reasons: dict[Status, dict[str, int]] = {}
        for status, reason, count in rows:
            reasons.setdefault(Status(status), {})[reason] = count
        return reasons

    def has_run_by(self, day: date) -> bool:
        """Whether any run began on that local day or before."""
        return bool(
            self._db.execute(
                "SELECT EXISTS (SELECT 1 FROM runs WHERE substr(started_at, 1, 10) <= ?)",
                (day.isoformat(),),
            ).fetchone()[0]
        )

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

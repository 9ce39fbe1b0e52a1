"""The runs: opened, counted, closed with their summaries."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from classifier.verdict import Band
from daemon.domain.photos import Status, as_text
from daemon.domain.runs import ResultRow, Run, Tally
from daemon.domain.summaries import FailedPhoto, RunSummary
from daemon.store.database import Database, Part
from daemon.store.queue import queue_length
from daemon.store.rows import result_row_of

# A run's time is written in local time, so that its day is read, not computed.
_BEGAN = "substr(started_at, 1, 10) BETWEEN ? AND ?"

# Between the models of a run, where there were several.
_THEN = ", then "


class Runs(Part):
    """Runs and their results."""

    def open(self, run_id: str, at: datetime, model: str) -> Run:
        """Open a run; its id gets `_2`, `_3` … when taken."""
        with self._db.transaction():
            taken = {
                row[0]
                for row in self._db.execute("SELECT id FROM runs WHERE id GLOB ?", (f"{run_id}*",))
            }
            number, unique = 1, run_id
            while unique in taken:
                number += 1
                unique = f"{run_id}_{number}"
            waiting = queue_length(self._db)
            self._db.execute(
                "INSERT INTO runs (id, started_at, waiting_before, model) VALUES (?, ?, ?, ?)",
                (unique, at.isoformat(), waiting, model),
            )
        return Run(id=unique, started_at=at, waiting_before=waiting)

    def unclosed(self) -> list[Run]:
        """Runs that were never closed: those of a process that was killed, oldest first."""
        rows = self._db.execute(
            "SELECT id, started_at, waiting_before FROM runs"
            " WHERE finished_at IS NULL ORDER BY rowid"
        )
        return [Run(i, datetime.fromisoformat(started), waiting) for i, started, waiting in rows]

    def add_busy_seconds(self, run: str, seconds: float) -> None:
        """Add to the time that a run spent working. Not synced: a figure, not a promise."""
        with self._db.transaction(durable=False):
            self._db.execute(
                "UPDATE runs SET busy_seconds = busy_seconds + ? WHERE id = ?", (seconds, run)
            )

    def close(self, run: str, at: datetime, summary: RunSummary) -> None:
        """Close a run with its summary."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE runs SET finished_at = ?, summary = ? WHERE id = ?",
                (at.isoformat(), json.dumps(summary, ensure_ascii=False), run),
            )

    def drop(self, run: str) -> None:
        """Take back a run in which nothing happened."""
        with self._db.transaction():
            self._db.execute("UPDATE photos SET arrived_in = NULL WHERE arrived_in = ?", (run,))
            self._db.execute("UPDATE photos SET run = NULL WHERE run = ?", (run,))
            self._db.execute("DELETE FROM runs WHERE id = ?", (run,))

    def tally(self, run: str) -> Tally:
        """Count what a run did, for its summary."""
        started_at, waiting_before, busy, model = self._db.execute(
            "SELECT started_at, waiting_before, busy_seconds, model FROM runs WHERE id = ?", (run,)
        ).fetchone()
        statuses = dict(self._counts("status", run, "result_number IS NOT NULL"))
        judged = "result_number IS NOT NULL AND status IN ('success', 'review')"
        (average,) = self._db.execute(
            f"SELECT avg(confidence) FROM photos WHERE run = ? AND {judged}", (run,)
        ).fetchone()
        ahead, ahead_seconds = self._db.execute(
            "SELECT count(ahead_seconds), coalesce(sum(ahead_seconds), 0.0) FROM photos"
            " WHERE run = ? AND result_number IS NOT NULL",
            (run,),
        ).fetchone()
        return Tally(
            run=run,
            started_at=datetime.fromisoformat(started_at),
            model=_THEN.join(self._models(run)) or model,
            waiting_before=waiting_before,
            busy_seconds=busy,
            arrived=self._count("arrived_in = ?", run),
            gone=self._count("run = ? AND state = 'gone'", run),
            waiting_after=queue_length(self._db),
            statuses={Status(status): n for status, n in statuses.items()},
            categories=dict(self._counts("category", run, judged)),
            bands={Band(band): n for band, n in self._counts("band", run, judged)},
            average_confidence=average,
            judged_ahead=ahead,
            ahead_seconds=ahead_seconds,
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

    def errors(self, run: str) -> list[FailedPhoto]:
        """What went to quarantine in a run, for its summary."""
        return errors_of(self._db, run)

    def summary(self, run: str) -> RunSummary | None:
        """The summary of a closed run; None when there is no such run, or it is not closed."""
        row = self._db.execute("SELECT summary FROM runs WHERE id = ?", (as_text(run),)).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def summaries(self, since: datetime | None = None, limit: int = -1) -> list[RunSummary]:
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

    def newest(self) -> RunSummary | None:
        """The summary of the run that was closed last; None before the first."""
        return next(iter(self.summaries(limit=1)), None)

    def closed(self) -> tuple[int, int]:
        """How many runs were closed, and a mark of the newest: as long as both stay, so do all."""
        number, newest = self._db.execute(
            "SELECT count(*), coalesce(max(rowid), 0) FROM runs WHERE summary IS NOT NULL"
        ).fetchone()
        return number, newest

    def summaries_after(self, after: str | None, limit: int) -> list[RunSummary] | None:
        """The next summaries of closed runs, newest first; None when there is no run `after`."""
        before = 2**63 - 1
        if after is not None:
            row = self._db.execute("SELECT rowid FROM runs WHERE id = ?", (after,)).fetchone()
            if row is None:
                return None
            before = row[0]
        rows = self._db.execute(
            "SELECT summary FROM runs WHERE summary IS NOT NULL AND rowid < ?"
            " ORDER BY rowid DESC LIMIT ?",
            (before, limit),
        )
        return [json.loads(summary) for (summary,) in rows]

    def summaries_of_days(self, first: date, last: date) -> list[RunSummary]:
        """Summaries of the closed runs that began on these local days, oldest first."""
        rows = self._db.execute(
            f"SELECT summary FROM runs WHERE summary IS NOT NULL AND {_BEGAN} ORDER BY rowid",
            (first.isoformat(), last.isoformat()),
        )
        return [json.loads(summary) for (summary,) in rows]

    def bands_since(self, first: date | None = None) -> dict[Band, int]:
        """How many photos each band had in the runs from that local day on, an open one included.

        None: in all runs there were. One pass over the runs, none over their photos.
        """
        bands = dict.fromkeys(Band, 0)
        since = "" if first is None else first.isoformat()
        for band in bands:
            (bands[band],) = self._db.execute(
                "SELECT coalesce(sum(json_extract(summary, '$.confidence_distribution.' || ?)), 0)"
                " FROM runs WHERE summary IS NOT NULL AND substr(started_at, 1, 10) >= ?",
                (band.value, since),
            ).fetchone()
        for run in self.unclosed():
            if run.started_at.date().isoformat() >= since:
                for band, count in self.tally(run.id).bands.items():
                    bands[band] += count
        return bands

    def reasons_of_days(self, first: date, last: date) -> dict[Status, dict[str, int]]:
        """How often each reason was given in those runs: for quarantine, and for review."""
        rows = self._db.execute(
            # CROSS: run by run, by the index; else all photos that there ever were are looked at.
            "SELECT status, reason, count(*) FROM runs CROSS JOIN photos ON photos.run = runs.id"
            f" WHERE summary IS NOT NULL AND {_BEGAN} AND result_number IS NOT NULL"
            " AND status IN ('error', 'review') AND reason IS NOT NULL"
            " GROUP BY status, reason ORDER BY count(*) DESC, reason",
            (first.isoformat(), last.isoformat()),
        )
        reasons: dict[Status, dict[str, int]] = {}
        for status, reason, count in rows:
            reasons.setdefault(Status(status), {})[reason] = count
        return reasons

    def reasons_of(self, runs: Iterable[str]) -> dict[str, int]:
        """How often each reason was given in these runs, for quarantine or review."""
        found: Counter[str] = Counter()
        for run in runs:
            doubted = "result_number IS NOT NULL AND reason IS NOT NULL AND status IN"
            found.update(dict(self._counts("reason", run, f"{doubted} ('error', 'review')")))
        return dict(found)

    def confidences_of_days(
        self, first: date, last: date, bins: int
    ) -> list[tuple[int, Band, int]]:
        """How many photos of those runs are of each confidence: bin of 0 to 1, band, number."""
        rows = self._db.execute(
            "SELECT min(CAST(confidence * ? AS INTEGER), ? - 1), band, count(*)"
            " FROM runs CROSS JOIN photos ON photos.run = runs.id"
            f" WHERE summary IS NOT NULL AND {_BEGAN} AND result_number IS NOT NULL"
            " AND status IN ('success', 'review') AND confidence IS NOT NULL GROUP BY 1, 2",
            (bins, bins, first.isoformat(), last.isoformat()),
        )
        return [(number, Band(band), count) for number, band, count in rows]

    def has_run_by(self, day: date) -> bool:
        """Whether any run began on that local day or before."""
        return bool(
            self._db.execute(
                "SELECT EXISTS (SELECT 1 FROM runs WHERE substr(started_at, 1, 10) <= ?)",
                (day.isoformat(),),
            ).fetchone()[0]
        )

    def first_day(self) -> date | None:
        """The local day on which the first run began; None before."""
        (first,) = self._db.execute("SELECT min(substr(started_at, 1, 10)) FROM runs").fetchone()
        return None if first is None else date.fromisoformat(first)

    def verdicts_by_model(self) -> dict[str, int]:
        """How many photos of closed runs each model judged, by its title."""
        found: Counter[str] = Counter()
        rows = self._db.execute(
            "SELECT id, json_extract(summary, '$.model'),"
            " json_extract(summary, '$.successful') + json_extract(summary, '$.review')"
            " FROM runs WHERE summary IS NOT NULL"
        )
        for run, model, count in rows.fetchall():
            found.update({model: count} if _THEN not in model else self._verdicts_of(run))
        return dict(found)

    def _verdicts_of(self, run: str) -> dict[str, int]:
        """Of a run in which the model changed."""
        judged = "result_number IS NOT NULL AND model IS NOT NULL AND category IS NOT NULL"
        return dict(self._counts("model", run, judged))

    def _models(self, run: str) -> list[str]:
        """Those that gave its verdicts, in the order in which they did."""
        rows = self._db.execute(
            "SELECT model FROM photos WHERE run = ? AND result_number IS NOT NULL"
            " AND model IS NOT NULL GROUP BY model ORDER BY min(result_number)",
            (run,),
        )
        return [model for (model,) in rows]

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


def errors_of(database: Database, run: str) -> list[FailedPhoto]:
    """As `Runs.errors`, within a transaction of another part."""
    rows = database.execute(
        "SELECT filename, reason_text FROM photos"
        " WHERE run = ? AND result_number IS NOT NULL AND status = 'error'"
        " ORDER BY result_number",
        (run,),
    )
    return [{"filename": filename, "error": text} for filename, text in rows]

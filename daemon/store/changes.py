"""The change feed: what was recorded, in order, for those who follow it at their own pace.

A change is written in the same transaction as what it tells of, mostly by triggers (`schema`). A
follower asks for what came after its cursor, does its work, then moves the cursor: whoever dies in
between does that part again at the next start, so that each change is seen at least once. What all
followers have passed is dropped.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from daemon.store.database import Database, Part

# How far reports of runs, lists for the warehouse and pages follow.
REPORTS, LISTS, PAGES = "reports", "lists", "pages"

# `detail`: of a photo changed what neither people nor lists are told of, such as its place, or all
# of it was forgotten; of a run, by its id, that its summary names somebody no more.
Kind = Literal["run", "photo", "correction", "alert", "detail", "example"]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was recorded."""

    seq: int
    kind: Kind
    id: int | str  # of the run, photo, correction, alert or example


class Changes(Part):
    """The feed, and how far each of its followers is."""

    def follow(self, follower: str) -> bool:
        """Keep from now on what comes after this moment for `follower`; False if it is known."""
        with self._db.transaction():
            new = self._db.execute(
                "INSERT INTO cursors SELECT ?, coalesce(max(seq), 0) FROM sqlite_sequence"
                " WHERE name = 'changes' ON CONFLICT (name) DO NOTHING",
                (follower,),
            )
        return new.rowcount > 0

    def unfollow(self, follower: str) -> None:
        """Keep nothing for `follower` any more."""
        with self._db.transaction():
            self._db.execute("DELETE FROM cursors WHERE name = ?", (follower,))
            _trim(self._db)

    def after_cursor(
        self, follower: str, kinds: Collection[Kind], limit: int = 1000
    ) -> list[Change]:
        """What `follower` has not passed yet, oldest first."""
        marks = ", ".join("?" * len(kinds))
        rows = self._db.execute(
            "SELECT seq, kind, id FROM changes WHERE seq >"
            f" (SELECT seq FROM cursors WHERE name = ?) AND kind IN ({marks})"
            " ORDER BY seq LIMIT ?",
            (follower, *sorted(kinds), limit),
        )
        return [Change(*row) for row in rows]

    def runs_closed(self, follower: str) -> list[str]:
        """The runs that were closed and that `follower` has not passed yet, oldest first."""
        return [str(change.id) for change in self.after_cursor(follower, {"run"})]

    def runs_touched(self, follower: str) -> dict[str, int]:
        """Closed runs of whose photos something was recorded since, each with the newest change.

        Only what `follower` has not passed yet.
        """
        rows = self._db.execute(
            "SELECT photos.run, max(seq) FROM changes"
            " LEFT JOIN corrections ON kind = 'correction' AND corrections.id = changes.id"
            " JOIN photos ON photos.id = coalesce(corrections.photo, changes.id)"
            " JOIN runs ON runs.id = photos.run AND summary IS NOT NULL"
            " WHERE kind IN ('correction', 'photo')"
            " AND seq > (SELECT seq FROM cursors WHERE name = ?)"
            " AND seq > coalesce((SELECT max(seq) FROM changes AS closed"
            " WHERE closed.kind = 'run' AND closed.id = photos.run), 0)"
            " GROUP BY photos.run ORDER BY photos.run",
            (follower,),
        )
        return dict(rows.fetchall())

    def closing(self, run: str) -> int:
        """The change by which a run was closed; 0 where all followers have passed that."""
        (seq,) = self._db.execute(
            "SELECT coalesce(max(seq), 0) FROM changes WHERE kind = 'run' AND id = ?", (run,)
        ).fetchone()
        return int(seq)

    def first_word(self, follower: str) -> datetime | None:
        """When people first said something that `follower` has not passed yet."""
        (at,) = self._db.execute(
            "SELECT min(at) FROM changes JOIN corrections ON corrections.id = changes.id"
            " WHERE kind = 'correction' AND seq > (SELECT seq FROM cursors WHERE name = ?)",
            (follower,),
        ).fetchone()
        return None if at is None else datetime.fromisoformat(at)

    def newest(self) -> int:
        """The number of the newest change there ever was."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
        return int(row[0]) if row else 0

    def move(self, follower: str, seq: int) -> None:
        """Note that `follower` is done with everything up to `seq`."""
        with self._db.transaction():
            move_cursor(self._db, follower, seq)


def move_cursor(database: Database, follower: str, seq: int) -> None:
    """Move a cursor within a transaction of another part; never back."""
    database.execute("UPDATE cursors SET seq = max(seq, ?) WHERE name = ?", (seq, follower))
    _trim(database)


def note_change(database: Database, kind: Kind, which: int | str) -> None:
    """Tell within a transaction of another part of what no trigger tells of."""
    database.execute("INSERT INTO changes (kind, id) VALUES (?, ?)", (kind, which))


def note_incident(database: Database, incident: int) -> None:
    """Tell within a transaction of another part that an incident changed: of its newest alert."""
    database.execute(
        "INSERT INTO changes (kind, id) SELECT 'alert', max(id) FROM alerts WHERE incident = ?"
        " HAVING max(id) IS NOT NULL",
        (incident,),
    )


def _trim(database: Database) -> None:
    database.execute(
        "DELETE FROM changes WHERE seq <= coalesce((SELECT min(seq) FROM cursors),"
        " (SELECT max(seq) FROM changes))"
    )

"""Retention: which runs and photos are old, and that photos were let go."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from daemon.domain.photos import Story
from daemon.store.changes import note_change
from daemon.store.database import Part
from daemon.store.rows import STORY_COLUMNS, story_of


class Retention(Part):
    """What `[retention]` asks of the store. The history itself is kept for ever."""

    def run_ends(self) -> dict[str, datetime]:
        """When each closed run ended, oldest run first."""
        rows = self._db.execute(
            "SELECT id, finished_at FROM runs WHERE finished_at IS NOT NULL ORDER BY rowid"
        )
        return {run: datetime.fromisoformat(ended) for run, ended in rows}

    def newest_photo(self) -> int:
        """The number of the newest photo; 0 when there is none."""
        (number,) = self._db.execute("SELECT coalesce(max(id), 0) FROM photos").fetchone()
        return int(number)

    def expired(self, oldest: Mapping[str, date], after: int, last: int) -> list[Story]:
        """Of the photos with numbers above `after` up to `last`, those that are too old.

        oldest: for each state, the first day of which photos are still kept.
        """
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id > ? AND id <= ? AND let_go_at IS NULL"
            " AND ("
            + " OR ".join(["(state = ? AND substr(recorded_at, 1, 10) < ?)"] * len(oldest))
            + ") ORDER BY id",
            (after, last, *(value for item in oldest.items() for value in map(str, item))),
        )
        return [story_of(row) for row in rows]

    def let_go(self, photos: Iterable[int], at: datetime) -> None:
        """Record that photos are not kept any more."""
        with self._db.transaction():
            for photo in photos:
                self._db.execute(
                    "UPDATE photos SET let_go_at = ? WHERE id = ?",
                    (at.isoformat(timespec="seconds"), photo),
                )
                note_change(self._db, "detail", photo)

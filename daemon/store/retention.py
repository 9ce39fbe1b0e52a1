"""Retention: which runs and photos are old, and that photos were let go."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from daemon.domain.photos import Story
from daemon.store.audit import forget_people
from daemon.store.changes import note_change, note_incident
from daemon.store.database import Part
from daemon.store.forgetting import drop_rows, shorten_errors
from daemon.store.rows import STORY_COLUMNS, story_of, utc
from daemon.store.schema import GONE

# Where names stand, and since when.
_NAMES = (
    ("corrections", "person", "at"),
    ("examples", "person", "at"),
    ("incidents", "acknowledged_by", "acknowledged_at"),
    ("audit", "person", "at"),
    ("lessons", "person", "asked_at"),
    ("photos", "sent_by", "first_seen_at"),
)


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Words of which it is not known any more who said them."""

    runs: list[str]  # of their photos
    spoken_at: list[str]  # ISO 8601, UTC


A_PERSON = "a person"  # in place of names that are not kept
_IS_NEEDED = (
    "(state IN ('queued', 'claimed', 'classified', 'review') OR kept_source = 1"
    " OR (state = 'undone' AND coalesce(put_back_ctime_ns, 0) <> ?))"
)


class Retention(Part):
    """What `[retention]` asks of the store."""

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

    def drop_history(self, oldest: date, after: int, last: int, at: datetime) -> int:
        """Forget what became of photos sorted before that day; of how many.

        Of those with numbers above `after` up to `last`. Those that wait, for their turn or for a
        person, are known as long as they do; so is what lies in incoming and is to be left alone.
        """
        with self._db.transaction():
            rows = self._db.execute(
                "SELECT id, run FROM photos WHERE id > ? AND id <= ?"
                f" AND substr(recorded_at, 1, 10) < ? AND NOT {_IS_NEEDED}",
                (after, last, oldest.isoformat(), GONE),
            ).fetchall()
            drop_rows(self._db, [photo for photo, _ in rows], utc(at), "[retention] history_days")
            for run in {run for _, run in rows if run}:
                shorten_errors(self._db, run)
        return len(rows)

    def drop_people(self, before: datetime, at: datetime) -> Unnamed:
        """Let nobody be named any more who spoke, adopted or signed in before that time."""
        until = utc(before)
        with self._db.transaction():
            spoken = self._db.execute(
                "SELECT DISTINCT photo, coalesce(run, ''), corrections.at FROM corrections"
                " JOIN photos ON photos.id = photo WHERE corrections.at < ? AND person <> ?",
                (until, A_PERSON),
            ).fetchall()
            answered = self._db.execute(
                "SELECT id FROM incidents WHERE acknowledged_at < ? AND acknowledged_by <> ?",
                (until, A_PERSON),
            ).fetchall()
            for table, column, moment in _NAMES:
                self._db.execute(
                    f"UPDATE {table} SET {column} = ? WHERE {moment} < ?"
                    f" AND {column} NOT IN ('', ?)",
                    (A_PERSON, until, A_PERSON),
                )
            forget_people(self._db, until, utc(at), "[retention] people_days")
            for photo in {photo for photo, *_ in spoken}:
                note_change(self._db, "detail", photo)
            for (incident,) in answered:
                note_incident(self._db, incident)
        runs = sorted({run for _, run, _ in spoken if run})
        return Unnamed(runs, sorted({at for *_, at in spoken}))

    def let_go(self, photos: Iterable[int], at: datetime) -> None:
        """Record that photos are not kept any more."""
        with self._db.transaction():
            for photo in photos:
                self._db.execute(
                    "UPDATE photos SET let_go_at = ? WHERE id = ?",
                    (at.isoformat(timespec="seconds"), photo),
                )
                note_change(self._db, "detail", photo)

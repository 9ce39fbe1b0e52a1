"""The history: what became of each photo, and what people said of it later."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from daemon.records import Correction, Fingerprint, Story, Word, as_text
from daemon.store.database import Database
from daemon.store.rows import STORY_COLUMNS, correction_of, story_of, utc


class History(Database):
    """Stories of photos, and corrections."""

    def summary(self, run: str) -> dict[str, Any] | None:
        """The summary of a closed run; None when there is no such run, or it is not closed."""
        row = self._db.execute("SELECT summary FROM runs WHERE id = ?", (run,)).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def stories(self, name: str) -> list[Story]:
        """Photos of that file name, return id, or place, also a former one; newest first.

        name: a place is a path in sorted or in incoming; `#7` is the photo of that number.
        """
        text, path = as_text(name), os.fsencode(name)
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id IN ("
            "SELECT id FROM photos WHERE filename = ?"
            " UNION SELECT id FROM photos WHERE return_id <> '' AND return_id = ?"
            " UNION SELECT id FROM photos WHERE coalesce(place, target) = ?"
            " AND target IS NOT NULL"
            " UNION SELECT id FROM photos WHERE filename = ? AND path = ?"
            " UNION SELECT photo FROM corrections WHERE is_done = 1 AND source = ?"
            " UNION SELECT id FROM photos WHERE id = ?) ORDER BY id DESC",
            (text, text, path, text.rpartition("/")[2], path, path, _number(name)),
        )
        return [story_of(row) for row in rows]

    def stories_of_run(self, run: str) -> Iterator[Story]:
        """What a run put somewhere, in the order of its results."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE run = ? AND result_number IS NOT NULL"
            " ORDER BY result_number",
            (run,),
        )
        return map(story_of, rows)

    def newest_filed(self, limit: int) -> list[Story]:
        """The photos that were filed last and still are, as far as is known."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE state IN ('filed', 'review')"
            " AND let_go_at IS NULL ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [story_of(row) for row in rows]

    def newest_in_review(self, limit: int) -> list[Story]:
        """Photos of the last ten runs that wait for a person's decision, newest first."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE state = 'review'"
            " AND run IN (SELECT id FROM runs ORDER BY rowid DESC LIMIT 10)"
            " ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [story_of(row) for row in rows]

    def corrected_photos(self) -> dict[str, int]:
        """Of how many photos of each run people said something later."""
        rows = self._db.execute(
            "SELECT run, count(DISTINCT photo) FROM corrections JOIN photos ON photos.id = photo"
            " WHERE is_done = 1 GROUP BY run"
        )
        return dict(rows.fetchall())

    def corrected_since(self, number: int) -> tuple[list[str], int]:
        """The runs of whose photos people said something after that correction; the last one."""
        rows = self._db.execute(
            "SELECT run, max(corrections.id) FROM corrections JOIN photos ON photos.id = photo"
            " WHERE is_done = 1 AND corrections.id > ? GROUP BY run ORDER BY run",
            (number,),
        ).fetchall()
        return [run for run, _ in rows], max((last for _, last in rows), default=number)

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

    def note_done(self, correction: Correction) -> None:
        """Record a person's word for which nothing is left to be moved."""
        with self._transaction():
            self._insert_correction(correction, done=1)
            self._apply(correction, correction.move.fingerprint)

    def unfinished_corrections(self) -> list[Correction]:
        """What was planned at a person's word and perhaps not done, when something failed."""
        return [correction_of(row) for row in self._corrections("is_done = 0")]

    def corrections_of(self, photo_id: int) -> list[Correction]:
        """What people said of a photo, oldest first."""
        return [
            correction_of(row) for row in self._corrections("is_done = 1 AND photo = ?", photo_id)
        ]

    def corrections_between(self, begin: datetime, end: datetime) -> list[tuple[Correction, Story]]:
        """What people said in a time, oldest first, each with its photo."""
        rows = self._corrections("is_done = 1 AND at >= ? AND at < ?", utc(begin), utc(end))
        return [(correction_of(row), self._story_of(row[1])) for row in rows]

    def _corrections(self, condition: str, *values: Any) -> list[Any]:
        return self._db.execute(
            "SELECT id, photo, word, before, category, person, at, source, target, inode,"
            " size_bytes, mtime_ns, (SELECT sha256 FROM photos WHERE photos.id = photo)"
            f" FROM corrections WHERE {condition} ORDER BY id",
            values,
        ).fetchall()

    def _story_of(self, photo_id: int) -> Story:
        row = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id = ?", (photo_id,)
        ).fetchone()
        return story_of(row)

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
                utc(one.at),
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


def _number(name: str) -> int | None:
    """The photo's number, where it is asked for by `#7`, as the log names it."""
    digits = name.removeprefix("#")
    return int(digits) if name.startswith("#") and digits.isdecimal() and len(digits) < 19 else None

"""Corrections: what people said of photos later; a move is planned here before it is made."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from daemon.domain.corrections import Correction, Word
from daemon.domain.photos import Fingerprint, Story
from daemon.store.audit import Kind, append
from daemon.store.database import Part
from daemon.store.rows import EDITED, STORY_COLUMNS, correction_of, story_of, utc

# What a word makes of a photo, and whether its category is decided then.
_STATE_AFTER = {
    Word.UNDONE: ("undone", False),
    Word.RETAKE: ("retake", False),
    Word.TAKEN_BACK: ("review", False),
}


class Corrections(Part):
    """People's later words, planned and done."""

    def corrected_photos(self) -> dict[str, int]:
        """Of how many photos of each run people said something later."""
        rows = self._db.execute(
            "SELECT run, count(DISTINCT photo) FROM corrections JOIN photos ON photos.id = photo"
            " WHERE is_done = 1 GROUP BY run"
        )
        return dict(rows.fetchall())

    def plan(self, corrections: Iterable[Correction]) -> list[Correction]:
        """Record what is about to be moved at a person's word; returns it with its numbers."""
        with self._db.transaction():
            return [replace(one, id=self._insert(one, done=0)) for one in corrections]

    def record(self, done: Iterable[tuple[Correction, Fingerprint]]) -> None:
        """Record moves that were made, each with the file as it is at its new place."""
        with self._db.transaction():
            for correction, mark in done:
                self._apply(correction, mark)
                self._db.execute(
                    "UPDATE corrections SET is_done = 1, target = ? WHERE id = ?",
                    (os.fsencode(correction.move.target), correction.id),
                )
                append(self._db, Kind.WORD, utc(correction.at), about=correction.id)

    def drop(self, corrections: Iterable[Correction]) -> None:
        """Take back what was planned and not done."""
        with self._db.transaction():
            self._db.executemany(
                "DELETE FROM corrections WHERE id = ? AND is_done = 0",
                [(correction.id,) for correction in corrections],
            )

    def note(self, correction: Correction) -> None:
        """Record a person's word for which nothing is left to be moved."""
        with self._db.transaction():
            number = self._insert(correction, done=1)
            append(self._db, Kind.WORD, utc(correction.at), about=number)
            self._apply(correction, correction.move.fingerprint)

    def unfinished(self) -> list[Correction]:
        """What was planned at a person's word and perhaps not done, when something failed."""
        return [correction_of(row) for row in self._select("is_done = 0")]

    def get(self, number: int) -> Correction | None:
        """What people said, by its number; None where that is not known, or not done."""
        return next(map(correction_of, self._select("is_done = 1 AND id = ?", number)), None)

    def of(self, photo_id: int) -> list[Correction]:
        """What people said of a photo, oldest first."""
        return [correction_of(row) for row in self._select("is_done = 1 AND photo = ?", photo_id)]

    def usual(self, last: int) -> list[str]:
        """The categories that people named in so many of the last words, the commonest first."""
        rows = self._db.execute(
            "SELECT category FROM (SELECT category FROM corrections"
            " WHERE is_done = 1 AND category <> '' ORDER BY id DESC LIMIT ?)"
            " GROUP BY category ORDER BY count(*) DESC, category",
            (last,),
        )
        return [category for (category,) in rows]

    def between(self, begin: datetime, end: datetime) -> list[tuple[Correction, Story]]:
        """What people said in a time, oldest first, each with its photo."""
        rows = self._select("is_done = 1 AND at >= ? AND at < ?", utc(begin), utc(end))
        return [(correction_of(row), self._story_of(row[1])) for row in rows]

    def _select(self, condition: str, *values: Any) -> list[Any]:
        return self._db.execute(
            "SELECT id, photo, word, before, category, person, at, source, target, inode,"
            " size_bytes, mtime_ns, (SELECT coalesce(edited_sha256, sha256)"
            " FROM photos WHERE photos.id = photo), via"
            f" FROM corrections WHERE {condition} ORDER BY id",
            values,
        ).fetchall()

    def _story_of(self, photo_id: int) -> Story:
        row = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id = ?", (photo_id,)
        ).fetchone()
        return story_of(row)

    def _insert(self, one: Correction, *, done: int) -> int:
        mark = one.move.fingerprint
        cursor = self._db.execute(
            "INSERT INTO corrections (photo, word, before, category, person, at, source, target,"
            " inode, size_bytes, mtime_ns, is_done, via)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                one.via,
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _apply(self, correction: Correction, mark: Fingerprint) -> None:
        """Let a person's word hold for the photo's row."""
        state, is_decided = _STATE_AFTER.get(correction.word, ("filed", True))
        self._db.execute(
            "UPDATE photos SET state = ?, place = ?, decided = ?, inode = ?, size_bytes = ?,"
            f" mtime_ns = ?, edited_sha256 = {EDITED}, put_back_ctime_ns = ?, removed_at = NULL"
            " WHERE id = ?",
            (
                state,
                os.fsencode(correction.move.target),
                correction.category if is_decided else None,
                mark.inode,
                mark.size_bytes,
                mark.mtime_ns,
                correction.move.sha256,
                (mark.ctime_ns or None) if correction.word is Word.UNDONE else None,
                correction.photo_id,
            ),
        )

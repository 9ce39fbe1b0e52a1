"""The history: what became of each photo."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date

from daemon.domain.photos import Story, ToPick
from daemon.domain.return_checks import ReturnCount
from daemon.domain.status import UndecidedStatus
from daemon.store.database import Part
from daemon.store.rows import STORY_COLUMNS, story_of
from daemon.store.search import NAMED, named

_UNDECIDED = "state = 'review' AND let_go_at IS NULL"
_TO_LOOK_AT = (
    "state = 'filed' AND band = 'check' AND decided IS NULL AND let_go_at IS NULL"
    " AND recorded_at >= ?"
)


class History(Part):
    """Stories of photos."""

    def stories(self, name: str) -> list[Story]:
        """Photos of that file name, return id, or place, also a former one; newest first.

        A return id may be spelt in any way, the word before it included.
        name: a place is a path in sorted or in incoming; `#7` is the photo of that number.
        """
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id IN ({NAMED}) ORDER BY id DESC",
            named(name),
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

    def to_pick(self, run: str) -> list[ToPick]:
        """What pick lists say of a run's photos, in the order of its results."""
        rows = self._db.execute(
            "SELECT id, coalesce(filename, ''), coalesce(return_id, ''), state, status,"
            " coalesce(category, ''), coalesce(decided, ''), coalesce(band, ''),"
            " coalesce(reason, '') FROM photos WHERE run = ? AND result_number IS NOT NULL"
            " ORDER BY result_number",
            (run,),
        )
        return [ToPick(*row) for row in rows]

    def return_counts(self, run: str) -> list[ReturnCount]:
        """The photos of a run that lie in a category, by the return that they name."""
        rows = self._db.execute(
            "SELECT coalesce(return_id, ''), count(*), count(DISTINCT category), min(filename)"
            " FROM photos WHERE run = ? AND result_number IS NOT NULL"
            " AND status IN ('success', 'review') GROUP BY 1",
            (run,),
        )
        return [ReturnCount(*row) for row in rows]

    def twins(self, sha256: str) -> list[tuple[str, int]]:
        """Filed photos of the same content: place in sorted, and size in bytes."""
        rows = self._db.execute(
            "SELECT coalesce(place, target), size_bytes FROM photos"
            " WHERE sha256 = ? AND state IN ('filed', 'review')",
            (sha256,),
        )
        return [(os.fsdecode(target), size) for target, size in rows]

    def original(self, sha256: str) -> Story | None:
        """The filed photo, or one in review, of that content; the oldest of several."""
        row = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos"
            " WHERE sha256 = ? AND state IN ('filed', 'review') ORDER BY id LIMIT 1",
            (sha256,),
        ).fetchone()
        return None if row is None else story_of(row)

    def newest_filed(self, limit: int) -> list[Story]:
        """The photos that were filed last and still are, as far as is known."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE state IN ('filed', 'review')"
            " AND let_go_at IS NULL ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [story_of(row) for row in rows]

    def newest_in_review(self, limit: int) -> list[Story]:
        """Photos that wait for a person's decision, of all nights, newest first."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE {_UNDECIDED} ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [story_of(row) for row in rows]

    def waiting(self, after: int, limit: int) -> list[Story]:
        """Photos that wait for a person's decision, oldest first, with numbers above `after`."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE {_UNDECIDED} AND id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        return [story_of(row) for row in rows]

    def of_number(self, photo: int) -> Story | None:
        """The photo of that number, if there is one."""
        row = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id = ?", (photo,)
        ).fetchone()
        return None if row is None else story_of(row)

    def beside(self, photo: int, limit: int) -> list[Story]:
        """The other photos of the same return that lie in sorted, as far as is known."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE return_key <> '' AND return_key ="
            " (SELECT return_key FROM photos WHERE id = ?) AND id <> ?"
            " AND state IN ('filed', 'review', 'retake') ORDER BY id LIMIT ?",
            (photo, photo, limit),
        )
        return [story_of(row) for row in rows]

    def undecided(self) -> UndecidedStatus:
        """How many photos wait for a person's decision, of all nights, and since when."""
        photos, oldest = self._db.execute(
            "SELECT count(*), (SELECT recorded_at FROM photos"
            f" WHERE {_UNDECIDED} ORDER BY id LIMIT 1) FROM photos WHERE {_UNDECIDED}"
        ).fetchone()
        return {"photos": photos, "oldest": oldest}

    def to_look_at(self, first: date, after: int, limit: int) -> list[Story]:
        """Photos filed since that day that are worth a quick look nobody has taken, oldest first.

        With numbers above `after`; the sign keeps SQLite from reading all photos in their order.
        """
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE {_TO_LOOK_AT} AND +id > ?"
            " ORDER BY +id LIMIT ?",
            (first.isoformat(), after, limit),
        )
        return [story_of(row) for row in rows]

    def count_to_look_at(self, first: date) -> int:
        """How many those are."""
        (photos,) = self._db.execute(
            f"SELECT count(*) FROM photos WHERE {_TO_LOOK_AT}", (first.isoformat(),)
        ).fetchone()
        return int(photos)

    def newest_removed(self, limit: int) -> list[Story]:
        """Photos that people took away, the newest first."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE state = 'removed' ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [story_of(row) for row in rows]

    def lying_at(self, place: str) -> list[Story]:
        """Photos that lie at that place in sorted, as far as is known, wherever they ended."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE coalesce(place, target) = ?"
            " AND target IS NOT NULL"
            " AND state IN ('filed', 'review', 'retake', 'duplicate', 'quarantined')",
            (os.fsencode(place),),
        )
        return [story_of(row) for row in rows]

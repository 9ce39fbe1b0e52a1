"""Lessons: those that were asked for or held by themselves, and what came of them.

At most one is not over; the database itself keeps to that. What the daemon left in the middle is
told as failed by its next start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from daemon.domain.coding import coded, decoded
from daemon.domain.corrections import Via
from daemon.domain.lessons import Lesson, LessonState, Wanted
from daemon.domain.orders import Speaker
from daemon.store.database import Part
from daemon.store.rows import utc

# Their results name photos: some 100 kB each at most.
_MOST_KEPT = 50
_LEFT = "nightsort was started anew while it was being held; ask for it again"
_COLUMNS = "id, state, wanted, person, via, asked_at, ended_at, progress, result, why"


class Lessons(Part):
    """All lessons that are remembered."""

    def ask(self, wanted: Wanted, by: Speaker | None, now: datetime) -> int:
        """Note that one is wanted, while none is; returns its number.

        by: None: it is held by itself.
        """
        with self._db.transaction():
            (number,) = self._db.execute(
                "INSERT INTO lessons (state, wanted, person, via, asked_at)"
                " VALUES ('waiting', ?, ?, ?, ?) RETURNING id",
                (
                    json.dumps(coded(wanted)),
                    "" if by is None else by.person,
                    None if by is None else by.via,
                    utc(now),
                ),
            ).fetchone()
            self._trim()
        return int(number)

    def is_at(self, lesson: int, state: LessonState, progress: float) -> None:
        """Note how far it is."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE lessons SET state = ?, progress = ? WHERE id = ? AND ended_at IS NULL",
                (state, progress, lesson),
            )

    def end(self, lesson: int, result: Mapping[str, Any] | None, why: str, now: datetime) -> None:
        """Note what came of it. result: as `learn --json`; None: it failed, and why.

        One that failed is as far as it was.
        """
        state = LessonState.FAILED
        if result is not None:
            refused = result["version"] is None
            state = LessonState.REFUSED if refused else LessonState.DONE
        with self._db.transaction():
            self._db.execute(
                "UPDATE lessons SET state = ?, progress = iif(?, progress, 1), result = ?, why = ?,"
                " ended_at = ? WHERE id = ? AND ended_at IS NULL",
                (
                    state,
                    result is None,
                    None if result is None else json.dumps(result),
                    why,
                    utc(now),
                    lesson,
                ),
            )

    def note(self, result: Mapping[str, Any], by: Speaker, now: datetime) -> None:
        """Remember one that a command has held by itself, beside whatever waits."""
        state = LessonState.REFUSED if result["version"] is None else LessonState.DONE
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO lessons (state, wanted, person, via, asked_at, ended_at, progress,"
                " result) VALUES (?, '{}', ?, ?, ?, ?, 1, ?)",
                (state, by.person, by.via, utc(now), utc(now), json.dumps(result)),
            )
            self._trim()

    def fail_interrupted(self, now: datetime) -> None:
        """After a start: what was being held is not any more. What waited goes on waiting."""
        for lesson in self._some("state = 'running'", ()):
            self.end(lesson.id, None, _LEFT, now)

    def under_way(self) -> Lesson | None:
        """The one that is not over."""
        return next(iter(self._some("ended_at IS NULL", ())), None)

    def of_number(self, lesson: int) -> Lesson | None:
        """One of them."""
        return next(iter(self._some("id = ?", (lesson,))), None)

    def newest(self, limit: int) -> list[Lesson]:
        """The newest first."""
        return self._some("1", (), limit)

    def newest_result(self) -> Lesson | None:
        """The newest that had photos to learn from: whose result compares something."""
        condition = "json_extract(result, '$.after') IS NOT NULL"
        return next(iter(self._some(condition, (), 1)), None)

    def _some(self, condition: str, values: tuple[object, ...], limit: int = -1) -> list[Lesson]:
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM lessons WHERE {condition}"  # noqa: S608 - our own text
            " ORDER BY id DESC LIMIT ?",
            (*values, limit),
        )
        return [_lesson(*row) for row in rows.fetchall()]

    def _trim(self) -> None:
        self._db.execute(
            "DELETE FROM lessons WHERE ended_at IS NOT NULL AND id NOT IN"
            " (SELECT id FROM lessons ORDER BY id DESC LIMIT ?)",
            (_MOST_KEPT,),
        )


def _lesson(*row: Any) -> Lesson:
    number, state, wanted, person, via, asked, ended, progress, result, why = row
    return Lesson(
        id=number,
        state=LessonState(state),
        wanted=decoded(Wanted, json.loads(wanted)),
        person=person,
        via=None if via is None else Via(via),
        asked=datetime.fromisoformat(asked),
        ended=None if ended is None else datetime.fromisoformat(ended),
        progress=progress,
        result=None if result is None else json.loads(result),
        why=why,
    )

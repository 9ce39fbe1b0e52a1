"""Looking photos up: by what people type, by category, by day, by state; newest first, in pages."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from daemon.domain.photo_names import has_photo_extension
from daemon.domain.photos import Story, as_text
from daemon.domain.return_ids import day_beside, keys_meant
from daemon.store.database import Part
from daemon.store.queue import ACTIVE
from daemon.store.rows import STORY_COLUMNS, story_of

# Photos of a return by its keys, but those of another day where a day stands beside its number.
_RETURN = (
    "SELECT id FROM photos WHERE return_key <> '' AND return_key IN"
    " (SELECT value FROM json_each(?)) AND (? = '' OR day_of(filename, return_key) IN ('', ?))"
)
# Photos of a file name, return id, number or place, also a former one; see `named`.
NAMED = (
    "SELECT id FROM photos WHERE filename = ?"
    " UNION SELECT id FROM photos WHERE return_id <> '' AND return_id = ?"
    f" UNION {_RETURN}"
    " UNION SELECT id FROM photos WHERE coalesce(place, target) = ?"
    " AND target IS NOT NULL"
    " UNION SELECT id FROM photos WHERE filename = ? AND path = ?"
    " UNION SELECT photo FROM corrections WHERE is_done = 1 AND source = ?"
    " UNION SELECT id FROM photos WHERE id = ?"
)
# Who types less means no beginning of a name; of more names that begin alike the rest is left out.
_SHORTEST_BEGINNING, _MOST_BEGINNINGS = 3, 1000
_BEGINNING = (
    f" UNION SELECT * FROM (SELECT id FROM photos WHERE filename >= ? AND filename < ?"
    f" LIMIT {_MOST_BEGINNINGS})"
)
# Photos of runs, and those that a person gave a category whatever it was before.
_OF_RUNS_OR_DECIDED = (
    "id IN (SELECT id FROM photos WHERE run IN (SELECT value FROM json_each(?))"
    " UNION SELECT photo FROM corrections WHERE category = ?)"
)
_FEW_RUNS = 30


class Whereabouts(StrEnum):
    """In which state photos are looked for."""

    WAITING = "waiting"  # in incoming, for their turn
    FILED = "filed"
    REVIEW = "review"
    RETAKE = "retake"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    UNDONE = "undone"
    REMOVED = "removed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What photos are looked for; all that is said must hold."""

    name: str = ""  # as `History.stories` takes it, or the beginning of a file name
    category: str = ""  # the one that it has now
    day: date | None = None  # the local one on which its run began
    whereabouts: Whereabouts | None = None
    run: str = ""


class Search(Part):
    """Finds stories."""

    def stories(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Story]:
        """The newest photos that are wanted; before: only those of a smaller number."""
        conditions, values = _conditions(wanted)
        if (
            wanted.category
            and not wanted.run
            and (runs := self._few_runs_with(wanted.category)) is not None
        ):
            conditions.append(_OF_RUNS_OR_DECIDED)
            values += [json.dumps(runs), wanted.category]
        if before is not None:
            conditions.append("id < ?")
            values.append(before)
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE {' AND '.join(conditions) or '1'}"
            " ORDER BY id DESC LIMIT ?",
            (*values, limit),
        )
        return [story_of(row) for row in rows]

    def _few_runs_with(self, category: str) -> list[str] | None:
        """The runs in which that category may be, where they are few: others need no look.

        None: they are many, so that photos of it are soon met from the newest on.
        """
        rows = self._db.execute(
            "SELECT id FROM runs WHERE summary IS NULL OR EXISTS"
            " (SELECT 1 FROM json_each(summary, '$.categories') WHERE key = ?) LIMIT ?",
            (category, _FEW_RUNS + 1),
        ).fetchall()
        return [run for (run,) in rows] if len(rows) <= _FEW_RUNS else None

    def of_return(self, return_id: str, limit: int) -> list[Story]:
        """The photos of a return, however its id is spelt; newest first."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id IN ({_RETURN}) ORDER BY id DESC LIMIT ?",
            (*_of_return(return_id, json.dumps(keys_meant(return_id))), limit),
        )
        return [story_of(row) for row in rows]


def named(name: str, *, any_day: bool = False) -> tuple[Any, ...]:
    """The values for `NAMED`. name: a place is a path in sorted or in incoming; `#7` a number.

    any_day: of a return's number also what names another day beside it.
    """
    text, path = as_text(name), os.fsencode(name)
    tail = text.rpartition("/")[2]
    keys = _of_return("" if any_day else text, return_keys(text))
    return (text, text, *keys, path, tail, path, path, _number(name))


def _of_return(text: str, keys: str) -> tuple[str, str, str]:
    """The values for `_RETURN`."""
    day = day_beside(text)
    return keys, day, day


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if wanted.name:
        begins = len(wanted.name) >= _SHORTEST_BEGINNING
        conditions.append(f"id IN ({NAMED}{_BEGINNING if begins else ''})")
        values += named(wanted.name)
        values += [wanted.name, f"{wanted.name}\N{REPLACEMENT CHARACTER}"] if begins else []
    if wanted.day is not None:
        conditions.append(
            "id IN (SELECT id FROM photos WHERE run IN"
            " (SELECT id FROM runs WHERE substr(started_at, 1, 10) = ?))"
        )
        values.append(wanted.day.isoformat())
    if wanted.run:
        conditions.append("id IN (SELECT id FROM photos WHERE run = ?)")
        values.append(wanted.run)
    if wanted.category:
        conditions.append("coalesce(nullif(decided, ''), category) = ?")
        values.append(wanted.category)
    if wanted.whereabouts is not None:
        conditions.append(_IN_STATE[wanted.whereabouts])
    return conditions, values


def _of_runs(state: Whereabouts) -> str:
    """For a state that is rare: run by run, which the index knows without looking at photos."""
    return f"id IN (SELECT id FROM photos WHERE run IN (SELECT id FROM runs) AND state = '{state}')"


# Named where the planner would rather go through another index from end to end.
_IN_STATE = {
    Whereabouts.WAITING: "id IN (SELECT id FROM photos INDEXED BY photos_active"
    f" WHERE state IN {ACTIVE})",
    Whereabouts.FILED: "state = 'filed'",
    Whereabouts.REVIEW: "id IN (SELECT id FROM photos WHERE state = 'review'"
    " AND let_go_at IS NULL)",
    Whereabouts.RETAKE: _of_runs(Whereabouts.RETAKE),
    Whereabouts.DUPLICATE: _of_runs(Whereabouts.DUPLICATE),
    Whereabouts.QUARANTINED: _of_runs(Whereabouts.QUARANTINED),
    Whereabouts.UNDONE: "id IN (SELECT id FROM photos INDEXED BY photos_put_back"
    " WHERE state = 'undone')",
    Whereabouts.REMOVED: "id IN (SELECT id FROM photos INDEXED BY photos_removed"
    " WHERE state = 'removed')",
    Whereabouts.GONE: _of_runs(Whereabouts.GONE),
}


def return_keys(text: str) -> str:
    """The keys of the return ids that may be meant, as JSON; a file or a number means itself."""
    is_other = "/" in text or text.startswith("#") or has_photo_extension(text)
    return json.dumps([] if is_other else keys_meant(text))


def _number(name: str) -> int | None:
    """The photo's number, where it is asked for by `#7`, as the log names it."""
    digits = name.removeprefix("#")
    return int(digits) if name.startswith("#") and digits.isdecimal() and len(digits) < 19 else None

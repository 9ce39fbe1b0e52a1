"""What a mirror copies: the history as rows that any database can take, and how far it is."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args

from daemon.domain.photos import as_text
from daemon.domain.summaries import MONEY, OF_MONEY
from daemon.store.changes import Change, Kind, move_cursor
from daemon.store.database import Part
from daemon.store.facts import set_fact

MIRROR = "mirror"  # follows the change feed by this name; and the fact that says how far it is
MIRROR_FILL = "mirror_fill"  # somebody asked for all to be copied again

Table = Literal["runs", "photos", "corrections", "alerts", "examples"]
Key = int | str
Row = dict[str, Any]

# Where the rows of a table stand, and which of them belong to the history.
_HISTORY: Mapping[Table, str] = {
    "runs": "runs WHERE summary IS NOT NULL",
    "photos": "photos WHERE result_number IS NOT NULL",
    "corrections": "corrections WHERE is_done = 1",
    "alerts": "incidents WHERE true",
    "examples": "examples WHERE true",
}


def _without_money(column: str) -> str:
    """What a run or week is worth in money, and what it cost, is nobody's business elsewhere."""
    places = (*MONEY, *(f"assumed.{name}" for name in OF_MONEY))
    paths = ", ".join(f"'$.value.{place}'" for place in places)
    return f"json_remove({column}, {paths})"


_COLUMNS: Mapping[Table, str] = {
    "runs": (
        "id, started_at AS started, finished_at AS finished, model,"
        f" {_without_money('summary')} AS summary"
    ),
    "photos": (
        "id, coalesce(run, '') AS run, result_number, filename, path AS source_path,"
        " coalesce(place, target, x'') AS filed_path, status, state, category, confidence, band,"
        " reason, reason_text, coalesce(alternatives, '[]') AS alternatives, model, decided,"
        " coalesce(return_id, '') AS return_id, coalesce(category_code, '') AS category_code,"
        " coalesce(location, '') AS location, sha256, edited_sha256, size_bytes, first_seen_at,"
        " recorded_at, removed_at, let_go_at, EXISTS (SELECT 1 FROM examples"
        " WHERE photo = photos.id AND is_unseen = 0 AND problem = '') AS is_example"
    ),
    "corrections": "id, photo, word, before, category, person, at, via, source, target",
    "alerts": (
        "id, rule, subject, severity, raised_at, told_at, day,"
        f" {_without_money('facts')} AS facts, resolved_at, acknowledged_at, acknowledged_by"
    ),
    "examples": (
        "id, photo, label, source, person, at, return_id, name, sha256,"
        " is_unseen = 0 AND problem = '' AS is_seen, problem"
    ),
}
_ROWS = {table: f"SELECT {_COLUMNS[table]} FROM {which}" for table, which in _HISTORY.items()}
_SINCE_VERSION = 5  # of the schema: what is older has no change feed, and may only be read
_JSON = {"summary", "facts"}
_TRUTHS = {"is_example", "is_seen"}


class Mirrored(Part):
    """The history for who copies it elsewhere."""

    def rows(self, table: Table, ids: Collection[Key]) -> list[Row]:
        """These rows, as far as they belong to the history; by their ids."""
        given = json.dumps([*ids])
        more = " AND id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return self._select(f"{_ROWS[table]}{more}", given)

    def rows_after(self, table: Table, after: Key | None, limit: int) -> list[Row]:
        """The rows that follow the one of that id, by their ids; None: the first ones."""
        if after is None:
            return self._select(f"{_ROWS[table]} ORDER BY id LIMIT ?", limit)
        return self._select(f"{_ROWS[table]} AND id > ? ORDER BY id LIMIT ?", after, limit)

    def touched(self, changes: Collection[Change]) -> dict[Table, set[Key]]:
        """The rows of which these changes tell."""
        ids: dict[Kind, set[Key]] = {kind: set() for kind in get_args(Kind)}
        for change in changes:
            ids[change.kind].add(change.id)
        words, told = json.dumps([*ids["correction"]]), json.dumps([*ids["alert"]])
        ids["photo"] |= ids["detail"] | self._keys(
            "SELECT photo FROM corrections WHERE id IN (SELECT value FROM json_each(?))", words
        )
        incidents = self._keys(
            "SELECT incident FROM alerts WHERE id IN (SELECT value FROM json_each(?))", told
        )
        details = json.dumps([*ids["detail"]])
        ids["correction"] |= self._keys(
            "SELECT id FROM corrections WHERE is_done = 1"
            " AND photo IN (SELECT value FROM json_each(?))",
            details,
        )
        return {
            # A detail is mostly of a photo; of a run it has that one's id.
            "runs": ids["run"] | {one for one in ids["detail"] if isinstance(one, str)},
            "photos": {one for one in ids["photo"] if isinstance(one, int)},
            "corrections": ids["correction"],
            "alerts": incidents,
            "examples": {*ids["example"]},
        }

    def count(self) -> int:
        """How many rows there are in all."""
        return sum(
            self._db.execute(f"SELECT count(*) FROM {which}").fetchone()[0]
            for which in _HISTORY.values()
        )

    def waiting(self) -> int:
        """How many changes the mirror has not passed yet."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return 0
        (count,) = self._db.execute(
            "SELECT count(*) FROM changes WHERE seq > (SELECT seq FROM cursors WHERE name = ?)",
            (MIRROR,),
        ).fetchone()
        return int(count)

    def note(self, state: Mapping[str, Any], *, passed: int = 0, is_filling: bool = False) -> None:
        """Remember how far the mirror is; together, so that neither is known without the other.

        passed: the change up to which it is done. is_filling: what was asked for begins with this.
        """
        with self._db.transaction():
            set_fact(self._db, MIRROR, state)
            if is_filling:
                set_fact(self._db, MIRROR_FILL, value=False)
            if passed:
                move_cursor(self._db, MIRROR, passed)

    def _keys(self, statement: str, values: str) -> set[Key]:
        return {key for (key,) in self._db.execute(statement, (values,))}

    def _select(self, statement: str, *values: Any) -> list[Row]:
        found = self._db.execute(statement, values)
        names = [column[0] for column in found.description]
        return [_row(dict(zip(names, values, strict=True))) for values in found]


def _row(row: Row) -> Row:
    for name, value in row.items():
        if isinstance(value, bytes):
            row[name] = as_text(os.fsdecode(value))
        elif name in _TRUTHS:
            row[name] = bool(value)
        elif name in _JSON:
            row[name] = json.loads(value)
        elif name == "alternatives":
            row[name] = [{"category": c, "confidence": p} for c, p in json.loads(value)]
    return row

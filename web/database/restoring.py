"""Accounts and keys of a backup, taken back: those that are not known here any more, or not yet.

Nothing that is here changes: whoever is known keeps role and password, a key that was revoked stays
revoked, and whoever was removed since the backup stays removed. So it may be done at any time, and
again. A newer nightsort's columns are left out, and rows that this one cannot keep.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from web.database.acts import note
from web.database.connection import Connection
from web.reading.acts import Doing

Row = Mapping[str, str | int | float | None]
_REMOVED = "removed "


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many came back."""

    accounts: int
    keys: int


def note_removed(db: sqlite3.Connection, folded: str, now: float) -> None:
    """Note, within a transaction, that a person is removed: no older backup brings them back."""
    db.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (f"{_REMOVED}{folded}", str(now)),
    )


def take_back(
    connection: Connection, accounts: Iterable[Row], keys: Iterable[Row], at: float
) -> TakenBack:
    """Add what is missing here. at: when the backup was made. Raises TransientError."""
    with connection.writing() as db:
        wanted = [row for row in accounts if not _is_removed(db, str(row.get("folded")), at)]
        return TakenBack(
            _add(db, "accounts", Doing.ACCOUNT_TAKEN_BACK, wanted),
            _add(db, "keys", Doing.KEY_TAKEN_BACK, keys),
        )


def _is_removed(db: sqlite3.Connection, folded: str, since: float) -> bool:
    row = db.execute("SELECT value FROM facts WHERE key = ?", (f"{_REMOVED}{folded}",)).fetchone()
    return row is not None and float(row[0]) >= since


def _add(db: sqlite3.Connection, table: str, doing: Doing, rows: Iterable[Row]) -> int:
    """Add those that do not exist; how many were."""
    columns = {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}
    added = [row for row in rows if _is_added(db, table, row, columns - {"id"})]
    for row in added:
        if not row.get("revoked_at"):
            note(db, time.time(), doing, str(row["name"]), str(row["role"]))
    return len(added)


def _is_added(db: sqlite3.Connection, table: str, row: Row, columns: set[str]) -> bool:
    known = sorted(columns & set(row))
    places = ", ".join("?" * len(known))
    try:
        done = db.execute(
            f"INSERT INTO {table} ({', '.join(known)}) VALUES ({places})",  # noqa: S608 - of ours
            [row[name] for name in known],
        )
    except sqlite3.IntegrityError:  # it is here, its name is taken, or it is no such row
        return False
    return done.rowcount == 1

"""Who signed in, and who may: what the daemon's audit chain is to know, until it does.

Each is noted in the transaction that does it, by page and commands alike, so none is lost and none
is told that was not done. The page tells them; without a daemon, or a page, they wait.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime

from web.database.connection import Connection
from web.reading.acts import Doing, PageAct
from web.reading.system import user_name


class Acts:
    """Finds them, and lets go of those that were told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def untold(self, limit: int) -> list[PageAct]:
        """The first of those that the daemon does not know of yet."""
        with self._connection.reading() as db:
            rows = db.execute(
                "SELECT number, at, person, doing, whom, role FROM acts ORDER BY number LIMIT ?",
                (limit,),
            ).fetchall()
        return [
            PageAct(number, datetime.fromtimestamp(at, UTC).isoformat(), person, Doing(doing), *of)
            for number, at, person, doing, *of in rows
        ]

    def told(self, number: int) -> None:
        """The daemon knows of all up to that one."""
        with self._connection.writing() as db:
            db.execute("DELETE FROM acts WHERE number <= ?", (number,))


def note(
    db: sqlite3.Connection, at: float, doing: Doing, whom: str, role: str = "", by: str = ""
) -> None:
    """Note one, within the transaction that does it.

    whom: whose account, or which key; by: empty for whoever runs this process.
    """
    db.execute(
        "INSERT INTO acts (at, person, doing, whom, role) VALUES (?, ?, ?, ?, ?)",
        (at, by or user_name(os.geteuid()), doing, whom, role),
    )


def note_of(
    db: sqlite3.Connection, at: float, doing: Doing, account: int, role: str = "", by: str = ""
) -> None:
    """The same, by an account's number; nothing where there is none."""
    for (name,) in db.execute("SELECT name FROM accounts WHERE id = ?", (account,)).fetchall():
        note(db, at, doing, name, role, by)

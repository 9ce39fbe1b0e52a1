"""People who may sign in."""

from __future__ import annotations

import sqlite3
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from web.database.acts import note, note_of
from web.database.connection import Connection
from web.database.restoring import note_removed
from web.reading.acts import Doing
from web.roles import Role

Clock = Callable[[], float]


class NameTaken(Exception):
    """Somebody, or something, is called so already."""


@dataclass(frozen=True, slots=True)
class Account:
    """One person."""

    id: int
    name: str
    role: Role
    password: str  # argon2id
    made_at: float
    signed_in_at: float | None


_SELECT = "SELECT id, name, role, password, made_at, signed_in_at FROM accounts"


class Accounts:
    """Adds, finds, changes and removes them. Names are compared without their case."""

    def __init__(self, connection: Connection, now: Clock = time.time) -> None:
        self._connection = connection
        self._now = now

    def add(self, name: str, role: Role, password: str) -> int:
        """Add a person, whose `password` is hashed already; raises NameTaken."""
        with self._connection.writing() as db:
            return self._add(db, name, role, password)

    def add_first(self, name: str, password: str) -> int | None:
        """Add the first person, an admin; None, and nothing is done, when there is one."""
        with self._connection.writing() as db:
            if db.execute("SELECT 1 FROM accounts LIMIT 1").fetchone():
                return None
            return self._add(db, name, Role.ADMIN, password, by=name)

    def _add(
        self, db: sqlite3.Connection, name: str, role: Role, password: str, by: str = ""
    ) -> int:
        now = self._now()
        try:
            done = db.execute(
                "INSERT INTO accounts (name, folded, role, password, made_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (name, folded(name), role, password, now),
            )
        except sqlite3.IntegrityError as exc:
            raise NameTaken(name) from exc
        note(db, now, Doing.ACCOUNT_ADDED, name, role, by)
        return int(done.lastrowid or 0)

    def named(self, name: str) -> Account | None:
        """Who is called so."""
        return self._one("folded = ?", folded(name))

    def by_id(self, account: int) -> Account | None:
        """Who has this number."""
        return self._one("id = ?", account)

    def everybody(self) -> list[Account]:
        """All, by name."""
        with self._connection.reading() as db:
            rows = db.execute(f"{_SELECT} ORDER BY folded").fetchall()
        return [_account(row) for row in rows]

    def is_anybody_there(self) -> bool:
        """Whether there is any account."""
        with self._connection.reading() as db:
            return db.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None

    def set_password(self, account: int, password: str, by: str = "") -> None:
        """Take a new password, hashed already, and end all sessions and links of that person.

        by: as `acts.note` has it.
        """
        with self._connection.writing() as db:
            db.execute("UPDATE accounts SET password = ? WHERE id = ?", (password, account))
            note_of(db, self._now(), Doing.PASSWORD_CHANGED, account, by=by)
            db.execute("DELETE FROM sessions WHERE account = ?", (account,))
            db.execute("DELETE FROM links WHERE account = ?", (account,))

    def rehash(self, account: int, password: str) -> None:
        """Note the same password as it is hashed today."""
        with self._connection.writing() as db:
            db.execute("UPDATE accounts SET password = ? WHERE id = ?", (password, account))

    def set_role(self, account: int, role: Role) -> None:
        """Give a person another role, and end all their sessions."""
        with self._connection.writing() as db:
            db.execute("UPDATE accounts SET role = ? WHERE id = ?", (role, account))
            note_of(db, self._now(), Doing.ROLE_CHANGED, account, role)
            db.execute("DELETE FROM sessions WHERE account = ?", (account,))

    def remove(self, account: int) -> None:
        """Remove a person, with sessions and links; what they did keeps their name elsewhere."""
        with self._connection.writing() as db:
            row = db.execute("SELECT folded FROM accounts WHERE id = ?", (account,)).fetchone()
            if row is not None:
                note_of(db, self._now(), Doing.ACCOUNT_REMOVED, account)
                note_removed(db, row[0], self._now())
                db.execute("DELETE FROM accounts WHERE id = ?", (account,))

    def _one(self, condition: str, value: str | int) -> Account | None:
        with self._connection.reading() as db:
            row = db.execute(f"{_SELECT} WHERE {condition}", (value,)).fetchone()
        return None if row is None else _account(row)


def folded(name: str) -> str:
    """How names are compared."""
    return unicodedata.normalize("NFKC", name).casefold()


def _account(row: tuple[Any, ...]) -> Account:
    return Account(row[0], row[1], Role(row[2]), *row[3:])

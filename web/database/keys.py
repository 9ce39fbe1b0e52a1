"""Keys of programs. A key is shown once, when it is made."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from web.database.accounts import NameTaken
from web.database.acts import note
from web.database.connection import Connection
from web.database.sessions import hashed
from web.reading.acts import Doing
from web.roles import Role

# Says what it is wherever one is found lying about.
PREFIX = "nightsort_"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key."""

    name: str
    role: Role
    made_at: float
    revoked_at: float | None


class Keys:
    """Makes, finds and revokes them."""

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now

    def add(self, name: str, role: Role) -> str:
        """Make one; returns the key itself. Raises NameTaken while one of that name is valid."""
        key, now = f"{PREFIX}{secrets.token_urlsafe(32)}", self._now()
        with self._connection.writing() as db:
            try:
                db.execute(
                    "INSERT INTO keys (name, role, hash, made_at) VALUES (?, ?, ?, ?)",
                    (name, role, hashed(key), now),
                )
            except sqlite3.IntegrityError as exc:
                raise NameTaken(name) from exc
            note(db, now, Doing.KEY_MADE, name, role)
        return key

    def find(self, key: str) -> Key | None:
        """What this key is, if it is one of ours and valid."""
        with self._connection.reading() as db:
            row = db.execute(
                "SELECT name, role, made_at, revoked_at FROM keys"
                " WHERE hash = ? AND revoked_at IS NULL",
                (hashed(key),),
            ).fetchone()
        return None if row is None else Key(row[0], Role(row[1]), row[2], row[3])

    def revoke(self, name: str) -> bool:
        """End the key of that name; False when there is none."""
        now = self._now()
        with self._connection.writing() as db:
            done = db.execute(
                "UPDATE keys SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL",
                (now, name),
            )
            if done.rowcount:
                note(db, now, Doing.KEY_REVOKED, name)
        return done.rowcount > 0

    def all(self) -> list[Key]:
        """Every key that ever was, the newest first."""
        with self._connection.reading() as db:
            rows = db.execute(
                "SELECT name, role, made_at, revoked_at FROM keys ORDER BY id DESC"
            ).fetchall()
        return [Key(name, Role(role), made, revoked) for name, role, made, revoked in rows]

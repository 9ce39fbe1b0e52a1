"""Sign-ins that have not ended. The secret is in the browser's cookie alone."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from web.database.connection import Connection
from web.roles import Role

# Noted this often, at most, that a session is used.
NOTE_SECONDS = 60.0
# A session ends after this many times the hours without use, even when it is used all the time.
LIVES = 7


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in, and whose it is."""

    hash: str
    account: int
    name: str
    role: Role
    began_at: float
    used_at: float


class Sessions:
    """Begins, finds and ends them."""

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now

    def begin(self, account: int) -> str:
        """Begin one; returns the secret for the cookie."""
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._connection.writing() as db:
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?)", (hashed(secret), account, now, now)
            )
            db.execute("UPDATE accounts SET signed_in_at = ? WHERE id = ?", (now, account))
            db.execute(
                "INSERT INTO acts (at, person) SELECT ?, name FROM accounts WHERE id = ?",
                (now, account),
            )
        return secret

    def find(self, secret: str, hours: float) -> Session | None:
        """The session of a cookie, unless it has ended."""
        with self._connection.reading() as db:
            row = db.execute(
                "SELECT hash, account, name, role, began_at, used_at FROM sessions"
                " JOIN accounts ON accounts.id = account WHERE hash = ?",
                (hashed(secret),),
            ).fetchone()
        if row is None:
            return None
        session = Session(row[0], row[1], row[2], Role(row[3]), row[4], row[5])
        return None if self._is_over(session, hours) else session

    def is_to_note(self, session: Session) -> bool:
        """Whether it is time to note that the session is used."""
        return abs(self._now() - session.used_at) >= NOTE_SECONDS

    def note(self, session: Session) -> None:
        """Note that it is used now."""
        with self._connection.writing() as db:
            db.execute(
                "UPDATE sessions SET used_at = ? WHERE hash = ?", (self._now(), session.hash)
            )

    def end(self, session: str) -> None:
        """End one, by its hash."""
        with self._connection.writing() as db:
            db.execute("DELETE FROM sessions WHERE hash = ?", (session,))

    def sweep(self, hours: float) -> None:
        """Forget those that have ended by time; what seems to be of later counts from now."""
        now, idle = self._now(), hours * 3600
        with self._connection.writing() as db:
            # A clock that was set back since must not make them last until it is that late again.
            db.execute(
                "UPDATE sessions SET used_at = min(used_at, :now), began_at = min(began_at, :now)"
                " WHERE used_at > :now OR began_at > :now",
                {"now": now},
            )
            db.execute(
                "DELETE FROM sessions WHERE used_at < ? OR began_at < ?",
                (now - idle, now - idle * LIVES),
            )

    def _is_over(self, session: Session, hours: float) -> bool:
        now, idle = self._now(), hours * 3600
        return now - session.used_at > idle or now - session.began_at > idle * LIVES


def hashed(secret: str) -> str:
    """What is kept of 256 random bits: nobody guesses them, so a fast hash suffices."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

"""One-time links: the first sign-in, and a password that was forgotten."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from web.database.acts import note_of
from web.database.connection import Connection
from web.database.sessions import hashed
from web.reading.acts import Doing

FIRST_SECONDS = 15 * 60.0
RESET_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is good for."""

    account: int | None  # whose password it sets; None: it makes the first account


class Links:
    """Makes them, says what they are good for, and takes them, once."""

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now

    def make_first(self) -> str | None:
        """The secret of a link for the first account; None when there is one.

        A link made before is good for nothing any more.
        """
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._connection.writing() as db:
            if db.execute("SELECT 1 FROM accounts LIMIT 1").fetchone():
                return None
            db.execute("DELETE FROM links WHERE account IS NULL")
            db.execute(
                "INSERT INTO links VALUES (?, NULL, ?, ?)",
                (hashed(secret), now, now + FIRST_SECONDS),
            )
        return secret

    def make_reset(self, account: int, by: str = "") -> str:
        """The secret of a link by which a person sets a new password; earlier ones end.

        by: as `acts.note` has it.
        """
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._connection.writing() as db:
            db.execute("DELETE FROM links WHERE account = ?", (account,))
            db.execute(
                "INSERT INTO links VALUES (?, ?, ?, ?)",
                (hashed(secret), account, now, now + RESET_SECONDS),
            )
            note_of(db, now, Doing.LINK_MADE, account, by=by)
        return secret

    def look(self, secret: str) -> Link | None:
        """What it is good for; None: for nothing (any more). It is not used up by this."""
        with self._connection.reading() as db:
            row = db.execute(f"SELECT account {_VALID}", self._place(secret)).fetchone()
        return None if row is None else Link(row[0])

    def take(self, secret: str) -> Link | None:
        """Use it up; None when it is good for nothing (any more)."""
        with self._connection.writing() as db:
            row = db.execute(f"SELECT account {_VALID}", self._place(secret)).fetchone()
            db.execute("DELETE FROM links WHERE hash = ?", (hashed(secret),))
        return None if row is None else Link(row[0])

    def sweep(self) -> None:
        """Forget those that have ended."""
        with self._connection.writing() as db:
            db.execute("DELETE FROM links WHERE ends_at < ?", (self._now(),))

    def _place(self, secret: str) -> tuple[str, float, float]:
        now = self._now()
        return hashed(secret), now, now


# A clock that was set back must not make one good again; nor is the first for a second account.
_VALID = (
    "FROM links WHERE hash = ? AND ends_at >= ? AND made_at <= ? + 60 AND"
    " (account IS NOT NULL OR NOT EXISTS (SELECT 1 FROM accounts))"
)

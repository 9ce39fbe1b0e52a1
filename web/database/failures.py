"""Sign-ins that failed, by whom and from where; kept here so that a restart forgives nobody."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping

from web.database.connection import Connection
from web.throttle import FORGET_SECONDS, Tally

# Of names that nobody has, anybody can invent many.
_MOST_SUBJECTS = 10_000


class Failures:
    """Counts them by subject; what follows of a count is for `web.throttle`."""

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now

    def charge(self, subjects: Mapping[str, Callable[[Tally, float], float]]) -> float:
        """Count an attempt for all `subjects`; or, while one must wait, say how many seconds.

        Counted before the password is looked at: many attempts at once are many. Each subject comes
        with its rule: tally and time → seconds to wait.
        """
        now = self._now()
        with self._connection.writing() as db:
            # A clock that was set back since would have everybody wait until it is that late again.
            db.execute("UPDATE failures SET last_at = ? WHERE last_at > ?", (now, now))
            tallies = {subject: _tally(db, subject) for subject in subjects}
            wait = max(
                (rule(tallies[subject], now) for subject, rule in subjects.items()), default=0
            )
            if wait <= 0:
                for subject, tally in tallies.items():
                    count = 1 if tally.is_old(now) else tally.count + 1
                    db.execute("REPLACE INTO failures VALUES (?, ?, ?)", (subject, count, now))
        return wait

    def clear(self, *subjects: str) -> None:
        """The attempt succeeded."""
        with self._connection.writing() as db:
            db.executemany("DELETE FROM failures WHERE subject = ?", [(one,) for one in subjects])

    def sweep(self) -> None:
        """Forget what is old, and the oldest of too many."""
        with self._connection.writing() as db:
            db.execute("DELETE FROM failures WHERE last_at < ?", (self._now() - FORGET_SECONDS,))
            db.execute(
                "DELETE FROM failures WHERE subject IN"
                " (SELECT subject FROM failures ORDER BY last_at DESC LIMIT -1 OFFSET ?)",
                (_MOST_SUBJECTS,),
            )


def _tally(db: sqlite3.Connection, subject: str) -> Tally:
    row = db.execute("SELECT count, last_at FROM failures WHERE subject = ?", (subject,)).fetchone()
    return Tally(*row) if row else Tally()

"""Hand-overs: calls to another system, each kept until it has arrived or is given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from daemon.domain.failures import LONGEST_WAIT
from daemon.store.changes import move_cursor
from daemon.store.database import Part
from daemon.store.rows import utc

FOLLOWER = "handover"  # of the change feed


@dataclass(frozen=True, slots=True)
class Call:
    """What the other system is to be told, once."""

    key: str  # the same at every attempt
    made_at: datetime
    body: str
    attempts: int = 0  # that failed


@dataclass(frozen=True, slots=True)
class Unreached:
    """The other system was not reached lately."""

    since: datetime  # the first attempt that failed
    error: str  # of the last one
    waiting: int  # calls


class Handovers(Part):
    """The outbox of calls."""

    def put(self, calls: Iterable[Call], passed: int) -> None:
        """Keep calls, and note that everything in the feed up to `passed` is in them."""
        with self._db.transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO handovers (key, made_at, body, state, next_at)"
                " VALUES (?, ?, ?, 'waiting', ?)",
                [(one.key, utc(one.made_at), one.body, utc(one.made_at)) for one in calls],
            )
            move_cursor(self._db, FOLLOWER, passed)

    def due(self, at: datetime, limit: int) -> list[Call]:
        """What is to be sent now, oldest first."""
        rows = self._db.execute(
            "SELECT key, made_at, body, attempts FROM handovers"
            " WHERE state = 'waiting' AND (next_at <= ? OR next_at > ?) ORDER BY id LIMIT ?",
            (utc(at), utc(at + LONGEST_WAIT), limit),
        )
        return [Call(key, datetime.fromisoformat(made), body, n) for key, made, body, n in rows]

    def arrived(self, key: str, at: datetime) -> None:
        """Note that a call was taken; what it said is kept no longer."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE handovers SET state = 'delivered', next_at = NULL, body = '', error = '',"
                " last_tried_at = ? WHERE key = ?",
                (utc(at), key),
            )

    def failed(self, key: str, at: datetime, error: str, next_at: datetime | None) -> None:
        """Note that an attempt failed. next_at: when to try again, None: never."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE handovers SET state = ?, next_at = ?, error = ?, last_tried_at = ?,"
                " attempts = attempts + 1, first_failed_at = coalesce(first_failed_at, ?)"
                " WHERE key = ?",
                (
                    "waiting" if next_at else "dead",
                    next_at and utc(next_at),
                    error,
                    utc(at),
                    utc(at),
                    key,
                ),
            )

    def try_all_now(self, at: datetime) -> None:
        """Make everything due that waits: the world may be better than before."""
        with self._db.transaction():
            self._db.execute("UPDATE handovers SET next_at = ? WHERE state = 'waiting'", (utc(at),))

    def unreached(self) -> Unreached | None:
        """Whether calls have failed since the last that was taken."""
        since, waiting = self._db.execute(
            "SELECT min(first_failed_at), count(*) FROM handovers WHERE state = 'waiting'"
        ).fetchone()
        if since is None:
            return None
        (taken,) = self._db.execute(
            "SELECT coalesce(max(last_tried_at), '') FROM handovers WHERE state = 'delivered'"
        ).fetchone()
        last = self._db.execute(
            "SELECT error FROM handovers WHERE state = 'waiting' AND last_tried_at > ?"
            " ORDER BY last_tried_at DESC LIMIT 1",
            (taken,),
        ).fetchone()
        if last is None:
            return None
        return Unreached(datetime.fromisoformat(max(since, taken)), last[0], waiting)

    def counts(self) -> dict[str, int]:
        """How many calls wait, were taken, and were given up."""
        found = dict(self._db.execute("SELECT state, count(*) FROM handovers GROUP BY state"))
        return {state: found.get(state, 0) for state in ("waiting", "delivered", "dead")}

    def forget(self, before: datetime) -> None:
        """Drop what was taken or given up before that time."""
        with self._db.transaction():
            self._db.execute(
                "DELETE FROM handovers WHERE state <> 'waiting' AND last_tried_at < ?",
                (utc(before),),
            )

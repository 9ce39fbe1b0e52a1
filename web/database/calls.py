"""Calls of the API: which path, how it ended, how long it took, whose key. Nothing personal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

from web.database.connection import Connection


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    at: float
    path: str  # as the route is written: /photos/{id}
    status: int
    milliseconds: float
    bytes: int  # that came with it
    key: str  # its name; empty for people


@dataclass(frozen=True, slots=True)
class Times:
    """What many calls came to; so many per cent of them took no longer than that."""

    of: str  # the path, or the hour; empty: of all
    calls: int
    failures: int  # a defect, or not to be had at that moment
    refused: int  # what was asked could not be
    p50: float  # milliseconds
    p95: float
    p99: float


class Answered(NamedTuple):
    """How a call was answered."""

    at: float
    path: str
    status: int
    milliseconds: float


def added_up(
    calls: Iterable[Answered], of: Callable[[Answered], str] = lambda _: ""
) -> list[Times]:
    """What calls came to: all together, or those apart of which `of` says another word.

    Where there are most calls comes first. In Python: SQLite takes twice as long to rank them.
    """
    apart: defaultdict[str, list[Answered]] = defaultdict(list)
    for call in calls:
        apart[of(call)].append(call)
    return sorted(
        (_times(one, those) for one, those in apart.items()), key=lambda one: (-one.calls, one.of)
    )


def _times(of: str, calls: Sequence[Answered]) -> Times:
    spans = sorted(call.milliseconds for call in calls)
    ranks = ((len(spans) * percent + 99) // 100 for percent in (50, 95, 99))
    return Times(
        of,
        len(calls),
        sum(call.status >= 500 for call in calls),
        sum(400 <= call.status < 500 for call in calls),
        *(spans[rank - 1] for rank in ranks),
    )


class Calls:
    """Keeps them."""

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now

    def add(self, calls: Sequence[Call]) -> None:
        """Keep these."""
        with self._connection.writing() as db:
            db.executemany(
                "INSERT INTO api_calls VALUES (?, ?, ?, ?, ?, ?)", [astuple(call) for call in calls]
            )

    def since(self, at: float) -> list[Call]:
        """Those from a time on, the oldest first."""
        with self._connection.reading() as db:
            rows = db.execute(
                "SELECT at, path, status, milliseconds, bytes, key FROM api_calls"
                " WHERE at >= ? ORDER BY at",
                (at,),
            ).fetchall()
        return [Call(*row) for row in rows]

    def count(self, since: float) -> int:
        """How many there were since then."""
        with self._connection.aside() as db:
            (calls,) = db.execute(
                "SELECT count(*) FROM api_calls WHERE at >= ?", (since,)
            ).fetchone()
        return int(calls)

    def answered(self, since: float) -> list[Answered]:
        """How those since then were answered."""
        with self._connection.aside() as db:
            rows = db.execute(
                "SELECT at, path, status, milliseconds FROM api_calls WHERE at >= ?", (since,)
            ).fetchall()
        return [*map(Answered._make, rows)]

    def sweep(self, days: float) -> None:
        """Forget those that are older; 0 keeps all."""
        if days:
            with self._connection.writing() as db:
                db.execute("DELETE FROM api_calls WHERE at < ?", (self._now() - days * 86_400,))

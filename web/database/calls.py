"""Calls of the API: which path, how it ended, how long it took, whose key. Nothing personal."""

# ruff: noqa: S608 - what is put into statements is this module's own text, never a value

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from web.database.connection import Connection

_GROUPS = {
    "all": "''",
    "path": "path",
    "hour": "CAST(CAST((at - :since) / 3600 AS INTEGER) AS TEXT)",
}


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

    def times(self, since: float, by: Literal["all", "path", "hour"] = "all") -> list[Times]:
        """What the calls since then came to: all together, or by path, or by hour from 0 on."""
        group = _GROUPS[by]
        values = {"since": since}
        with self._connection.aside() as db:
            counts = db.execute(
                f"SELECT {group}, count(*), sum(status >= 500), sum(status BETWEEN 400 AND 499)"
                " FROM api_calls WHERE at >= :since GROUP BY 1 ORDER BY 2 DESC, 1",
                values,
            ).fetchall()
            ranked = db.execute(
                f"WITH ranked AS (SELECT {group} AS one, milliseconds,"
                f" row_number() OVER (PARTITION BY {group} ORDER BY milliseconds) AS rank,"
                f" count(*) OVER (PARTITION BY {group}) AS n FROM api_calls WHERE at >= :since)"
                " SELECT one, rank, milliseconds FROM ranked"
                " WHERE rank IN ((n * 50 + 99) / 100, (n * 95 + 99) / 100, (n * 99 + 99) / 100)",
                values,
            ).fetchall()
        found = {(one, rank): milliseconds for one, rank, milliseconds in ranked}

        def at_rank(one: str, count: int, percent: int) -> float:
            return float(found[one, (count * percent + 99) // 100])

        return [
            Times(one, count, failures, refused, *(at_rank(one, count, p) for p in (50, 95, 99)))
            for one, count, failures, refused in counts
        ]

    def sweep(self, days: float) -> None:
        """Forget those that are older; 0 keeps all."""
        if days:
            with self._connection.writing() as db:
                db.execute("DELETE FROM api_calls WHERE at < ?", (self._now() - days * 86_400,))

"""Calls of the API: which path, how it ended, how long it took, whose key. Nothing personal."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from itertools import accumulate

from web.database.connection import Connection

HOUR_SECONDS = 3600.0
# A gigabyte: whoever knocks without a key is counted, too, and must not fill the disk.
MOST_KEPT = 10_000_000


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


@dataclass(slots=True)
class Tally:
    """Calls counted by how long they took, in tenths of a millisecond: a million are some hundreds.

    In Python: SQLite takes twice as long to rank them.
    """

    took: Counter[float] = field(default_factory=Counter)
    failures: int = 0
    refused: int = 0

    def add(self, status: int, milliseconds: float) -> None:
        """One more call."""
        self.took[milliseconds] += 1
        self.failures += status >= 500
        self.refused += 400 <= status < 500

    def merge(self, other: Tally) -> None:
        """All of another's calls, too."""
        self.took.update(other.took)
        self.failures += other.failures
        self.refused += other.refused

    def times(self, of: str) -> Times:
        """What they came to; there must be one."""
        calls, ranks = self.took.total(), sorted(self.took)
        ends = list(accumulate(self.took[one] for one in ranks))
        wanted = ((calls * percent + 99) // 100 for percent in (50, 95, 99))
        spans = (ranks[bisect_left(ends, rank)] for rank in wanted)
        return Times(of, calls, self.failures, self.refused, *spans)


@dataclass(frozen=True, slots=True)
class Tallies:
    """Calls of a span of time by the hour since its beginning, from 0 on, and path."""

    apart: Mapping[tuple[int, str], Tally]

    def all(self, first_hour: int = 0) -> Times | None:
        """All together from an hour on; None: there was none."""
        found = _together(
            (tally, "") for (hour, _), tally in self.apart.items() if hour >= first_hour
        )
        return found[0] if found else None

    def by_hour(self) -> list[Times]:
        """Those of each hour; where there are most comes first."""
        return _together((tally, str(hour)) for (hour, _), tally in self.apart.items())

    def by_path(self) -> list[Times]:
        """Those of each path; where there are most comes first."""
        return _together((tally, path) for (_, path), tally in self.apart.items())


def _together(tallies: Iterable[tuple[Tally, str]]) -> list[Times]:
    apart: defaultdict[str, Tally] = defaultdict(Tally)
    for tally, of in tallies:
        apart[of].merge(tally)
    times = (tally.times(of) for of, tally in apart.items())
    return sorted(times, key=lambda one: (-one.calls, one.of))


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

    def tallied(self, since: float) -> Tallies:
        """What those since then came to; of however many, little is in memory at a time."""
        apart: defaultdict[tuple[int, str], Tally] = defaultdict(Tally)
        with self._connection.aside() as db:
            rows = db.execute(
                "SELECT at, path, status, milliseconds FROM api_calls WHERE at >= ?", (since,)
            )
            for at, path, status, milliseconds in rows:
                apart[int((at - since) // HOUR_SECONDS), path].add(status, milliseconds)
        return Tallies(apart)

    def sweep(self, days: float) -> None:
        """Forget those that are older (0: none), and of more than can be kept the first."""
        oldest = self._now() - days * 86_400 if days else float("-inf")
        with self._connection.writing() as db:
            db.execute("DELETE FROM api_calls WHERE at < ?", (oldest,))
            db.execute(
                "DELETE FROM api_calls WHERE rowid <= (SELECT max(rowid) FROM api_calls) - ?",
                (MOST_KEPT,),
            )

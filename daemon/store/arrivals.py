"""Arrivals: the photos that came in last, wherever each is by now."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.domain.photos import Fingerprint, as_text
from daemon.store.database import Part

# A share takes in a few thousand photos a day; beyond this nobody counts with a hand on the clock.
MOST_COUNTED = 20_000

_WAITING = ("queued", "claimed", "classified")
_IS_THERE = "state NOT IN ('gone', 'undone', 'removed')"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A photo that came in, and what is known of it so far: before its run by looking ahead."""

    id: int
    source: str  # in incoming, as it was dropped
    state: str
    came: datetime
    is_judged: bool
    reason: str  # why it is doubted or cannot be read; empty where nothing is wrong, or known
    return_id: str  # as far as that was found out; its name may tell before
    sha256: str  # of its bytes now; empty while nobody has read them
    place: str  # in incoming while it waits, else in sorted
    fingerprint: Fingerprint

    @property
    def is_in_incoming(self) -> bool:
        """Whether it waits there still."""
        return self.state in _WAITING

    @property
    def filename(self) -> str:
        """Its name as it was dropped, as text."""
        return as_text(self.source.rpartition("/")[2])


class Arrivals(Part):
    """What came in last."""

    def lately(self, begin: datetime, at_least: int, at_most: int) -> list[Arrival]:
        """The photos that came since then and that nobody took away since, newest first.

        at_least: so many are among them, whenever they came; at_most: of all.
        Read backwards from the last one, as `since`.
        """
        found: list[Arrival] = []
        for row in self._there("ORDER BY photos.id DESC LIMIT ?", at_most):
            arrival = _arrival_of(row)
            if len(found) >= at_least and arrival.came < begin:
                break
            found.append(arrival)
        return found

    def of_number(self, photo: int) -> Arrival | None:
        """The photo of that number; None where there is none, or somebody took it away."""
        return next((_arrival_of(row) for row in self._there("AND photos.id = ?", photo)), None)

    def is_among_newest(self, photo: int, limit: int) -> bool:
        """Whether fewer than so many came after it that nobody took away since."""
        (newer,) = self._db.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM photos WHERE id > ? AND {_IS_THERE} LIMIT ?)",
            (photo, limit),
        ).fetchone()
        return int(newer) < limit

    def _there(self, which: str, value: int) -> Iterator[Sequence[Any]]:
        return iter(
            self._db.execute(
                "SELECT photos.id, path, state, first_seen_at,"
                " ahead.photo IS NOT NULL OR recorded_at IS NOT NULL,"
                " coalesce(photos.reason, ahead.reason, ''), coalesce(return_id, ''),"
                " coalesce(edited_sha256, photos.sha256, ahead.sha256, ''),"
                f" CASE WHEN state IN {_WAITING} THEN path"
                " ELSE coalesce(place, target) END, inode, size_bytes, mtime_ns"
                " FROM photos LEFT JOIN verdicts_ahead AS ahead ON ahead.photo = photos.id"
                f" WHERE {_IS_THERE} {which}",
                (value,),
            )
        )

    def since(self, begin: datetime) -> int:
        """How many photos have come since then, up to `MOST_COUNTED`.

        Read backwards from the last one, so that a history of a million costs what a day does.
        """
        rows = self._db.execute(
            "SELECT first_seen_at FROM photos ORDER BY id DESC LIMIT ?", (MOST_COUNTED,)
        )
        for number, (came,) in enumerate(rows):
            if datetime.fromisoformat(came) < begin:
                return number
        return self._all()

    def _all(self) -> int:
        (photos,) = self._db.execute("SELECT coalesce(sum(photos), 0) FROM counts").fetchone()
        return min(int(photos), MOST_COUNTED)


def _arrival_of(row: Sequence[Any]) -> Arrival:
    number, source, state, came, judged, reason, return_id, sha256, place, *mark = row
    return Arrival(
        number, os.fsdecode(source), state, datetime.fromisoformat(came), bool(judged), reason,
        return_id, sha256, os.fsdecode(place), Fingerprint(*mark),
    )  # fmt: skip

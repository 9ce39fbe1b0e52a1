"""Pick lists that were printed: by whom, when, and which photos stood in which category then.

Photos are kept by their numbers alone, so that nothing of what is forgotten stays here.
"""

from __future__ import annotations

import json
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from web.database.connection import Connection

KEPT_DAYS = 62
_KEPT_OF_A_RUN = 20
_COLUMNS = "id, run, at, person, since, lying"


@dataclass(frozen=True, slots=True)
class Print:
    """One printing."""

    id: int
    run: str
    at: float
    person: str  # empty: it is not kept any more who it was
    since: int | None  # only what had changed after that one; None: all of it
    lying: Mapping[int, str]  # the category of each photo that lay in one, by its number


class Prints:
    """Keeps them for a while."""

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now

    def note(self, run: str, person: str, since: int | None, lying: Mapping[int, str]) -> int:
        """Note one; its number."""
        with self._connection.writing() as db:
            made = db.execute(
                "INSERT INTO prints (run, at, person, since, lying) VALUES (?, ?, ?, ?, ?)",
                (run, self._now(), person, since, _packed(lying)),
            ).lastrowid
            db.execute(
                "DELETE FROM prints WHERE run = ? AND id NOT IN"
                " (SELECT id FROM prints WHERE run = ? ORDER BY id DESC LIMIT ?)",
                (run, run, _KEPT_OF_A_RUN),
            )
        assert made is not None
        return made

    def newest(self, run: str) -> Print | None:
        """The newest of a run."""
        return self._one("run = ? ORDER BY id DESC LIMIT 1", run)

    def get(self, run: str, number: int) -> Print | None:
        """That one, if it is of this run."""
        return self._one("run = ? AND id = ?", run, number)

    def drop_newest(self, run: str, number: int) -> bool:
        """Take one back that did not come out; False where there is a newer one."""
        with self._connection.writing() as db:
            gone = db.execute(
                "DELETE FROM prints WHERE id = ? AND id ="
                " (SELECT max(id) FROM prints WHERE run = ?)",
                (number, run),
            )
        return gone.rowcount > 0

    def sweep(self, people_days: float) -> None:
        """Let go of old ones, and of the names on those older than so many days; 0: keep them."""
        now = self._now()
        with self._connection.writing() as db:
            db.execute("DELETE FROM prints WHERE at < ?", (now - KEPT_DAYS * 86400,))
            if people_days:
                db.execute(
                    "UPDATE prints SET person = '' WHERE at < ?", (now - people_days * 86400,)
                )

    def _one(self, condition: str, *values: Any) -> Print | None:
        with self._connection.reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM prints WHERE {condition}",  # noqa: S608 - our own text
                values,
            ).fetchone()
        if row is None:
            return None
        number, run, at, person, since, lying = row
        return Print(number, run, at, person, since, _unpacked(lying))


def _packed(lying: Mapping[int, str]) -> bytes:
    by_category: dict[str, list[int]] = defaultdict(list)
    for photo, category in lying.items():
        by_category[category].append(photo)
    return zlib.compress(json.dumps(by_category).encode("ascii"))


def _unpacked(packed: bytes) -> dict[int, str]:
    by_category = json.loads(zlib.decompress(packed))
    return {photo: category for category, photos in by_category.items() for photo in photos}

"""Traces of photos in the tables: which photos are meant, and by what else they are found.

What is forgotten is found here first; `forgetting` takes it out.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.domain.photos import Story, as_text
from daemon.domain.return_ids import day_beside, day_of, return_id, return_key
from daemon.store.database import Part
from daemon.store.queue import ACTIVE
from daemon.store.rows import STORY_COLUMNS, story_of
from daemon.store.search import NAMED, named, return_keys

THESE = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody wants forgotten."""

    stories: list[Story]
    is_return: bool  # they are all the photos of one return, and that was named
    is_clear: bool  # no day beside its number makes two returns of it

    @property
    def is_exact(self) -> bool:
        """Whether that is one photo or one return."""
        return self.is_clear and (len(self.stories) == 1 or (self.is_return and self.stories != []))


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known of photos that are to be forgotten."""

    names: tuple[str, ...]
    hashes: tuple[tuple[int, str], ...]  # each photo's number, with each hash of its bytes
    own_hashes: frozenset[str]
    runs: tuple[str, ...]
    spoken_at: tuple[str, ...]  # ISO 8601, UTC
    same_bytes: tuple[int, ...]


class Traces(Part):
    """Finds them."""

    def meant(self, what: str) -> Meant:
        """The photos of that name, number, place or return id; newest first."""
        text = as_text(what)
        keys = set(json.loads(return_keys(text)))
        rows = self._db.execute(
            "SELECT id, coalesce(return_id, ''), coalesce(return_key, '') FROM photos"
            f" WHERE id IN ({NAMED})",
            named(what, any_day=True),
        ).fetchall()
        by_return = {i: key or said for i, said, key in rows if key in keys or said == text}
        by_return |= self._waiting_of(keys)
        found = {photo for photo, *_ in rows} | by_return.keys()
        days = self._days(by_return)
        if day := day_beside(text):
            found -= {photo for photo in days if days[photo] not in ("", day)}
        is_return = by_return.keys() >= found and len({*by_return.values()}) == 1
        return Meant(self.stories(found), is_return, _is_clear(days, found))

    def stories(self, photos: Collection[int]) -> list[Story]:
        """Those photos, newest first."""
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} FROM photos WHERE id IN {THESE} ORDER BY id DESC",
            (json.dumps([*photos]),),
        )
        return [story_of(row) for row in rows]

    def known(self, photos: Collection[int]) -> Known:
        """What traces of these photos are found by."""
        these = json.dumps([*photos])
        return Known(
            tuple(sorted(self._names(these))),
            tuple(self._hashed(these)),
            frozenset(self._hashes(these) - self._hashes_of_others(these)),
            tuple(self._runs_that_show(these)),
            tuple(self._column(f"SELECT at FROM corrections WHERE photo IN {THESE}", these)),
            tuple(self._same_bytes(these)),
        )

    def rows(self) -> Iterator[tuple[int, str, str, str, str]]:
        """Each photo: number, first seen, source, run, recorded."""
        rows = self._db.execute(
            "SELECT id, first_seen_at, path, coalesce(run, ''), coalesce(recorded_at, '')"
            " FROM photos ORDER BY id"
        )
        return ((i, seen, os.fsdecode(path), run, at) for i, seen, path, run, at in rows)

    def _waiting_of(self, keys: set[str]) -> dict[int, str]:
        """Photos in the queue whose names name one of these returns."""
        if not keys:
            return {}
        rows = self._db.execute(f"SELECT id, filename FROM photos WHERE state IN {ACTIVE}")
        found = ((photo, return_key(return_id(filename))) for photo, filename in rows)
        return {photo: key for photo, key in found if key in keys}

    def _days(self, keys: Mapping[int, str]) -> dict[int, str]:
        """The day beside the number in the name of each of these photos; keys: of their returns."""
        rows = self._db.execute(
            f"SELECT id, filename FROM photos WHERE id IN {THESE}", (json.dumps([*keys]),)
        )
        return {photo: day_of(filename, keys[photo]) for photo, filename in rows}

    def _names(self, these: str) -> set[str]:
        """Texts by which these photos are named, and nothing else is."""
        rows = self._db.execute(
            "SELECT filename, path, coalesce(target, x''), coalesce(place, x''), id FROM photos"
            f" WHERE id IN {THESE}",
            (these,),
        ).fetchall()
        places = {place for _, _, *two, _ in rows for place in two}
        places |= {
            place
            for pair in self._db.execute(
                f"SELECT source, target FROM corrections WHERE photo IN {THESE}", (these,)
            )
            for place in pair
        }
        names = {f"#{photo} {name}" for name, *_, photo in rows}
        names |= {name for name, *_ in rows if not self._is_others("filename = ?", name, these)}
        names |= {
            as_text(os.fsdecode(path))
            for name, path, *_ in rows
            if not self._is_others("filename = ? AND path = ?", name, path, these)
        }
        lying = "coalesce(place, target) = ? AND target IS NOT NULL"
        names |= {
            as_text(os.fsdecode(place))
            for place in places
            if place and not self._is_others(lying, place, these)
        }
        return names | self._lonely_returns(these) | self._hashes(these)

    def _lonely_returns(self, these: str) -> set[str]:
        """The ids of returns of which no other photo is known."""
        rows = self._db.execute(
            "SELECT return_id, return_key FROM photos AS one WHERE return_key <> ''"
            f" AND id IN {THESE} AND NOT EXISTS (SELECT 1 FROM photos AS other"
            f" WHERE other.return_key = one.return_key AND other.id NOT IN {THESE})",
            (these, these),
        )
        return {text for pair in rows for text in pair if text}

    def _is_others(self, condition: str, *values: Any) -> bool:
        """Whether that holds of another photo; the last value names those that are meant."""
        row = self._db.execute(
            f"SELECT 1 FROM photos WHERE {condition} AND id NOT IN {THESE} LIMIT 1", values
        ).fetchone()
        return row is not None

    def _hashes(self, these: str) -> set[str]:
        return {sha256 for _, sha256 in self._hashed(these)}

    def _hashed(self, these: str) -> list[tuple[int, str]]:
        """Each photo's number, with each hash of its bytes: as filed, as edited, as seen ahead."""
        rows = self._db.execute(
            f"SELECT id, sha256, 0 FROM photos WHERE id IN {THESE}"
            f" UNION SELECT id, edited_sha256, 1 FROM photos WHERE id IN {THESE}"
            f" UNION SELECT photo, sha256, 2 FROM verdicts_ahead WHERE photo IN {THESE} ORDER BY 3",
            (these, these, these),
        )
        return [(photo, sha256) for photo, sha256, _ in rows if sha256]

    def _hashes_of_others(self, these: str) -> set[str]:
        hashes = json.dumps([*self._hashes(these)])
        rows = self._db.execute(
            "SELECT sha256, edited_sha256 FROM photos"
            f" WHERE (sha256 IN {THESE} OR edited_sha256 IN {THESE}) AND id NOT IN {THESE}"
            " UNION ALL SELECT sha256, NULL FROM verdicts_ahead"
            f" WHERE sha256 IN {THESE} AND photo NOT IN {THESE}",
            (hashes, hashes, these, hashes, these),
        )
        return {sha256 for pair in rows for sha256 in pair if sha256}

    def _same_bytes(self, these: str) -> list[int]:
        hashes = json.dumps([*self._hashes(these)])
        return self._column(
            f"SELECT id FROM photos WHERE coalesce(edited_sha256, sha256) IN {THESE}"
            f" AND id NOT IN {THESE} UNION SELECT photo FROM verdicts_ahead"
            f" WHERE sha256 IN {THESE} AND photo NOT IN {THESE} ORDER BY 1",
            hashes,
            these,
            hashes,
            these,
        )

    def _runs_that_show(self, these: str) -> list[str]:
        """Closed runs on whose pages these photos may be: their own, and those of their likes."""
        return self._column(
            "SELECT DISTINCT run FROM photos JOIN runs ON runs.id = photos.run"
            f" WHERE summary IS NOT NULL AND (photos.id IN {THESE}"
            " OR return_key IN (SELECT return_key FROM photos"
            f" WHERE return_key <> '' AND id IN {THESE})"
            f" OR sha256 IN (SELECT sha256 FROM photos WHERE sha256 <> '' AND id IN {THESE}))"
            " ORDER BY run",
            these,
            these,
            these,
        )

    def _column(self, statement: str, *values: Any) -> list[Any]:
        return [value for (value,) in self._db.execute(statement, values)]


def _is_clear(days: Mapping[int, str], found: Collection[int]) -> bool:
    """Whether photos of one number are of one day, by the days beside it.

    days: also of those that another day rules out; a photo without a day may be of theirs.
    """
    of_all, of_these = {*days.values()}, {days[photo] for photo in found if photo in days}
    return len(of_these - {""}) <= 1 and ("" not in of_these or of_all == of_these)

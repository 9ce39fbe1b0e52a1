"""Returns: the photos of each, of all nights."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from daemon.domain.corrections import Word
from daemon.domain.returns import LastWord, ReturnPhoto
from daemon.store.database import Part
from daemon.store.rows import STORY_COLUMNS, story_of

_COLUMNS = (
    f"{STORY_COLUMNS}, (SELECT json_array(word, person, at) FROM corrections"
    " WHERE photo = photos.id AND is_done = 1 ORDER BY corrections.id DESC LIMIT 1),"
    " CASE WHEN state = 'duplicate' THEN (SELECT coalesce(twin.decided, twin.category)"
    " FROM photos AS twin WHERE twin.sha256 = photos.sha256"
    " AND twin.state IN ('filed', 'review') LIMIT 1) END, return_key"
)


class Returns(Part):
    """Photos by the return that they name; a photo that names none is in no return."""

    def of_run(self, run: str) -> Iterator[list[ReturnPhoto]]:
        """Each return of which a run sorted a photo, with its photos of all nights."""
        return self._found("run = ? AND result_number IS NOT NULL", run)

    def of_photo(self, photo: int) -> list[ReturnPhoto]:
        """The photos of the return that a photo shows; empty where its name says none."""
        return next(self._found("id = ?", photo), [])

    def _found(self, condition: str, *values: Any) -> Iterator[list[ReturnPhoto]]:
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM photos WHERE return_key <> '' AND return_key IN"
            f" (SELECT return_key FROM photos WHERE return_key <> '' AND {condition})"
            " AND result_number IS NOT NULL ORDER BY return_key, id",
            values,
        )
        for _, photos in groupby(rows, key=lambda row: row[-1]):
            yield [_photo_of(row) for row in photos]


def _photo_of(row: Sequence[Any]) -> ReturnPhoto:
    story, said, twin = story_of(row[:-3]), row[-3], row[-2] or ""
    if said is None:
        return ReturnPhoto(story, twin=twin)
    word, person, at = json.loads(said)
    return ReturnPhoto(story, LastWord(Word(word), person, datetime.fromisoformat(at)), twin)

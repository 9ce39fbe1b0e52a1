"""Spot checks: photos filed without a look, chosen by lot for people to look at; and answers."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from daemon.domain.accuracy import Answer
from daemon.domain.photos import Story
from daemon.store.database import Part
from daemon.store.rows import STORY_COLUMNS, story_of

_FILED_UNSEEN = "run = ? AND result_number IS NOT NULL AND status = 'success' AND band = 'auto'"
_LAST_WORD = (
    "LEFT JOIN corrections ON corrections.id = (SELECT max(id) FROM corrections"
    " WHERE photo = photos.id AND is_done = 1)"
)
# CROSS: from the runs on, which are few, whatever number of spot checks there ever were.
_OF_RUNS_SINCE = (
    "runs CROSS JOIN spot_checks ON spot_checks.run = runs.id WHERE substr(started_at, 1, 10) >= ?"
)
# Also those whose answer was taken back: they wait in review.
_UNANSWERED = (
    f"FROM photos WHERE id IN (SELECT photo FROM {_OF_RUNS_SINCE})"
    " AND state IN ('filed', 'review') AND decided IS NULL AND let_go_at IS NULL"
)
_BEGAN = "summary IS NOT NULL AND substr(started_at, 1, 10) BETWEEN ? AND ?"


class SpotChecks(Part):
    """Which photos were chosen, and what people said of them and of others."""

    def choose(self, run: str, share: float, most: int) -> None:
        """Choose that share of a closed run's photos that were filed without a look, once.

        At least one where there are any and the share is above 0: those whose hashes come first.
        That is as good as by lot, the same when made again, and known when a photo is judged, so
        that its picture is kept.
        """
        if not share or self.of_run(run):
            return
        found = self._db.execute(f"SELECT sha256, id FROM photos WHERE {_FILED_UNSEEN}", (run,))
        chosen = drawn(found, share, most)
        with self._db.transaction():
            self._db.executemany(
                "INSERT INTO spot_checks VALUES (?, ?)", [(photo, run) for photo in chosen]
            )

    def of_run(self, run: str) -> frozenset[int]:
        """Those that were chosen of a run."""
        rows = self._db.execute("SELECT photo FROM spot_checks WHERE run = ?", (run,))
        return frozenset(photo for (photo,) in rows)

    def unanswered(self, first: date, after: int, limit: int) -> list[Story]:
        """Those of runs since that day that nobody has answered, oldest first.

        With numbers above `after`.
        """
        rows = self._db.execute(
            f"SELECT {STORY_COLUMNS} {_UNANSWERED} AND id > ? ORDER BY id LIMIT ?",
            (first.isoformat(), after, limit),
        )
        return [story_of(row) for row in rows]

    def count_unanswered(self, first: date) -> int:
        """How many those are."""
        (photos,) = self._db.execute(
            f"SELECT count(*) {_UNANSWERED}", (first.isoformat(),)
        ).fetchone()
        return int(photos)

    def answers(self, first: date, last: date) -> list[Answer]:
        """Verdicts of the closed runs that began on these local days, with what people said.

        All spot checks and all that people were to decide, answered or not; of others those on
        which they said a word.
        """
        rows = self._db.execute(
            "SELECT coalesce(photos.category, ''), status, coalesce(photos.model, ''),"
            " substr(started_at, 1, 10), spot_checks.photo IS NOT NULL, word,"
            " coalesce(corrections.category, '')"
            " FROM runs JOIN photos ON photos.run = runs.id"
            f" LEFT JOIN spot_checks ON spot_checks.photo = photos.id {_LAST_WORD}"
            f" WHERE {_BEGAN} AND result_number IS NOT NULL AND status IN ('success', 'review')"
            " AND (status = 'review' OR spot_checks.photo IS NOT NULL OR word IS NOT NULL)"
            " ORDER BY photos.id",
            (first.isoformat(), last.isoformat()),
        )
        return [_answer_of(row) for row in rows]

    def newest(self, first: date, model: str | None = None) -> list[Answer]:
        """Spot checks of runs that began on that day or later, with what people said of them.

        model: only of its verdicts.
        """
        rows = self._db.execute(
            "SELECT coalesce(photos.category, ''), status, coalesce(photos.model, ''),"
            " substr(started_at, 1, 10), 1, word, coalesce(corrections.category, '')"
            " FROM runs CROSS JOIN spot_checks ON spot_checks.run = runs.id"
            f" JOIN photos ON photos.id = spot_checks.photo {_LAST_WORD}"
            " WHERE substr(started_at, 1, 10) >= ? AND (? IS NULL OR photos.model = ?)",
            (first.isoformat(), model, model),
        )
        return [_answer_of(row) for row in rows]


def _answer_of(row: Sequence[Any]) -> Answer:
    guess, status, model, day, is_spot_check, word, said = row
    return Answer(guess, status, model, day, bool(is_spot_check), word, said)


def drawn(photos: Iterable[tuple[str, int]], share: float, most: int) -> list[int]:
    """Of hashes and photos those whose hashes come first: `share`, rounded up, `most` at most."""
    in_order = sorted(photos)
    return [photo for _, photo in in_order[: min(most, math.ceil(share * len(in_order)))]]

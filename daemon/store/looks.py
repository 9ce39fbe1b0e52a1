"""Looks: how long decisions and quick looks took on the page, week by week, of whomever.

Kept is how many photos took how long: not which, not whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from classifier.verdict import Band
from daemon.domain.looking import LONGEST_MS, WEEKS, Looked, looked, monday_of
from daemon.store.database import Part
from daemon.store.schema import STEPS
from daemon.store.schema_parts import LOOKS

_TENTH_MS = 100
_SINCE_VERSION = STEPS.index((LOOKS,)) + 1  # of the schema


class Looks(Part):
    """Those of an instance."""

    def note(self, photos: Sequence[int], each_ms: int, day: date) -> None:
        """Note that each of these photos took so long; that none was measured, or too long, is not.

        Not synced: a figure, not a promise.
        """
        if not 0 < each_ms <= LONGEST_MS:
            return
        tenths = max(1, round(each_ms / _TENTH_MS))
        with self._db.transaction(durable=False):
            self._db.executemany(
                "INSERT INTO looks SELECT ?, band, ?, 1 FROM photos WHERE id = ? AND band IN"
                " ('check', 'review') ON CONFLICT DO UPDATE SET photos = photos + 1",
                [(monday_of(day).isoformat(), tenths, photo) for photo in photos],
            )

    def until(self, day: date) -> dict[Band, Looked]:
        """What a decision and a quick look took in the weeks up to that day; empty: not known."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return {}
        last = monday_of(day)
        times: dict[Band, dict[float, int]] = {}
        for band, tenths, photos in self._db.execute(
            "SELECT band, tenths, sum(photos) FROM looks WHERE week BETWEEN ? AND ? GROUP BY 1, 2",
            ((last - timedelta(weeks=WEEKS - 1)).isoformat(), last.isoformat()),
        ):
            times.setdefault(Band(band), {})[tenths * _TENTH_MS / 1000] = photos
        told = {band: looked(those) for band, those in times.items()}
        return {band: one for band, one in told.items() if one is not None}

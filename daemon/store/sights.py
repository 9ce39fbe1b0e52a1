"""Sights: what the network saw of photos that wait for people, while they wait.

So that the page can put alike ones together; a row goes when its photo waits no longer.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence

from daemon.domain.examples import LookedAt, Unseen
from daemon.store.database import Part
from daemon.store.schema import STEPS
from daemon.store.schema_parts import SIGHTS

# More than people overlook at once; each takes some 1.5 kB.
MOST = 500
_SINCE_VERSION = STEPS.index(SIGHTS) + 1  # of the schema


class Sights(Part):
    """Those of an instance."""

    def look_again(self, network: str) -> None:
        """Let go of what another network saw."""
        self._db.execute("DELETE FROM sights WHERE network <> ?", (network,))

    def unseen(self, limit: int, after: int = 0) -> list[Unseen]:
        """Some of the oldest that wait and were not looked at, with numbers above that."""
        (kept,) = self._db.execute("SELECT count(*) FROM sights").fetchone()
        if kept >= MOST:
            return []  # without a walk over all that wait: it is asked at every turn
        rows = self._db.execute(
            "SELECT id, coalesce(place, target), coalesce(edited_sha256, sha256, '') FROM photos"
            " WHERE state = 'review' AND let_go_at IS NULL AND id > ?"
            " AND id NOT IN (SELECT photo FROM sights) ORDER BY id LIMIT ?",
            (after, limit),
        )
        return [Unseen(photo, os.fsdecode(place), sha256) for photo, place, sha256 in rows]

    def saw(self, seen: Iterable[LookedAt], network: str) -> None:
        """Keep what the network saw, of those that still wait."""
        with self._db.transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO sights SELECT id, ?, ? FROM photos"
                " WHERE id = ? AND state = 'review'",
                [(network, zlib.compress(one.features), one.id) for one in seen],
            )

    def could_not_see(self, photo: int, problem: str) -> None:  # noqa: ARG002 - as an example's
        """Note that a photo cannot be looked at, which nobody needs to know: it stands alone."""
        self._db.execute(
            "INSERT OR REPLACE INTO sights SELECT id, '', x'' FROM photos"
            " WHERE id = ? AND state = 'review'",
            (photo,),
        )

    def of(self, photos: Sequence[int]) -> dict[int, bytes]:
        """What one network saw of these, by their numbers; fewer where not all were looked at."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return {}
        marks = ", ".join("?" * len(photos))
        rows = self._db.execute(
            f"SELECT photo, features FROM sights WHERE photo IN ({marks}) AND network ="  # noqa: S608 - marks only
            " (SELECT network FROM sights WHERE network <> '' ORDER BY photo DESC LIMIT 1)",
            tuple(photos),
        )
        return {photo: zlib.decompress(features) for photo, features in rows}

"""Removals: photos that people took away, put elsewhere, and brought back."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from daemon.domain.photos import Fingerprint
from daemon.store.changes import note_change
from daemon.store.database import Part
from daemon.store.rows import EDITED, utc


class Removals(Part):
    """What becomes of a photo's file without a word on its category."""

    def remove(self, photos: Iterable[int], at: datetime) -> None:
        """Note that filed photos, or those in review, are nowhere any more."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'removed', removed_at = ?"
                " WHERE id = ? AND state IN ('filed', 'review')",
                [(utc(at), photo) for photo in photos],
            )

    def give_back(self, photo: int) -> None:
        """Note that a photo that was taken away has turned up again."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE photos SET removed_at = NULL, state ="
                " CASE WHEN status = 'review' AND decided IS NULL THEN 'review' ELSE 'filed' END"
                " WHERE id = ? AND state = 'removed'",
                (photo,),
            )

    def put(self, photo: int, place: str, mark: Fingerprint, sha256: str) -> None:
        """Note that a photo lies elsewhere or has other bytes, which is no word on its category."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE photos SET place = ?, inode = ?, size_bytes = ?, mtime_ns = ?,"
                f" edited_sha256 = {EDITED} WHERE id = ?",
                (os.fsencode(place), mark.inode, mark.size_bytes, mark.mtime_ns, sha256, photo),
            )
            note_change(self._db, "detail", photo)

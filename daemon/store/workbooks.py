"""Workbooks in results_dir: how each was when nightsort wrote it, or read what people put in."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.domain.photos import Fingerprint
from daemon.store.database import Part


class Workbooks(Part):
    """By their names. Two threads write here, each what it saw last: at worst one is read twice."""

    def is_known(self, name: str, seen: Fingerprint) -> bool:
        """Whether the file is as it was when it was written or read."""
        row = self._db.execute(
            "SELECT size_bytes, mtime_ns FROM workbooks WHERE name = ?", (name,)
        ).fetchone()
        return row is not None and tuple(row) == (seen.size_bytes, seen.mtime_ns)

    def know(self, name: str, seen: Fingerprint) -> None:
        """Note how the file is, of which nothing is left to be read."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO workbooks VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns",
                (name, seen.size_bytes, seen.mtime_ns),
            )

    def forget_others(self, names: Iterable[str]) -> None:
        """Forget what is there no more."""
        known = {name for (name,) in self._db.execute("SELECT name FROM workbooks")}
        if gone := known - {*names}:
            with self._db.transaction():
                self._db.executemany(
                    "DELETE FROM workbooks WHERE name = ?", [(name,) for name in gone]
                )

"""Admissions: settled files become photos of the queue, unless they are known."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.domain.orders import Speaker
from daemon.domain.photos import Fingerprint, Sighting, as_text
from daemon.store.database import Database, Part
from daemon.store.facts import PHOTO_NUMBER
from daemon.store.queue import ACTIVE
from daemon.store.schema import GONE

# A photo's number is never another's: neither that of one that was forgotten.
NEXT_NUMBER = (
    "max(coalesce((SELECT max(id) FROM photos), 0),"
    f" coalesce((SELECT CAST(value AS INTEGER) FROM facts WHERE key = '{PHOTO_NUMBER}'), 0)) + 1"
)


@dataclass(frozen=True, slots=True)
class ActivePhoto:
    """A photo between admission and its outcome."""

    id: int
    fingerprint: Fingerprint


class Admissions(Part):
    """Which files are new, and their way into the queue."""

    def admit(self, sightings: Iterable[Sighting], at: datetime) -> list[Sighting]:
        """Queue settled files; those already known are passed over. Returns the newly queued.

        They count as arrived in the run that is open, resumed or not. A queued file that was
        replaced meanwhile keeps its place with its new fingerprint.
        """
        with self._db.transaction():
            run = self._open_run()
            return [s for s in sightings if self._admit_one(s, at, run)]

    def admit_sent(self, sighting: Sighting, at: datetime, by: Speaker) -> None:
        """Queue a whole file that somebody sent, and keep with it who that was."""
        with self._db.transaction():
            self._admit_one(sighting, at, self._open_run())
            self._db.execute(
                f"UPDATE photos SET sent_by = ?, sent_via = ? WHERE path = ? AND state IN {ACTIVE}",
                (by.person, by.via, os.fsencode(sighting.path)),
            )

    def unknown(self, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Those that are neither queued or in hand as they are now, nor left behind on purpose."""
        return [s for s in sightings if not self._is_known(s, active_photo(self._db, s.path))]

    def put_back(self, limit: int) -> list[tuple[int, str]]:
        """Photos that were put back and are left alone, the newest first: number and place."""
        rows = self._db.execute(
            "SELECT id, place FROM photos WHERE state = 'undone'"
            " AND coalesce(put_back_ctime_ns, 0) <> ? ORDER BY id DESC LIMIT ?",
            (GONE, limit),
        )
        return [(photo, os.fsdecode(place)) for photo, place in rows]

    def end_put_back(self, photos: Iterable[int]) -> None:
        """Leave nothing alone any more at the places of these photos: their files are gone."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE photos SET put_back_ctime_ns = ? WHERE id = ? AND state = 'undone'",
                [(GONE, photo) for photo in photos],
            )

    def _admit_one(self, sighting: Sighting, at: datetime, run: str | None) -> bool:
        active = active_photo(self._db, sighting.path)
        if self._is_known(sighting, active):
            return False
        if active is not None:
            self._replace(active, sighting.fingerprint)
            return False
        mark = sighting.fingerprint
        self._db.execute(
            "INSERT INTO photos (id, state, path, filename, inode, size_bytes, mtime_ns,"
            f" first_seen_at, arrived_in) VALUES ({NEXT_NUMBER}, 'queued', ?, ?, ?, ?, ?, ?, ?)",
            (
                os.fsencode(sighting.path),
                as_text(sighting.path.rpartition("/")[2]),
                mark.inode,
                mark.size_bytes,
                mark.mtime_ns,
                at.isoformat(),
                run,
            ),
        )
        return True

    def _replace(self, active: ActivePhoto, mark: Fingerprint) -> None:
        """Note what a queued file is now; what is in hand is looked at when it is given back."""
        self._db.execute(
            "UPDATE photos SET inode = ?, size_bytes = ?, mtime_ns = ?, attempts = 0, retry_at = 0,"
            " cut_off_boot = NULL, cut_off_at = NULL, alone = 0, crashes = 0"
            " WHERE id = ? AND state = 'queued'",
            (mark.inode, mark.size_bytes, mark.mtime_ns, active.id),
        )

    def _is_known(self, sighting: Sighting, active: ActivePhoto | None) -> bool:
        mark = sighting.fingerprint
        if active is not None:
            return active.fingerprint == mark
        kept = self._db.execute(
            # No inode: a share that is mounted again may number its files anew.
            "SELECT 1 FROM photos WHERE kept_source = 1 AND path = ?"
            " AND size_bytes = ? AND mtime_ns = ?",
            (os.fsencode(sighting.path), mark.size_bytes, mark.mtime_ns),
        ).fetchone()
        return kept is not None or self._is_put_back(sighting)

    def _is_put_back(self, sighting: Sighting) -> bool:
        """Whether a person had this file put back, or that is under way; it is left alone."""
        place, mark = os.fsencode(sighting.path), sighting.fingerprint
        row = self._db.execute(
            "SELECT 1 FROM photos WHERE coalesce(place, target) = ? AND target IS NOT NULL"
            " AND state = 'undone' AND size_bytes = ? AND mtime_ns = ?"
            " AND coalesce(put_back_ctime_ns, ?) = ?"
            " UNION ALL"
            " SELECT 1 FROM corrections WHERE is_done = 0 AND word = 'undone' AND target = ?",
            (place, mark.size_bytes, mark.mtime_ns, mark.ctime_ns, mark.ctime_ns, place),
        ).fetchone()
        return row is not None

    def _open_run(self) -> str | None:
        row = self._db.execute(
            "SELECT id FROM runs WHERE finished_at IS NULL ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])


def active_photo(database: Database, path: str) -> ActivePhoto | None:
    """The photo of that path that is under way, or None."""
    row = database.execute(
        f"SELECT id, inode, size_bytes, mtime_ns FROM photos WHERE path = ? AND state IN {ACTIVE}",
        (os.fsencode(path),),
    ).fetchone()
    return None if row is None else ActivePhoto(row[0], Fingerprint(*row[1:]))

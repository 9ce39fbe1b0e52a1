"""The queue: photos from their admission until they are in hand, and back."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from daemon.records import Fingerprint, Photo, Sighting, as_text
from daemon.store.database import Database
from daemon.store.rows import Waiting, photo_of

ACTIVE = "('queued', 'claimed', 'classified')"

_DUE = "state = 'queued' AND (retry_at <= ? OR retry_at > ?)"

# Retries are capped far below this: a larger distance means that the clock was set, not a wait.
LONGEST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Active:
    """A photo between admission and its outcome."""

    id: int
    fingerprint: Fingerprint


class Queue(Database):
    """Photos that wait, and those in hand."""

    def admit(self, sightings: Iterable[Sighting], at: datetime) -> list[Sighting]:
        """Queue settled files; those already known are passed over. Returns the newly queued.

        They count as arrived in the run that is open, resumed or not. A queued file that was
        replaced meanwhile keeps its place with its new fingerprint.
        """
        with self._transaction():
            run = self._open_run()
            return [s for s in sightings if self._admit_one(s, at, run)]

    def unknown(self, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Those that are neither queued or in hand as they are now, nor left behind on purpose."""
        return [s for s in sightings if not self._is_known(s, self._active(s.path))]

    def waiting(self, steady: float) -> Waiting:
        """Count the queue; `steady` is the steady clock's now, in seconds."""
        (queued,) = self._db.execute(
            f"SELECT coalesce(sum(photos), 0) FROM counts WHERE state IN {ACTIVE}"
        ).fetchone()
        (retrying,) = self._db.execute(
            "SELECT count(*) FROM photos"
            " WHERE state = 'queued' AND retry_at > 0 AND retry_at > ? AND retry_at < ?",
            (steady, steady + LONGEST_RETRY_SECONDS),
        ).fetchone()
        return Waiting(queued, retrying)

    def waiting_bytes(self) -> int:
        """How large the photos of the queue are together; takes a while for a very long one."""
        (size,) = self._db.execute(
            f"SELECT coalesce(sum(size_bytes), 0) FROM photos WHERE state IN {ACTIVE}"
        ).fetchone()
        return int(size)

    def is_anything_due(self, steady: float) -> bool:
        """Whether `claim` would find a photo."""
        row = self._db.execute(
            f"SELECT 1 FROM photos WHERE {_DUE} LIMIT 1", (steady, steady + LONGEST_RETRY_SECONDS)
        ).fetchone()
        return row is not None

    def next_retry(self, steady: float) -> float | None:
        """When the next photo that waits for its retry is due, in steady seconds."""
        (first,) = self._db.execute(
            "SELECT min(retry_at) FROM photos"
            " WHERE state = 'queued' AND retry_at > 0 AND retry_at > ?",
            (steady,),
        ).fetchone()
        return None if first is None else float(first)

    def claim(
        self,
        run: str,
        limit: int,
        steady: float,
        boot: str,
        *,
        max_bytes: float = math.inf,
        hands_free: bool = True,
    ) -> list[Photo]:
        """Take the next photos into hand, oldest first: one, and what `max_bytes` have room for.

        Those to be tried alone come last, one at a time, and only when hands are free. Survives a
        kill. Not synced: after a power cut the photos are simply still queued.
        """
        with self._transaction(durable=False):
            rows = self._db.execute(
                "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone"
                f" FROM photos WHERE {_DUE} ORDER BY alone, crashes, id LIMIT ?",
                (steady, steady + LONGEST_RETRY_SECONDS, limit),
            ).fetchall()
            due = [photo_of(row) for row in rows]
            photos = _within(max_bytes, [photo for photo in due if not photo.alone])
            if not photos and hands_free:
                photos = due[:1]
            self._db.executemany(
                "UPDATE photos SET state = 'claimed', run = ?, claimed_boot = ? WHERE id = ?",
                [(run, boot, photo.id) for photo in photos],
            )
        return photos

    def give_back(self, photos: Iterable[Photo], retry_at: float = 0.0) -> None:
        """Put photos back into the queue, to be tried again from `retry_at` (steady seconds) on."""
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL, attempts = attempts + 1,"
                " retry_at = ? WHERE id = ?",
                [(retry_at, photo.id) for photo in photos],
            )

    def release(self, photos: Iterable[Photo]) -> None:
        """Put photos back that are in hand and were not judged."""
        self._requeue(photos, "claimed")

    def set_apart(self, photos: Iterable[Photo], retry_at: float = 0.0) -> None:
        """Put photos back that were in hand when a defect of ours showed: each alone from now on.

        Nobody is blamed: it is no crash.
        """
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL, alone = 1,"
                " attempts = attempts + 1, retry_at = ? WHERE id = ? AND state = 'claimed'",
                [(retry_at, photo.id) for photo in photos],
            )

    def unplan(self, photos: Iterable[Photo]) -> None:
        """Put photos back whose planned move was not made."""
        self._requeue(photos, "classified")

    def retry_now(self) -> None:
        """Make every waiting photo due: somebody asked for a run."""
        with self._transaction():
            self._db.execute(
                "UPDATE photos SET retry_at = 0 WHERE state = 'queued' AND retry_at > 0"
            )

    def gone(self, photos: Iterable[Photo], run: str | None, at: datetime) -> None:
        """Record that a person took photos away before they were filed."""
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'gone', run = ?, recorded_at = ? WHERE id = ?",
                [(run, at.isoformat(), photo.id) for photo in photos],
            )

    def resettle(self, photo: Photo, seen: Fingerprint, retry_at: float) -> None:
        """Put a photo back that was written to meanwhile, as it is now, with a clean slate."""
        with self._transaction():
            self._db.execute(
                "UPDATE photos SET state = 'queued', run = NULL, inode = ?, size_bytes = ?,"
                " mtime_ns = ?, retry_at = ?, cut_off_boot = NULL, cut_off_at = NULL,"
                " attempts = 0, alone = 0, crashes = 0 WHERE id = ?",
                (seen.inode, seen.size_bytes, seen.mtime_ns, retry_at, photo.id),
            )

    def forget(self, photo: Photo, sha256: str, run: str) -> None:
        """Drop a queue entry whose file was filed before and stays in incoming on purpose."""
        mark = photo.fingerprint
        with self._transaction():
            self._db.execute(
                "UPDATE photos SET mtime_ns = ? WHERE kept_source = 1 AND path = ? AND sha256 = ?",
                (mark.mtime_ns, os.fsencode(photo.path), sha256),
            )
            self._db.execute(
                "UPDATE runs SET waiting_before = waiting_before - 1 WHERE id = ? AND EXISTS"
                " (SELECT 1 FROM photos WHERE photos.id = ? AND arrived_in IS NOT runs.id)",
                (run, photo.id),
            )
            self._db.execute("DELETE FROM photos WHERE id = ?", (photo.id,))

    def cut_off_for(self, photo: Photo, steady: float, boot: str) -> float:
        """Seconds since this file was first found cut off in the middle, unchanged since.

        Measured without the wall clock: after a reboot it is the time since boot, a lower bound.
        """
        first_boot, first_at = self._db.execute(
            "SELECT cut_off_boot, cut_off_at FROM photos WHERE id = ?", (photo.id,)
        ).fetchone()
        if first_boot is None:
            with self._transaction():
                self._db.execute(
                    "UPDATE photos SET cut_off_boot = ?, cut_off_at = ? WHERE id = ?",
                    (boot, steady, photo.id),
                )
            return 0.0
        return steady - float(first_at) if first_boot == boot else steady

    def _open_run(self) -> str | None:
        row = self._db.execute(
            "SELECT id FROM runs WHERE finished_at IS NULL ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])

    def _admit_one(self, sighting: Sighting, at: datetime, run: str | None) -> bool:
        active = self._active(sighting.path)
        if self._is_known(sighting, active):
            return False
        if active is not None:
            self._replace(active, sighting.fingerprint)
            return False
        mark = sighting.fingerprint
        self._db.execute(
            "INSERT INTO photos (state, path, filename, inode, size_bytes, mtime_ns,"
            " first_seen_at, arrived_in) VALUES ('queued', ?, ?, ?, ?, ?, ?, ?)",
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

    def _replace(self, active: _Active, mark: Fingerprint) -> None:
        """Note what a queued file is now; what is in hand is looked at when it is given back."""
        self._db.execute(
            "UPDATE photos SET inode = ?, size_bytes = ?, mtime_ns = ?, attempts = 0, retry_at = 0,"
            " cut_off_boot = NULL, cut_off_at = NULL, alone = 0, crashes = 0"
            " WHERE id = ? AND state = 'queued'",
            (mark.inode, mark.size_bytes, mark.mtime_ns, active.id),
        )

    def _requeue(self, photos: Iterable[Photo], state: str) -> None:
        with self._transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL WHERE id = ? AND state = ?",
                [(photo.id, state) for photo in photos],
            )

    def _active(self, path: str) -> _Active | None:
        row = self._db.execute(
            "SELECT id, inode, size_bytes, mtime_ns FROM photos"
            f" WHERE path = ? AND state IN {ACTIVE}",
            (os.fsencode(path),),
        ).fetchone()
        return None if row is None else _Active(row[0], Fingerprint(*row[1:]))

    def _is_known(self, sighting: Sighting, active: _Active | None) -> bool:
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
            " UNION ALL"
            " SELECT 1 FROM corrections WHERE is_done = 0 AND word = 'undone' AND target = ?",
            (place, mark.size_bytes, mark.mtime_ns, place),
        ).fetchone()
        return row is not None


def _within(max_bytes: float, photos: Sequence[Photo]) -> list[Photo]:
    """The first photo, and those behind it as long as all are not larger than `max_bytes`."""
    sizes = accumulate(photo.fingerprint.size_bytes for photo in photos)
    room_for = sum(size <= max_bytes for size in sizes)
    return list(photos[: max(1, room_for)])

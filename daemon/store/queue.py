"""The queue: photos from their admission until they are in hand, and back."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from daemon.domain.left_alone import Held
from daemon.domain.photos import Fingerprint, Photo, as_text
from daemon.store.database import Database, Part
from daemon.store.rows import Waiting, photo_of, utc

ACTIVE = "('queued', 'claimed', 'classified')"

_DUE = "state = 'queued' AND (retry_at <= ? OR retry_at > ?)"

# A photo that was alone in hand at so many crashes is looked at no more: it is set aside.
MOST_CRASHES = 2

# Retries are capped far below this: a larger distance means that the clock was set, not a wait.
LONGEST_RETRY_SECONDS = 3600.0


class Queue(Part):
    """Photos that wait, and those in hand."""

    def waiting(self, steady: float) -> Waiting:
        """Count the queue; `steady` is the steady clock's now, in seconds."""
        (retrying,) = self._db.execute(
            "SELECT count(*) FROM photos"
            " WHERE state = 'queued' AND retry_at > 0 AND retry_at > ? AND retry_at < ?",
            (steady, steady + LONGEST_RETRY_SECONDS),
        ).fetchone()
        return Waiting(queue_length(self._db), retrying)

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
        with self._db.transaction(durable=False):
            photos = due(self._db, "TRUE", limit, max_bytes, steady, hands_free=hands_free)
            claim(self._db, photos, run, boot)
        return photos

    def give_back(
        self,
        photos: Iterable[Photo],
        retry_at: float = 0.0,
        *,
        at: datetime | None = None,
        why: str = "",
    ) -> None:
        """Put photos back into the queue, to be tried again from `retry_at` (steady seconds) on.

        at: when they could not be taken, and why; None: that is not worth telling.
        """
        with self._db.transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL, attempts = attempts + 1,"
                " retry_at = ?, failing_since = coalesce(failing_since, ?), failing_why = ?"
                " WHERE id = ?",
                [(retry_at, at and utc(at), why, photo.id) for photo in photos],
            )

    def failing(self, now: datetime, seconds: float, limit: int) -> list[Held]:
        """Photos that have been given back, again and again, for so long; the longest first."""
        rows = self._db.execute(
            "SELECT path, failing_since, failing_why FROM photos"
            f" WHERE state IN {ACTIVE} AND failing_since <= ? ORDER BY failing_since LIMIT ?",
            (utc(now - timedelta(seconds=seconds)), limit),
        )
        return [
            Held(
                as_text(os.fsdecode(path)),
                (now - datetime.fromisoformat(since)).total_seconds(),
                why,
            )
            for path, since, why in rows
        ]

    def release(self, photos: Iterable[Photo]) -> None:
        """Put photos back that are in hand and were not judged."""
        requeue(self._db, photos, "claimed")

    def judge_anew(self, photo: Photo) -> None:
        """Put a photo back of which what was judged ahead does not hold any more."""
        with self._db.transaction(durable=False):
            self._db.execute("DELETE FROM verdicts_ahead WHERE photo = ?", (photo.id,))
            self._db.execute(
                "UPDATE photos SET state = 'queued', run = NULL, looked_ahead = NULL WHERE id = ?",
                (photo.id,),
            )

    def set_apart(
        self, photos: Iterable[Photo], retry_at: float = 0.0, *, at: datetime | None = None
    ) -> None:
        """Put photos back that were in hand when a defect of ours showed: each alone from now on.

        Nobody is blamed: it is no crash. at: as `give_back`.
        """
        with self._db.transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'queued', run = NULL, alone = 1,"
                " attempts = attempts + 1, retry_at = ?,"
                " failing_since = coalesce(failing_since, ?),"
                " failing_why = 'a defect of nightsort shows with it; the log has more'"
                " WHERE id = ? AND state = 'claimed'",
                [(retry_at, at and utc(at), photo.id) for photo in photos],
            )

    def clear(self, photos: Iterable[Photo]) -> None:
        """Note that photos in hand were looked at already: no crash is their doing."""
        with self._db.transaction(durable=False):
            self._db.executemany(
                "UPDATE photos SET claimed_boot = '' WHERE id = ?",
                [(photo.id,) for photo in photos],
            )

    def return_claimed(self, boot: str | None) -> list[Photo]:
        """Queue what was in hand; after a crash it will be tried one by one.

        A photo that was alone in hand at a crash collects it; those of a run with two are returned,
        and stay claimed, to be set aside; those that were looked at ahead wait for `suspects`.
        Another boot id than theirs is a power cut, an empty one clears them, None is a failure that
        this process survived: nobody is blamed then.
        """
        with self._db.transaction():
            in_hand = self._db.execute(
                "SELECT id, claimed_boot FROM photos WHERE state = 'claimed'"
            ).fetchall()
            blamed = [photo_id for photo_id, claimed in in_hand if claimed == boot]
            self._db.executemany(
                "UPDATE photos SET alone = 1, crashes = crashes + ? WHERE id = ?",
                [(int(len(blamed) == 1), photo_id) for photo_id in blamed],
            )
            self._db.execute(
                "UPDATE photos SET state = 'queued', run = NULL"
                f" WHERE state = 'claimed' AND (crashes < {MOST_CRASHES} OR run IS NULL)"
            )
            if boot is not None:  # a new process does not know what the times were counted from
                self._db.execute(
                    "UPDATE photos SET retry_at = 0 WHERE state = 'queued' AND retry_at > 0"
                )
            rows = self._db.execute(
                "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone"
                " FROM photos WHERE state = 'claimed'"
            ).fetchall()
        return [photo_of(row) for row in rows]

    def suspects(self, run: str, boot: str) -> list[Photo]:
        """Take photos into hand that were alone in it at too many crashes, to be set aside."""
        with self._db.transaction(durable=False):
            rows = self._db.execute(
                "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone"
                " FROM photos WHERE state = 'queued' AND alone = 1"
                f" AND crashes >= {MOST_CRASHES} ORDER BY id"
            ).fetchall()
            photos = [photo_of(row) for row in rows]
            claim(self._db, photos, run, boot)
        return photos

    def retry_now(self) -> None:
        """Make every waiting photo due: somebody asked for a run."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE photos SET retry_at = 0 WHERE state = 'queued' AND retry_at > 0"
            )

    def gone(self, photos: Iterable[Photo], run: str | None, at: datetime) -> None:
        """Record that a person took photos away before they were filed."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE photos SET state = 'gone', run = ?, recorded_at = ? WHERE id = ?",
                [(run, at.isoformat(), photo.id) for photo in photos],
            )

    def resettle(self, photo: Photo, seen: Fingerprint, retry_at: float) -> None:
        """Put a photo back that was written to meanwhile, as it is now, with a clean slate."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE photos SET state = 'queued', run = NULL, inode = ?, size_bytes = ?,"
                " mtime_ns = ?, retry_at = ?, cut_off_boot = NULL, cut_off_at = NULL,"
                " attempts = 0, alone = 0, crashes = 0, failing_since = NULL WHERE id = ?",
                (seen.inode, seen.size_bytes, seen.mtime_ns, retry_at, photo.id),
            )

    def forget(self, photo: Photo, sha256: str, run: str) -> None:
        """Drop a queue entry whose file was filed before and stays in incoming on purpose."""
        mark = photo.fingerprint
        with self._db.transaction():
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
            with self._db.transaction():
                self._db.execute(
                    "UPDATE photos SET cut_off_boot = ?, cut_off_at = ? WHERE id = ?",
                    (boot, steady, photo.id),
                )
            return 0.0
        return steady - float(first_at) if first_boot == boot else steady


def queue_length(database: Database) -> int:
    """How many photos are under way, from admission to outcome."""
    (queued,) = database.execute(
        f"SELECT coalesce(sum(photos), 0) FROM counts WHERE state IN {ACTIVE}"
    ).fetchone()
    return int(queued)


def requeue(database: Database, photos: Iterable[Photo], state: str) -> None:
    """Put back those of the photos that are in this state."""
    with database.transaction():
        database.executemany(
            "UPDATE photos SET state = 'queued', run = NULL WHERE id = ? AND state = ?",
            [(photo.id, state) for photo in photos],
        )


def due(
    database: Database,
    condition: str,
    limit: int,
    max_bytes: float,
    steady: float,
    *,
    hands_free: bool,
    values: Sequence[object] = (),
) -> list[Photo]:
    """The next photos that may be taken into hand; those to be tried alone come last, one by one.

    condition: what else holds of them, with its values.
    """
    rows = database.execute(
        "SELECT id, path, inode, size_bytes, mtime_ns, first_seen_at, attempts, alone"
        f" FROM photos WHERE {_DUE} AND crashes < {MOST_CRASHES} AND {condition}"
        " ORDER BY alone, crashes, id LIMIT ?",
        (steady, steady + LONGEST_RETRY_SECONDS, *values, limit),
    ).fetchall()
    found = [photo_of(row) for row in rows]
    photos = _within(max_bytes, [photo for photo in found if not photo.alone])
    return photos or (found[:1] if hands_free else [])


def claim(database: Database, photos: Iterable[Photo], run: str | None, boot: str) -> None:
    """Take photos into hand, for a run or for a look ahead of it."""
    database.executemany(
        "UPDATE photos SET state = 'claimed', run = ?, claimed_boot = ? WHERE id = ?",
        [(run, boot, photo.id) for photo in photos],
    )


def _within(max_bytes: float, photos: Sequence[Photo]) -> list[Photo]:
    """The first photo, and those behind it as long as all are not larger than `max_bytes`."""
    sizes = accumulate(photo.fingerprint.size_bytes for photo in photos)
    room_for = sum(size <= max_bytes for size in sizes)
    return list(photos[: max(1, room_for)])

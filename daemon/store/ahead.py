"""What was judged ahead: verdicts on photos that still wait in the queue.

A photo is in hand meanwhile, as in a run, but of none: a crash blames it, and nothing of it moves.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from classifier.verdict import Band, Reason, Verdict
from daemon.domain.photos import Fingerprint, Photo
from daemon.domain.sorting import Examined, JudgedAhead
from daemon.store.database import Part
from daemon.store.queue import claim, due
from daemon.store.rows import alternatives_of, found_values

_IN_HAND = "id = ? AND state = 'claimed' AND run IS NULL"
_UNCHANGED = "inode = ? AND size_bytes = ? AND mtime_ns = ?"


class Ahead(Part):
    """Verdicts that were given before the run, each under a mark: of what it depends on."""

    def claim(self, limit: int, max_bytes: float, steady: float, boot: str) -> list[Photo]:
        """Take photos into hand that nobody looked at yet, as `Queue.claim` does."""
        with self._db.transaction(durable=False):
            photos = due(
                self._db, "looked_ahead IS NULL", limit, max_bytes, steady, hands_free=True
            )
            claim(self._db, photos, None, boot)
        return photos

    def claim_judged(
        self, run: str, mark: str, limit: int, max_bytes: float, steady: float, boot: str
    ) -> list[Photo]:
        """Take photos into hand, for a run, on which a verdict was given under that mark."""
        with self._db.transaction(durable=False):
            photos = due(
                self._db,
                "EXISTS (SELECT 1 FROM verdicts_ahead"
                " WHERE photo = id AND mark = ? AND category IS NOT NULL)",
                limit,
                max_bytes,
                steady,
                hands_free=False,
                values=(mark,),
            )
            claim(self._db, photos, run, boot)
        return photos

    def keep(self, looks: Iterable[Examined], mark: str, seconds: float) -> None:
        """Keep what was found, and put the photos back. seconds: what each of them took.

        Of one that is not in hand any more, or was written anew meanwhile, nothing is kept.
        """
        with self._db.transaction(durable=False):
            for look in looks:
                photo, seen = look.photo.id, look.fingerprint
                kept = self._db.execute(
                    "UPDATE photos SET state = 'queued', looked_ahead = ?"
                    f" WHERE {_IN_HAND} AND {_UNCHANGED}",
                    (mark, photo, seen.inode, seen.size_bytes, seen.mtime_ns),
                )
                if kept.rowcount:
                    self._db.execute(
                        "INSERT OR REPLACE INTO verdicts_ahead"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (
                            photo,
                            mark,
                            seen.ctime_ns,
                            look.sha256,
                            *found_values(look),
                            look.model,
                            seconds,
                        ),
                    )

    def pass_over(self, photos: Iterable[Photo], mark: str) -> None:
        """Put photos back that are for the run to look at, as they lie there now."""
        with self._db.transaction(durable=False):
            self._db.executemany(
                f"UPDATE photos SET state = 'queued', looked_ahead = ? WHERE {_IN_HAND}",
                [(mark, photo.id) for photo in photos],
            )

    def release(self, photos: Iterable[Photo]) -> None:
        """Put photos back that were not looked at."""
        with self._db.transaction():
            self._db.executemany(
                f"UPDATE photos SET state = 'queued' WHERE {_IN_HAND}",
                [(photo.id,) for photo in photos],
            )

    def of(self, photos: Sequence[Photo], mark: str) -> dict[int, JudgedAhead]:
        """The verdicts on these photos that were given under that mark, by the photo's number."""
        asked = {photo.id: photo for photo in photos}
        rows = self._db.execute(
            "SELECT photo, ctime_ns, sha256, category, confidence, band, reason, reason_text,"
            " alternatives, label, model, seconds FROM verdicts_ahead"
            " WHERE photo IN (SELECT value FROM json_each(?))"
            " AND mark = ? AND category IS NOT NULL",
            (json.dumps([*asked]), mark),
        )
        return {photo: _judged(asked[photo], row) for photo, *row in rows}

    def count(self) -> int:
        """How many waiting photos were looked at."""
        (count,) = self._db.execute("SELECT count(*) FROM verdicts_ahead").fetchone()
        return int(count)

    def keep_only(self, mark: str) -> None:
        """Forget what was found under another mark: those photos are to be looked at again."""
        with self._db.transaction():
            self._db.execute("DELETE FROM verdicts_ahead WHERE mark <> ?", (mark,))
            self._db.execute(
                "UPDATE photos SET looked_ahead = NULL"
                " WHERE state = 'queued' AND looked_ahead <> ?",
                (mark,),
            )

    def forget(self) -> None:
        """Forget all that was found."""
        self.keep_only("")


def _judged(photo: Photo, row: Sequence[object]) -> JudgedAhead:
    (ctime_ns, sha256, category, confidence, band, reason, text, alternatives, label, model,
     seconds) = row  # fmt: skip
    verdict = Verdict(
        str(category),
        float(str(confidence)),
        Band(str(band)),
        None if reason is None else Reason(str(reason)),
        None if text is None else str(text),
        alternatives_of(None if alternatives is None else str(alternatives)),
    )
    known = photo.fingerprint
    seen = Fingerprint(known.inode, known.size_bytes, known.mtime_ns, int(str(ctime_ns)))
    return JudgedAhead(seen, str(sha256), verdict, str(label), str(model), float(str(seconds)))

"""What a bucket has of the files here: which copies there are, which are to go, what waits."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from daemon.store.changes import move_cursor
from daemon.store.database import Part
from daemon.store.facts import set_fact

BUCKET = "bucket"  # follows the change feed by this name; and the fact that says which bucket it is
RESULTS = "results/"  # what lies there of results_dir
BUCKET_FILL = "bucket_fill"  # somebody asked for all to be compared again

_KEPT = (
    "result_number IS NOT NULL AND let_go_at IS NULL"
    " AND state IN ('filed', 'review', 'retake', 'duplicate', 'quarantined')"
)
_THERE = (
    "SELECT id, coalesce(run, ''), coalesce(place, target), coalesce(decided, category, ''),"
    f" coalesce(edited_sha256, sha256, '') FROM photos WHERE {_KEPT}"
)
_IS_FORGOTTEN = (
    "({0} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM photos WHERE id = {0} AND let_go_at IS NULL))"
)
_COMPARED_AT_ONCE = 1000
_THESE = "(SELECT value FROM json_each(?))"


def copy_of_results(name: str) -> str:
    """The key of a file in results_dir."""
    return f"{RESULTS}{name}"


def copies_of_results(name: str) -> list[str]:
    """The keys of a file that goes, and of what it was before it was compressed."""
    return [copy_of_results(one) for one in {name, name.removesuffix(".gz")}]


def _after_all(begin: str) -> str:
    """What follows all keys that begin so."""
    return begin[:-1] + chr(ord(begin[-1]) + 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A photo that is to have a copy."""

    photo: int
    run: str
    place: str
    category: str
    sha256: str  # as it was last seen; empty where nobody could read it


@dataclass(frozen=True, slots=True)
class Copy:
    """An object in the bucket."""

    key: str
    photo: int | None = None  # None: of another file
    place: str = ""  # where the file lies here
    sha256: str = ""  # of the file here; empty until it has arrived
    size_bytes: int = 0  # of the object
    mtime_ns: int = 0
    is_stripped: bool = False  # it is to be without metadata
    kept_home: str = ""  # the hash of a file that cannot be had without, and was not sent


class BucketCopies(Part):
    """The copies of one bucket."""

    # --- what there is ---------------------------------------------------------------------------

    def of_key(self, key: str) -> Copy | None:
        """The copy of that key, unless it is to go."""
        return self._one("key = ? AND is_to_go = 0", key)

    def of_photo(self, photo: int) -> Copy | None:
        """The copy of a photo, arrived or not."""
        return self._one("photo = ? AND is_to_go = 0", photo)

    def is_taken(self, key: str, photo: int) -> bool:
        """Whether a key is another's than that photo's, be it one that is to go."""
        return (
            self._db.execute(
                "SELECT 1 FROM bucket_copies WHERE key = ? AND photo IS NOT ?", (key, photo)
            ).fetchone()
            is not None
        )

    def is_known(self, key: str) -> bool:
        """Whether anything is noted of that key, be it to go."""
        found = self._db.execute("SELECT 1 FROM bucket_copies WHERE key = ?", (key,))
        return found.fetchone() is not None

    def keys(self, begin: str) -> list[str]:
        """The keys that begin so, in order; not for photos, which are many."""
        rows = self._db.execute(
            "SELECT key FROM bucket_copies WHERE key >= ? AND key < ? AND is_to_go = 0"
            " ORDER BY key",
            (begin, _after_all(begin)),
        )
        return [key for (key,) in rows]

    def compressed(self) -> list[str]:
        """The keys of results whose compressed form has arrived as well."""
        rows = self._db.execute(
            "SELECT key FROM bucket_copies WHERE is_to_go = 0 AND key >= ? AND key < ?"
            " AND EXISTS (SELECT 1 FROM bucket_copies AS packed WHERE packed.key ="
            " bucket_copies.key || '.gz' AND packed.sha256 <> '' AND packed.is_to_go = 0)",
            (RESULTS, _after_all(RESULTS)),
        )
        return [key for (key,) in rows]

    def count(self, *, at_home: bool = False) -> int:
        """How many have arrived; or of how many photos there is none that could go."""
        has = "kept_home" if at_home else "sha256"
        (count,) = self._db.execute(
            f"SELECT count(*) FROM bucket_copies WHERE {has} <> '' AND is_to_go = 0"
        ).fetchone()
        return int(count)

    def put_off(self) -> int:
        """How many photos are noted that could not be copied as the history has them, for now."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM bucket_copies WHERE sha256 = '' AND is_to_go = 0"
            f" AND photo IN (SELECT id FROM photos WHERE {_KEPT}"
            " AND coalesce(edited_sha256, sha256, '') NOT IN ('', kept_home))"
        ).fetchone()
        return int(count)

    def is_there(self) -> bool:
        """Whether this database has the table: one that is only read may be an older one's."""
        found = self._db.execute(
            "SELECT 1 FROM pragma_table_info('bucket_copies') WHERE name = 'kept_home'"
        )
        return found.fetchone() is not None

    def waiting(self) -> int:
        """How many changes were not looked at, and copies not deleted."""
        (count,) = self._db.execute(
            "SELECT (SELECT count(*) FROM changes"
            " WHERE seq > (SELECT seq FROM cursors WHERE name = ?))"
            " + (SELECT count(*) FROM bucket_copies WHERE is_to_go = 1)",
            (BUCKET,),
        ).fetchone()
        return int(count)

    # --- what is to be there ---------------------------------------------------------------------

    def photos_after(self, photo: int, limit: int) -> list[Wanted]:
        """The photos that follow the one of that number, and are to have a copy."""
        return self._wanted(f"{_THERE} AND id > ? ORDER BY id LIMIT ?", photo, limit)

    def photos(self, numbers: Collection[int]) -> list[Wanted]:
        """These photos, as far as they are to have a copy."""
        return self._wanted(f"{_THERE} AND id IN {_THESE} ORDER BY id", json.dumps([*numbers]))

    def is_to_come_back(self, key: str) -> bool:
        """Whether a photo's file is to be made of its copy: unless it is known to be gone."""
        row = self._db.execute(
            "SELECT is_to_go OR NOT EXISTS (SELECT 1 FROM photos"
            f" WHERE id = bucket_copies.photo AND {_KEPT}) FROM bucket_copies WHERE key = ?",
            (key,),
        ).fetchone()
        return row is None or not row[0]

    def to_go(self, limit: int) -> list[str]:
        """Keys that are to be deleted there."""
        rows = self._db.execute(
            "SELECT key FROM bucket_copies WHERE is_to_go = 1 ORDER BY key LIMIT ?", (limit,)
        )
        return [key for (key,) in rows]

    # --- what is done ----------------------------------------------------------------------------

    def begin(self, copies: Iterable[Copy]) -> None:
        """Note which objects will be made: what a crash leaves there is known here, and can go.

        What was forgotten meanwhile is to go in spite of it, as is a file that was let go.
        """
        with self._db.transaction():
            self._db.executemany(
                "INSERT INTO bucket_copies (key, photo, place, is_to_go)"
                f" VALUES (?1, ?2, ?3, {_IS_FORGOTTEN.format('?2')})"
                " ON CONFLICT (key) DO UPDATE SET photo = excluded.photo, place = excluded.place,"
                " sha256 = '', kept_home = '', is_to_go ="
                " iif(excluded.photo IS NULL, is_to_go, excluded.is_to_go)",
                [(one.key, one.photo, os.fsencode(one.place)) for one in copies],
            )

    def arrived(self, copy: Copy) -> None:
        """Note that an object is there as said, or kept at home; others of its photo may go.

        What was to go meanwhile still is. Not durable: what a power cut takes back is copied again.
        """
        with self._db.transaction(durable=False):
            self._db.execute(
                "UPDATE bucket_copies SET sha256 = ?, size_bytes = ?, mtime_ns = ?,"
                " is_stripped = ?, kept_home = ?,"
                f" is_to_go = is_to_go OR {_IS_FORGOTTEN.format('photo')} WHERE key = ?",
                (
                    copy.sha256,
                    copy.size_bytes,
                    copy.mtime_ns,
                    copy.is_stripped,
                    copy.kept_home,
                    copy.key,
                ),
            )
            if copy.photo is not None:
                self._replace_others(copy)

    def _replace_others(self, copy: Copy) -> None:
        """Other places of the same photo; it may have been put back and sorted anew since."""
        self._db.execute(
            "UPDATE bucket_copies SET is_to_go = 1 WHERE photo = ? AND key <> ?",
            (copy.photo, copy.key),
        )
        self._db.execute(
            "UPDATE bucket_copies SET is_to_go = 1 WHERE sha256 = ? AND photo <> ?"
            " AND photo IN (SELECT id FROM photos WHERE state = 'undone')",
            (copy.sha256 or copy.kept_home, copy.photo),
        )

    def let_go(self, keys: Collection[str]) -> None:
        """Note that these are to be deleted there."""
        with self._db.transaction():
            self._db.execute(
                f"UPDATE bucket_copies SET is_to_go = 1 WHERE key IN {_THESE}",
                (json.dumps([*keys]),),
            )

    def gone(self, keys: Collection[str]) -> None:
        """Note that these are not there any more."""
        with self._db.transaction():
            self._db.execute(
                f"DELETE FROM bucket_copies WHERE key IN {_THESE}", (json.dumps([*keys]),)
            )

    def compare(self, after: str, last: str | None, sizes: Mapping[str, int]) -> list[str]:
        """Bring what is known to what was listed there; returns listed keys that are not known.

        after, last: between which keys all were listed; None: to the end. sizes: by key.
        """
        strange = {*sizes}
        for rows in self._pages(after, last):
            strange.difference_update(key for key, *_ in rows)
            missing = [
                key
                for key, size_bytes, has_arrived, is_to_go in rows
                if (has_arrived and not is_to_go and sizes.get(key) != size_bytes)
                or (is_to_go and key not in sizes)
            ]
            if missing:
                self.gone(missing)
        return [key for key in sizes if key in strange]

    def _pages(self, after: str, last: str | None) -> Iterator[list[tuple[str, int, bool, bool]]]:
        """What is known between two keys, little at a time: others write as well."""
        while rows := self._db.execute(
            "SELECT key, size_bytes, sha256 <> '', is_to_go FROM bucket_copies WHERE key > ?"
            " AND (? IS NULL OR key <= ?) ORDER BY key LIMIT ?",
            (after, last, last, _COMPARED_AT_ONCE),
        ).fetchall():
            yield rows
            after = rows[-1][0]

    def note(self, state: Mapping[str, object], *, passed: int = 0) -> None:
        """Remember how far it is. passed: the change up to which it is done."""
        with self._db.transaction():
            set_fact(self._db, BUCKET, state)
            if passed:
                move_cursor(self._db, BUCKET, passed)

    def begin_anew(self, state: Mapping[str, object]) -> None:
        """Know nothing of any bucket: it is another one now, of which that is remembered."""
        with self._db.transaction():
            self._db.execute("DELETE FROM bucket_copies")
            set_fact(self._db, BUCKET, state)

    def _one(self, condition: str, value: str | int) -> Copy | None:
        row = self._db.execute(
            "SELECT key, photo, place, sha256, size_bytes, mtime_ns, is_stripped, kept_home"
            f" FROM bucket_copies WHERE {condition}",
            (value,),
        ).fetchone()
        if row is None:
            return None
        return replace(Copy(*row), place=os.fsdecode(row[2]), is_stripped=bool(row[6]))

    def _wanted(self, statement: str, *values: str | int) -> list[Wanted]:
        rows = self._db.execute(statement, values)
        return [Wanted(one, run, os.fsdecode(place), *more) for one, run, place, *more in rows]

"""Copies of the database: taken while it is in use, checked before anybody relies on one.

Everything here has a connection of its own and may be called in any thread or process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from config.errors import FolderUnavailable, RefusedError, StoreDamaged, TransientError
from daemon.folders.os_errors import printable, trouble
from daemon.store.database import DATABASE, PATIENCE_SECONDS, connect, telling
from daemon.store.facts import PAGE_PEOPLE
from daemon.store.schema import SCHEMA_VERSION

# A megabyte between two pauses.
_PAGES_AT_ONCE = 256
_TABLES = frozenset({"facts", "runs", "photos"})
_MAGIC = b"SQLite format 3\0"
# Where the file says how it is to be opened: as one that no write-ahead log belongs to.
# Source: https://www.sqlite.org/fileformat2.html#file_format_version_numbers
_FORMAT_AT, _WITHOUT_LOG = 18, b"\1\1"
# SQLite leaves four bytes of the header to programs. A backup keeps its checksum there, as SQLite
# has none and would not see that a name or a number in a row became another.
_CHECKSUM_AT, _CHECKSUM_BYTES, _UNCHECKED = 68, 4, bytes(4)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a copy of the database holds."""

    schema: int
    photos: int
    runs: int
    instance: str  # whose it is; empty before its first start
    accounts: int  # of the page, and keys
    keys: int


def copy_database(
    state_dir: Path, target: Path, pause: Callable[[], None], facts: Mapping[str, Any]
) -> None:
    """Copy the database as it is at this moment to the new file `target`, durably.

    Whoever works with it goes on undisturbed. pause: called after every megabyte; what it raises
    ends the copying. facts: noted in the copy alone. Raises TransientError when a disk refuses,
    StoreDamaged.
    """
    path = state_dir / DATABASE
    with (
        telling(),
        closing(connect(path, "mode=ro")) as source,
        closing(_open(target, "mode=rwc&nolock=1")) as copy,
    ):
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        # Hold one state of the database: else each write of others would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=_PAGES_AT_ONCE, progress=lambda *_: pause())
    try:
        with target.open("r+b") as file:
            file.seek(_FORMAT_AT)
            file.write(_WITHOUT_LOG)
        if facts:
            _add(target, facts)
        with target.open("r+b") as file:
            checksum = _checksum(file)
            file.seek(_CHECKSUM_AT)
            file.write(checksum)
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise trouble(exc, str(target)) from exc


def check_copy(path: Path) -> Contents:
    """What a copy of the database holds, once every page of it was checked.

    Raises RefusedError that says what is wrong with the file, TransientError when its disk fails.
    """
    return _examine(path, path, "mode=ro&immutable=1")


def stage(source: Path, staged: Path, facts: Mapping[str, Any]) -> Contents:
    """Check the private file `staged`, a copy of `source`, and note `facts` in it, durably.

    What a log beside it holds is taken into it. Raises as `check_copy` does, naming `source`.
    """
    contents = _examine(source, staged, "mode=rw")
    with telling(), closing(_open(staged, "mode=rw")) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA application_id = 0")  # it will change, and has no checksum from here on
        _note(db, facts)
    return contents


def _add(copy: Path, facts: Mapping[str, Any]) -> None:
    """Note facts in a copy that nobody knows of yet: no lock and no journal is needed."""
    with telling(), closing(_open(copy, "mode=rw&nolock=1")) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        _note(db, facts)


def _note(db: sqlite3.Connection, facts: Mapping[str, Any]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO facts VALUES (?, ?)",
        [(key, json.dumps(value)) for key, value in facts.items()],
    )


def damage(state_dir: Path, *, thorough: bool) -> str:
    """What is wrong with the database itself; empty when nothing is, or there is none.

    thorough: compare its indexes too, which takes ten times as long. Nobody else may have it open.
    Raises TransientError when the disk does not let itself be read.
    """
    path = state_dir / DATABASE
    if not path.exists():
        return ""
    try:
        with telling(), closing(_open(path, "mode=rw")) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == 0 and _tables(db):
                return "its header was overwritten"
            return _problem(db, thorough=thorough)
    except StoreDamaged as exc:
        return str(exc.__cause__)


def _examine(named: Path, opened: Path, how: str) -> Contents:
    """Check the file `opened`, which people know as `named`."""
    name = printable(str(named))
    require_database(opened, name)
    try:
        with telling(), closing(_open(opened, how)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise RefusedError(
                    f"{name}: was written by a newer nightsort (schema {version}, this one knows "
                    f"{SCHEMA_VERSION}); install that version again, then restore it"
                )
            problem = _problem(db, thorough=True)
            if problem:
                raise _damaged(name, problem)
            _require_checksum(opened, name)
            if version == 0 or not _tables(db) >= _TABLES:
                raise RefusedError(
                    f"{name}: is a database, but not one of nightsort's; name a file that "
                    "`nightsort backup` wrote"
                )
            (photos,) = db.execute("SELECT coalesce(sum(photos), 0) FROM counts").fetchone()
            (runs,) = db.execute("SELECT count(*) FROM runs").fetchone()
            return Contents(version, photos, runs, _instance(db), *_page_people(db))
    except StoreDamaged as exc:
        raise _damaged(name, str(exc.__cause__)) from exc
    except FolderUnavailable as exc:
        raise TransientError(f"{name}: cannot be read ({exc.__cause__}); check its disk") from exc


def require_database(path: Path, name: str) -> None:
    """Raise RefusedError, which calls the file `name`, unless it looks like a database."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RefusedError(f"{name}: is no file; name the file that `nightsort backup` wrote")
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise RefusedError(f"{name}: there is no such file; see: nightsort backup --list") from None
    except OSError as exc:
        raise RefusedError(
            f"{name}: cannot be read ({exc.strerror}); name a file that nightsort's user may read"
        ) from exc
    if head != _MAGIC:
        raise RefusedError(f"{name}: is not a database; name a file that `nightsort backup` wrote")


def _require_checksum(path: Path, name: str) -> None:
    """Raise RefusedError when the bytes of a backup are not those that were written."""
    try:
        with path.open("rb") as file:
            file.seek(_CHECKSUM_AT)
            noted = file.read(_CHECKSUM_BYTES)
            is_right = noted in (_UNCHECKED, _checksum(file))
    except OSError as exc:
        raise trouble(exc, str(path)) from exc
    if not is_right:
        raise _damaged(name, "its bytes are not those that were written")


def _checksum(file: BinaryIO) -> bytes:
    """The checksum of all other bytes of a backup; never that of a file that has none."""
    file.seek(0)
    checksum = zlib.crc32(file.read(_CHECKSUM_AT))
    file.seek(_CHECKSUM_BYTES, os.SEEK_CUR)
    while part := file.read(1 << 20):
        checksum = zlib.crc32(part, checksum)
    return (checksum or 1).to_bytes(_CHECKSUM_BYTES, "big")


def _damaged(name: str, problem: str) -> RefusedError:
    return RefusedError(
        f"{name}: is damaged ({problem}); restore another backup, see: nightsort backup --list"
    )


def _problem(db: sqlite3.Connection, *, thorough: bool) -> str:
    check = "integrity_check" if thorough else "quick_check"
    (found,) = db.execute(f"PRAGMA {check}(1)").fetchone()
    # Its first line only says of which database it is.
    return "" if found == "ok" else str(found).splitlines()[-1]


def _instance(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT value FROM facts WHERE key = 'presence'").fetchone()
    return str(json.loads(row[0]).get("instance", "")) if row else ""


def _page_people(db: sqlite3.Connection) -> tuple[int, int]:
    """How many accounts and keys of the page it holds."""
    row = db.execute("SELECT value FROM facts WHERE key = ?", (PAGE_PEOPLE,)).fetchone()
    kept = json.loads(row[0]) if row else {}
    return len(kept.get("accounts", ())), len(kept.get("keys", ()))


def _tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _open(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        isolation_level=None,
        timeout=PATIENCE_SECONDS,
    )

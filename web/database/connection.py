"""The file: opening it, reading and writing it from any thread, its disk's refusals in words."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from config.errors import ConfigError, DiskFull, FolderUnavailable, NightsortError
from web.database.schema import SCHEMA_VERSION, STEPS
from web.reading.system import keep_log, whole

DATABASE = "web.db"
# How long a write waits for another process, such as `nightsort web user add`.
PATIENCE_SECONDS = 10


class Connection:
    """Two connections: readers never wait for the disk of a writer."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError when the file cannot be opened, or a newer nightsort wrote it."""
        self._path = folder / DATABASE
        self._reading, self._writing = threading.Lock(), threading.Lock()
        try:
            self._writer = self._open("rwc")
            self._prepare()
            self._reader = self._open("ro")
        except sqlite3.Error as exc:
            raise ConfigError(
                f"{self._path}: cannot be opened ({exc}); check the disk and who may write there"
            ) from exc

    def close(self) -> None:
        """Close both; the daemon's backups, who may only read, can go on reading."""
        with self._reading, self._writing:
            self._reader.close()
            self._writer.close()
            keep_log(self._path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read; of short duration, as others wait meanwhile. Raises TransientError."""
        with self._reading, _telling():
            yield self._reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable at the end of the `with` block. Raises TransientError."""
        with self._writing, _telling(), whole(self._writer):
            yield self._writer

    @contextmanager
    def aside(self) -> Iterator[sqlite3.Connection]:
        """Read for longer, through a connection of its own: nobody waits. Raises TransientError."""
        with _telling(), closing(self._open("ro")) as db:
            yield db

    def secret(self) -> bytes:
        """What only this installation knows, made once: for tokens that are not kept."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO facts VALUES ('secret', ?) ON CONFLICT DO NOTHING",
                (secrets.token_hex(32),),
            )
            (found,) = db.execute("SELECT value FROM facts WHERE key = 'secret'").fetchone()
        return bytes.fromhex(found)

    def remember(self, key: str, value: str) -> None:
        """Keep a fact."""
        with self.writing() as db:
            db.execute("REPLACE INTO facts VALUES (?, ?)", (key, value))

    def remembered(self, key: str) -> str:
        """A fact; empty where it is not known."""
        with self.reading() as db:
            row = db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row[0])

    def page_id(self) -> str:
        """By which the daemon tells this page's acts from those of another, made once."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO facts VALUES ('page', ?) ON CONFLICT DO NOTHING",
                (secrets.token_hex(8),),
            )
            (found,) = db.execute("SELECT value FROM facts WHERE key = 'page'").fetchone()
        return str(found)

    def _open(self, mode: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=PATIENCE_SECONDS,
            check_same_thread=False,
        )
        db.execute("PRAGMA foreign_keys = ON")
        return db

    def _prepare(self) -> None:
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        self._writer.execute("PRAGMA secure_delete = ON")  # of names, nothing stays in the file
        with self.writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise ConfigError(
                    f"{self._path}: was written by a newer nightsort (schema {version}, this one "
                    f"knows {SCHEMA_VERSION}); install that version again"
                )
            for step in STEPS[version:]:
                for statement in step:
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise _told(exc) from exc


def _told(error: sqlite3.OperationalError) -> NightsortError | sqlite3.OperationalError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFull("state_dir/web: no space left; free some on that disk")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return FolderUnavailable(
                f"state_dir/web: cannot be read or written ({error}); check that disk"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return FolderUnavailable("state_dir/web: another program holds web.db; end it")
    return error

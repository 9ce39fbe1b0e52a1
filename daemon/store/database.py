"""The database file: opening it, durable transactions, facts; its disk's refusals in words."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

from config.errors import (
    ConfigError,
    DiskFull,
    FolderUnavailable,
    NightsortError,
    RefusedError,
    StoreDamaged,
    TransientError,
)
from daemon.domain.return_ids import day_of, recorded_key
from daemon.folders.locks import no_look_at
from daemon.store.schema import SCHEMA_VERSION, STEPS

DATABASE = "nightsort.db"
# What SQLite keeps beside a database: its log, and the index of that. Source: sqlite.org/wal.html
LOG_ENDS = ("-wal", "-shm")
# How long a write waits for another program that holds the database.
PATIENCE_SECONDS = 30
_READING = "mode=ro"


class _Cursor(sqlite3.Cursor):
    """A cursor that says what its disk refuses in nightsort's words, also at a later row."""

    def fetchone(self) -> Any:
        """As sqlite3's; raises as `_Connection.execute` does."""
        try:
            return super().fetchone()
        except sqlite3.DatabaseError as exc:
            raise told(exc) from exc

    def fetchall(self) -> list[Any]:
        """As sqlite3's; raises as `_Connection.execute` does."""
        try:
            return super().fetchall()
        except sqlite3.DatabaseError as exc:
            raise told(exc) from exc

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.DatabaseError as exc:
            raise told(exc) from exc


class _Connection(sqlite3.Connection):
    """A connection that says what its disk refuses in nightsort's words."""

    keeps_log_of: Path | None = None  # the database that it may have been the last to write to

    def close(self) -> None:
        """As sqlite3's; others who may only read can go on reading (docs/decisions/0014)."""
        super().close()
        if self.keeps_log_of is not None:
            keep_log(self.keeps_log_of)

    def cursor(self, factory: Any = _Cursor) -> Any:
        """As sqlite3's."""
        return super().cursor(factory)

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """As sqlite3's; raises TransientError while the disk fails, StoreDamaged for damage."""
        with telling():
            return self._cursor().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        """As sqlite3's; raises as `execute` does."""
        with telling():
            return self._cursor().executemany(*args)

    def _cursor(self) -> sqlite3.Cursor:
        """Since Python 3.11 sqlite3's own `execute` takes a cursor of its own kind."""
        made: sqlite3.Cursor = self.cursor()
        return made


class _Reader(_Connection):
    """One that only reads, and may be handed from thread to thread."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, factory: Any = _Cursor) -> Any:
        """As any connection's."""
        made = super().cursor(factory)
        self._cursors.add(made)
        return made

    def end_looks(self) -> None:
        """Close what is not read to its end: it would hold what the database said before."""
        for cursor in list(self._cursors):
            cursor.close()


@contextmanager
def telling() -> Iterator[None]:
    """Say what SQLite refuses within the `with` block in nightsort's words."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        raise told(exc) from exc


@contextmanager
def whole(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all that is written within the `with` block, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some failures have ended it themselves
            connection.execute("ROLLBACK")
        raise


def told(error: sqlite3.DatabaseError) -> NightsortError | sqlite3.DatabaseError:
    """The disk's failures as TransientError, damage as such; a defect stays what it is."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFull("state_dir: no space left for the database; free some on that disk")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            return FolderUnavailable(
                f"state_dir: the database cannot be read or written ({error}); check that disk"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return FolderUnavailable(
                "state_dir: another program holds the database locked; end it (a backup, perhaps)"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamaged(
                f"state_dir: the database is damaged ({error}); start nightsort again, it mends "
                "that with its newest good backup"
            )
    return error


def keep_log(database: Path) -> None:
    """Put an empty log and index beside a database that has none, for users who may only read.

    SQLite removes both when the last writer closes, and a user without the right to make them
    cannot open the database then. Empty, they say what their absence said. A disk that refuses
    keeps nobody from anything but that.
    """
    for end in LOG_ENDS:
        with suppress(OSError):  # it is there already
            mode = stat.S_IMODE(database.stat().st_mode)
            # Never opened: closing it would take away the locks that this process has on it.
            os.mknod(database.with_name(f"{database.name}{end}"), stat.S_IFREG | mode)


@contextmanager
def swapping(state_dir: Path) -> Iterator[None]:
    """Nobody opens the database within the `with` block, in which another takes its place.

    Who opened the file of one, and then the log of the other by its name, would mix them.
    """
    with _locked(state_dir, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(state_dir: Path, how: int) -> Iterator[None]:
    with ExitStack() as held:
        with suppress(OSError):  # a folder that one may enter, but not list
            folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            held.callback(os.close, folder)
            fcntl.flock(folder, how)
        yield


def connect(path: Path, how: str, patience_seconds: float = PATIENCE_SECONDS) -> _Connection:
    """A connection to a state folder's database, opened as `how` says; in any thread."""
    with _locked(path.parent, fcntl.LOCK_SH), telling():
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{how}",
            uri=True,
            isolation_level=None,
            timeout=patience_seconds,
            factory=_Reader if how == _READING else _Connection,
            check_same_thread=how != _READING,
        )
        try:
            connection.execute("PRAGMA user_version").fetchone()  # from here on it has its log
        except BaseException:
            connection.close()
            raise
    if how != _READING:
        connection.keeps_log_of = path.absolute()
    return connection


def is_free(state_dir: Path) -> bool:
    """Whether a write could begin at once; False while somebody holds the database.

    In any thread: it looks through a connection of its own.
    """
    try:
        with closing(connect(state_dir / DATABASE, "mode=rw", 0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except (NightsortError, sqlite3.DatabaseError) as exc:
        code = getattr(exc.__cause__, "sqlite_errorcode", 0) & 0xFF
        # What else is wrong with it is told by whoever works with it.
        return code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return True


class Database:
    """One connection, for one thread. What is written is durable unless it says otherwise."""

    def __init__(
        self,
        state_dir: Path,
        *,
        reading: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Open the database, making it on first use.

        reading: only look at it, beside the process that owns it. patience_seconds: how long to
        wait for another program that holds it.
        Raises ConfigError when it cannot be opened, or was written by a newer nightsort;
        RefusedError when there is nothing to read yet, or not for this user; StoreDamaged.
        """
        self._path = state_dir / DATABASE
        if reading and not self._is_there():
            raise RefusedError(
                f"{state_dir}: there is no history yet; photos come with `nightsort run` or "
                "`nightsort now`"
            )
        try:
            self._connection = connect(
                self._path, _READING if reading else "mode=rwc", patience_seconds
            )
            self._connection.create_function("day_of", 2, day_of, deterministic=True)
            if reading:
                self.require_known_version()
            else:
                self._prepare()
        except (sqlite3.Error, TransientError) as exc:
            raise ConfigError(
                f"{self._path}: the database cannot be opened ({exc}); check the disk and the "
                "rights of state_dir, or restore a backup"
            ) from exc

    def _is_there(self) -> bool:
        try:
            return self._path.exists()
        except PermissionError:
            raise no_look_at(self._path.parent) from None

    def end_looks(self) -> None:
        """Let what was asked and not read to its end go, where this only reads."""
        assert isinstance(self._connection, _Reader)
        self._connection.end_looks()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement; raises TransientError while the disk fails, StoreDamaged."""
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, values: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """Execute one statement for each of `values`; raises as `execute` does."""
        return self._connection.executemany(statement, values)

    def require_known_version(self) -> int:
        """The schema's version; raises ConfigError when it is a newer nightsort's."""
        (version,) = self.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"{self._path}: was written by a newer nightsort (schema {version}, this one "
                f"knows {SCHEMA_VERSION}); install that version again"
            )
        return int(version)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """All that is written within, or nothing; not durable: survives a kill only."""
        if not durable:
            self.execute("PRAGMA synchronous = NORMAL")
        try:
            with whole(self._connection):
                yield
        finally:
            if not durable:
                self.execute("PRAGMA synchronous = FULL")

    def _prepare(self) -> None:
        (mode,) = self.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise ConfigError(
                f"{self._path}: the disk of state_dir cannot hold a database safely; "
                "set state_dir to a folder on a local disk"
            )
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA foreign_keys = ON")
        self.execute("PRAGMA secure_delete = ON")  # what was deleted cannot be read in the file
        self._connection.create_function("recorded_key", 2, recorded_key, deterministic=True)
        with self.transaction():
            version = self.require_known_version()
            for step in STEPS[version:]:
                for statement in step:
                    self.execute(statement)
            if version != SCHEMA_VERSION:
                self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


class Part:
    """One part of the store; all parts share a connection, and so one thread."""

    def __init__(self, database: Database) -> None:
        self._db = database

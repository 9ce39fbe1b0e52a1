"""Backups: copies of the database in a folder of their own, named by when they were made.

A backup is one file that needs nothing beside it. It appears under its name once it was checked,
and never in place of another.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from config.errors import DiskFull, FolderUnavailable, RefusedError, StoreDamaged
from config.settings import Settings
from daemon.folders.contents import sync_folder
from daemon.folders.mounts import missing_mount, read_mountinfo
from daemon.folders.os_errors import printable, trouble
from daemon.folders.presence import FSTAB
from daemon.folders.renaming import Entry, rename_new
from daemon.store import DATABASE, SCHEMA_VERSION
from daemon.store.copies import Contents, check_copy, copy_database
from daemon.store.facts import PAGE_PEOPLE
from daemon.store.page_people import read_page_people

log = structlog.get_logger()

FOLDER = "backups"
_NAME = re.compile(r"nightsort-(\d{4}-\d\d-\d\dT\d{6}Z)-schema(\d+)\.db")
_TIME = "%Y-%m-%dT%H%M%SZ"
_PARTIAL = ".nightsort-backup-"
_MARK = b"nightsort keeps this name for a backup.\n"
_MODE = 0o640
# The disk is the database's own too: it must not be full, not even for a moment.
_SPARE_BYTES = 64_000_000
# After a megabyte the disk is left to others for as long as a fast one takes to write it.
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup by its name."""

    path: Path
    made_at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made and checked."""

    path: Path
    contents: Contents
    size_bytes: int

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "file": str(self.path),
            "size_bytes": self.size_bytes,
            "schema": self.contents.schema,
            "photos": self.contents.photos,
            "runs": self.contents.runs,
            "accounts": self.contents.accounts,
            "keys": self.contents.keys,
        }


def _take_a_breath() -> None:
    time.sleep(_PAUSE_SECONDS)


class Backups:
    """The backups of one instance."""

    def __init__(self, state_dir: Path, folder: Path | None, keep_days: float) -> None:
        """`folder` None: within state_dir. keep_days: 0 keeps them for ever."""
        self.state_dir = state_dir
        self.folder = folder or state_dir / FOLDER
        self._is_own = folder is None  # else its disk may be away, and nothing is made in its place
        self._keep_days = keep_days

    @classmethod
    def from_settings(cls, settings: Settings) -> Backups:
        """Those that `settings` ask for."""
        return cls(settings.state_dir, settings.backups.folder, settings.backups.keep_days)

    def listed(self) -> list[Backup]:
        """All of them, newest first. Raises TransientError when the folder does not answer."""
        try:
            self._require_folder()
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise trouble(exc, str(self.folder)) from exc
        found = [(name, time_in_name(name)) for name in names]
        backups = [Backup(self.folder / name, at) for name, at in found if at is not None]
        return sorted(backups, key=lambda backup: backup.made_at, reverse=True)

    def make(
        self, now: datetime, to: Path | None = None, pause: Callable[[], None] = _take_a_breath
    ) -> Made:
        """Make a backup and check it. to: a new file, or a folder; None: beside the others.

        pause: called after every megabyte; what it raises ends the work, and leaves no backup.
        Raises RefusedError when it cannot be written there, TransientError when a disk fails,
        StoreDamaged when the copy shows that the database is damaged.
        """
        if not (self.state_dir / DATABASE).exists():
            raise RefusedError(
                f"{printable(str(self.state_dir))}: there is no database yet, so nothing to back up"
            )
        name = f"nightsort-{now.astimezone(UTC):{_TIME}}-schema{SCHEMA_VERSION}.db"
        if to is None:
            self._make_folder()
        target = self.folder / name if to is None else _named(to, name)
        self._require_room(target)
        partial = self._partial(target.parent)
        try:
            copy_database(self.state_dir, partial, pause, self._page_people(now))
            try:
                contents = check_copy(partial)
            except RefusedError as exc:
                raise StoreDamaged(
                    f"{self.state_dir / DATABASE}: is damaged, as its backup shows; start "
                    "nightsort again, it mends that with its newest good backup"
                ) from exc
            size = partial.stat().st_size
            _put(partial, target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        log.info("backup_made", file=str(target), photos=contents.photos, size_bytes=size)
        return Made(target, contents, size)

    def _page_people(self, now: datetime) -> dict[str, Any]:
        """The page's accounts and keys, as a fact; a backup without them is better than none."""
        try:
            people = read_page_people(self.state_dir, now)
        except RefusedError as exc:
            log.warning("page_left_out", why=str(exc))
            return {}
        return {} if people is None else {PAGE_PEOPLE: people.as_fact()}

    def drop_old(self, now: datetime) -> list[Path]:
        """Remove what is older than it is to be kept; returns what was.

        To be called after a new one was made: the newest stays, whatever its age.
        Raises TransientError when the folder refuses.
        """
        dropped = []
        if self._keep_days:
            oldest = now - timedelta(days=self._keep_days)
            dropped = [backup.path for backup in self.listed()[1:] if backup.made_at < oldest]
        for path in [*dropped, *self._left_behind()]:
            try:
                path.unlink(missing_ok=True)
            except OSError as exc:
                raise trouble(exc, str(path)) from exc
        if dropped:
            log.info("backups_dropped", count=len(dropped), oldest=dropped[-1].name)
        return dropped

    def _left_behind(self) -> list[Path]:
        """What processes that were killed had begun, long enough ago."""
        long_ago = time.time() - 86_400
        return [
            path for path in self.folder.glob(f"{_PARTIAL}*") if path.lstat().st_mtime < long_ago
        ]

    def _require_folder(self) -> None:
        """Raise FolderUnavailable when a folder that people named is not there."""
        place = printable(str(self.folder))
        if self._is_own:
            return
        missing = missing_mount(self.folder, _fstab(), read_mountinfo())
        if missing is not None:
            raise FolderUnavailable(f"{place}: its disk is not mounted; run: mount {missing[1]}")
        if not self.folder.exists():
            raise FolderUnavailable(f"{place}: is not there; mount its disk, or make the folder")

    def _make_folder(self) -> None:
        self._require_folder()
        try:
            self.folder.mkdir(mode=0o750, exist_ok=True)
        except OSError as exc:
            raise trouble(exc, str(self.folder)) from exc

    def _require_room(self, target: Path) -> None:
        place = printable(str(target))
        if os.path.lexists(target):
            raise RefusedError(f"{place}: is there already; name a new file, or a folder")
        try:
            free = shutil.disk_usage(target.parent).free
            needed = sum(
                (self.state_dir / name).stat().st_size
                for name in (DATABASE, f"{DATABASE}-wal")
                if (self.state_dir / name).exists()
            )
        except OSError as exc:
            raise trouble(exc, str(target.parent)) from exc
        if free < needed + _SPARE_BYTES:
            raise DiskFull(
                f"{place}: a backup needs {needed // 1_000_000 + 64} MB, and {free // 1_000_000} "
                "MB are free; free some space there, or set [backups] folder to another disk"
            )

    @staticmethod
    def _partial(folder: Path) -> Path:
        try:
            descriptor, name = tempfile.mkstemp(prefix=_PARTIAL, suffix=".part", dir=folder)
            os.close(descriptor)
            partial = Path(name)
            partial.chmod(_MODE)
        except OSError as exc:
            raise trouble(exc, str(folder)) from exc
        return partial


def _named(to: Path, name: str) -> Path:
    """The file that people want: `to`, or `name` in that folder; RefusedError where none can be."""
    try:
        target = to / name if to.is_dir() else to
        target.parent.stat()
    except OSError as exc:
        raise RefusedError(
            f"{printable(str(to))}: no backup can be written there ({exc.strerror}); name a folder "
            "that is there, or a new file in one"
        ) from exc
    return target


def time_in_name(name: str) -> datetime | None:
    """When a backup of that name was made; None when it is not called as a backup is."""
    match = _NAME.fullmatch(name)
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC) if match else None
    except ValueError:  # the thirtieth of February
        return None


def _fstab() -> str:
    try:
        return FSTAB.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _put(partial: Path, target: Path) -> None:
    """Give a whole file its name, for good, and in nobody's place."""
    try:
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            names = Entry(descriptor, partial.name), Entry(descriptor, target.name)
            rename_new(*names, _MARK, lambda _: None)
            sync_folder(descriptor)
        finally:
            os.close(descriptor)
    except FileExistsError:
        raise RefusedError(
            f"{printable(str(target))}: is there already; name a new file, or a folder"
        ) from None
    except OSError as exc:
        raise trouble(exc, str(target)) from exc

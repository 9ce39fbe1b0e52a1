"""Restoring: a copy of the database takes the place of the present one, which is kept.

The copy is staged first: whole, checked, with what is to be known of it. Only then the present
database is set aside, with its log, and the staged one gets its name. A crash before the staging is
done leaves all as it was; one after it is made up for by `finish`, which the next start calls.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from config.errors import DiskFull, NightsortError, RefusedError
from daemon.folders.contents import sync_folder
from daemon.folders.os_errors import printable, trouble
from daemon.maintenance.backups import time_in_name
from daemon.store import DATABASE, Store, keep_log, swapping
from daemon.store.copies import Contents, require_database, stage
from daemon.store.facts import PRESENCE, UNFETCHED

log = structlog.get_logger()

# The fact that tells the next start that the folders know more than the database.
UNRECONCILED = "unreconciled"

_STAGED = f"{DATABASE}.staged-"
_PARTIAL = f"{DATABASE}.part"
# A log left beside a new database would be taken for its own: it goes first.
_PARTS = ("-wal", "-shm", "")


class OfAnother(RefusedError):
    """A copy is of another nightsort's database."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What took the place of the present database."""

    contents: Contents
    set_aside: Path | None  # None: there was no database


def restore(
    state_dir: Path,
    source: Path,
    now: datetime,
    *,
    anyway: bool = False,
    facts: Mapping[str, Any] | None = None,
) -> Restored:
    """Put the copy `source` in the place of the database; the state folder must be ours.

    anyway: also a copy of another nightsort's database. facts: noted in it.
    Raises RefusedError when `source` cannot be used (OfAnother for that one reason), TransientError
    when a disk refuses; the present database is then as it was.
    """
    finish(state_dir)
    ours = "" if anyway else _present_instance(state_dir)
    contents = stage_copy(state_dir, new_label(state_dir, now), source, facts or {}, instance=ours)
    return Restored(contents, finish(state_dir))


def new_label(state_dir: Path, now: datetime) -> str:
    """What tells this replacement from all others."""
    label = f"{now.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
    number = 1
    unique = label
    while os.path.lexists(aside_path(state_dir, unique)):
        number += 1
        unique = f"{label}_{number}"
    return unique


def aside_path(state_dir: Path, label: str) -> Path:
    """Where the database that was replaced is kept."""
    return state_dir / f"{DATABASE}.set-aside-{label}"


def stage_copy(
    state_dir: Path, label: str, source: Path, facts: Mapping[str, Any], instance: str = ""
) -> Contents:
    """Make ready what will take the database's place: `source`, checked, with `facts` noted.

    instance: whose it must be; empty: anybody's. Raises as `restore` does.
    """
    taken = time_in_name(source.name)
    told = {"since": taken and taken.isoformat(), "from": source.name}
    try:
        _copy(source, state_dir)
        # A backup that was made in the middle of a rescue tells nothing of this one.
        noted = {UNRECONCILED: told, UNFETCHED: None, **facts}
        contents = stage(source, state_dir / _PARTIAL, noted)
        if instance and contents.instance and contents.instance != instance:
            raise OfAnother(
                f"{printable(str(source))}: is of another nightsort ({contents.instance[:8]}, this "
                f"one is {instance[:8]}); if that is meant, add --anyway, and then run nightsort "
                "doctor --adopt"
            )
        _rename(state_dir, _PARTIAL, f"{_STAGED}{label}")
    finally:
        _clear(state_dir)
    return contents


def stage_new(state_dir: Path, label: str, facts: Mapping[str, Any]) -> None:
    """Make ready a new database, with `facts` noted; what the results hold will be put into it."""
    folder = state_dir / f"{DATABASE}.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o750)
    with closing(Store(folder)) as store:
        for key, value in {UNRECONCILED: {"since": None, "from": None}, **facts}.items():
            store.facts.remember(key, value)
    (folder / DATABASE).replace(state_dir / f"{_STAGED}{label}")
    _sync(state_dir)
    shutil.rmtree(folder, ignore_errors=True)


def finish(state_dir: Path) -> Path | None:
    """Let what is staged take the database's place; where the present one is then, if there was.

    Does nothing when nothing is staged, but clears away what a process that was killed had begun.
    Raises TransientError when the disk refuses.
    """
    _clear(state_dir)
    staged = next(iter(sorted(state_dir.glob(f"{_STAGED}*"))), None)
    if staged is None:
        return None
    aside = aside_path(state_dir, staged.name.removeprefix(_STAGED))
    with swapping(state_dir):
        for part in _PARTS:
            if (state_dir / f"{DATABASE}{part}").exists():
                _rename(state_dir, f"{DATABASE}{part}", f"{aside.name}{part}")
        _rename(state_dir, staged.name, DATABASE)
        keep_log(state_dir / DATABASE)
    log.info("database_replaced", set_aside=aside.name if aside.exists() else None)
    return aside if aside.exists() else None


def _present_instance(state_dir: Path) -> str:
    """Whose the present database is; empty where that cannot be told."""
    try:
        with closing(Store(state_dir, reading=True)) as store:
            presence = store.facts.get(PRESENCE)
    except NightsortError:
        return ""
    return str(presence["instance"]) if presence else ""


def _copy(source: Path, state_dir: Path) -> None:
    """Copy a database that nobody has open, with its log if there is one."""
    require_database(source, printable(str(source)))
    _require_room(source, state_dir)
    _clear(state_dir)
    for part in ("", "-wal"):
        original = source.with_name(f"{source.name}{part}")
        copy = state_dir / f"{_PARTIAL}{part}"
        if part and not original.exists():
            continue
        try:
            with original.open("rb") as read, copy.open("xb") as written:
                copy.chmod(0o640)
                shutil.copyfileobj(read, written, 1 << 20)
                written.flush()
                os.fsync(written.fileno())
        except OSError as exc:
            raise trouble(exc, str(copy)) from exc


def _require_room(source: Path, state_dir: Path) -> None:
    free, needed = shutil.disk_usage(state_dir).free, source.stat().st_size
    if free < needed:
        raise DiskFull(
            f"{printable(str(state_dir))}: a restore needs {needed / 1e6:.1f} MB, as the present "
            f"database is kept, and {free / 1e6:.1f} MB are free; free some space on that disk"
        )


def _clear(state_dir: Path) -> None:
    for part in (*_PARTS, "-journal"):
        with suppress(OSError):
            (state_dir / f"{_PARTIAL}{part}").unlink(missing_ok=True)


def _rename(state_dir: Path, old: str, new: str) -> None:
    try:
        (state_dir / old).replace(state_dir / new)
    except OSError as exc:
        raise trouble(exc, str(state_dir / old)) from exc
    _sync(state_dir)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(descriptor)
    except OSError as exc:
        raise trouble(exc, str(folder)) from exc
    finally:
        os.close(descriptor)

"""Healing: a damaged database is set aside at the start, and the newest good backup takes over.

What happened since that backup is told by the folders: see `reconciling`. Without any good backup
a new database is begun, and the results tell all. A database that is merely newer than this
program, or whose disk does not answer, is not damaged and stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from config.errors import RefusedError, StoreDamaged
from daemon.maintenance.backups import Backup, Backups
from daemon.maintenance.restore import (
    aside_path,
    finish,
    new_label,
    stage_copy,
    stage_new,
)
from daemon.store import DATABASE
from daemon.store.copies import damage
from daemon.store.facts import PRESENCE, RESTORED

log = structlog.get_logger()

# The fact that holds what was done, for whoever tells people.
_SUSPECT = f"{DATABASE}.suspect"
_CLOCKS_DIFFER = timedelta(days=1)


def heal(backups: Backups, now: datetime, instance: Callable[[], str]) -> None:
    """Mend the database of a state folder that is ours, if it is damaged; tell of it.

    instance: whose the folders are by their markers, empty if that cannot be told.
    Raises TransientError when a disk does not let it be looked at or mended.
    """
    state_dir = backups.state_dir
    finish(state_dir)
    why = _why_not(backups)
    if why:
        log.critical("database_damaged", why=why)
        _replace(backups, why, now, instance)
    (state_dir / _SUSPECT).unlink(missing_ok=True)


@contextmanager
def suspecting(state_dir: Path) -> Iterator[None]:
    """Damage that shows within the `with` block is told, and looked for at the next start."""
    try:
        yield
    except StoreDamaged as exc:
        with suppress(OSError):
            (state_dir / _SUSPECT).touch()
        log.critical("database_damaged", why=str(exc.__cause__ or exc))
        raise


def _why_not(backups: Backups) -> str:
    """Why the database cannot be used; empty when it can."""
    path = backups.state_dir / DATABASE
    if path.exists() and path.stat().st_size > 0:
        # A second is well spent at every start; the thorough look is for when something showed.
        return damage(backups.state_dir, thorough=(backups.state_dir / _SUSPECT).exists())
    # A folder of backups that is away says nothing: with one, a first start would wait for it.
    if backups.folder.exists() and backups.listed():
        return "it is empty" if path.exists() else "it is not there, but backups are"
    return ""


def _replace(backups: Backups, why: str, now: datetime, instance: Callable[[], str]) -> None:
    state_dir = backups.state_dir
    label = new_label(state_dir, now)
    told: dict[str, object] = {
        "at": now.isoformat(timespec="seconds"),
        "why": why,
        "backup": None,
        "backup_taken": None,
        "set_aside": str(aside_path(state_dir, label)),
    }
    ours = instance()
    # What was made while a clock was ahead is only believed to be the newest when all others fail.
    listed = sorted(backups.listed(), key=lambda one: one.made_at > now + _CLOCKS_DIFFER)
    backup = _stage_first_good(listed, state_dir, label, told, ours)
    if backup is None:
        facts = {PRESENCE: {"instance": ours, "folders": {}}} if ours else {}
        stage_new(state_dir, label, {RESTORED: told, **facts})
    finish(state_dir)
    log.critical("database_restored", backup=backup and backup.path.name, why=why)


def _stage_first_good(
    backups: Iterable[Backup], state_dir: Path, label: str, told: dict[str, object], ours: str
) -> Backup | None:
    for backup in backups:
        facts = told | {
            "backup": backup.path.name,
            "backup_taken": backup.made_at.isoformat(timespec="seconds"),
        }
        try:
            stage_copy(state_dir, label, backup.path, {RESTORED: facts}, ours)
        except RefusedError as exc:
            log.error("backup_unusable", file=str(backup.path), why=str(exc))
        else:
            return backup
    return None

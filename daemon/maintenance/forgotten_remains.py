"""What still holds a photo that was forgotten, out of reach or for a while, for the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from config.errors import TransientError
from config.settings import Settings
from daemon.domain.forgetting import Remains
from daemon.maintenance.backups import Backups
from daemon.store import DATABASE


def copies_here(settings: Settings, now: datetime) -> Iterator[Remains]:
    """Backups and databases of this machine, for as long as they are kept."""
    days = settings.backups.keep_days
    try:
        backups = Backups.from_settings(settings).listed()
    except TransientError as exc:
        yield Remains("backup", str(exc), "it is there again: look then")
        backups = []
    for one in (one for one in backups if one.made_at <= now):
        until = (one.made_at + timedelta(days=days)).isoformat(timespec="minutes")
        yield Remains("backup", str(one.path), until if days else "you remove it")
    for aside in sorted(settings.state_dir.glob(f"{DATABASE}.set-aside-*")):
        if not aside.name.endswith(("-wal", "-shm")):
            yield Remains("set-aside database", str(aside), "you remove it")


def copies_elsewhere(settings: Settings, waiting: int) -> Iterator[Remains]:
    """What others were given. waiting: changes that the mirror has not followed yet."""
    if settings.mirror.has_postgres:
        until = f"it has followed; {waiting} changes wait" if waiting else "it has followed"
        yield Remains("mirror", f"station {settings.mirror.station}", until)
    if settings.mirror.bucket is not None:
        yield Remains("mirror", settings.mirror.bucket, "its copies go as soon as it answers")
        days = settings.backups.keep_days
        until = f"{days:g} days after each was made" if days else "you remove them"
        yield Remains("backup", f"backups in {settings.mirror.bucket}", until)
    if settings.handover.webhook is not None:
        yield Remains("handed over", "the system behind [handover] webhook", "it removes it")
    yield Remains("log", "the system's journal, and messages that were sent", "they are rotated")


def file_of(photo: int) -> Remains:
    """Of a photo that is not where it was put."""
    where = f"of photo #{photo}: somebody took it from its place in sorted_dir"
    return Remains("file", where, "whoever has it removes it")


def export_of(made: tuple[str, str]) -> Remains:
    """Of an export. made: where to, and when."""
    where, at = made
    return Remains("export", f"{where}, of {at}", "it is exported there again, or you remove it")


def workbook_of(run: str) -> Remains:
    """Of a run, that could not be written anew."""
    return Remains("workbook", f"batch_results_{run}.xlsx", "whoever has it open closes it")

"""How the daemon is, by its own status file and its lock; looks and never writes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from config.errors import NightsortError
from daemon.domain.examples import LearningStatus
from daemon.domain.status import ForecastStatus, QueueStatus, StatusDocument, WindowStatus
from daemon.domain.status_words import Problem
from daemon.health.status_file import read
from daemon.store import DATABASE

Health = Literal["healthy", "degraded", "down"]
_NOT_SORTING = frozenset({"not running", "hangs"})


@dataclass(frozen=True, slots=True)
class Seen:
    """How the daemon is, by its own status file and its lock."""

    health: Health
    state: str  # in words
    model: str | None
    queue: QueueStatus | None
    problems: list[Problem]
    window: WindowStatus | None
    forecast: ForecastStatus | None
    learning: LearningStatus | None = None

    @property
    def turn(self) -> datetime | None:
        """When the window opens, or closes where it is open; None where there is none."""
        if self.window is None:
            return None
        at = self.window["closes" if self.window["open"] else "opens"]
        return datetime.fromisoformat(at) if at else None


def look(state_dir: Path) -> Seen:
    """How the daemon is now."""
    document, code = read(state_dir)
    down = document["state"] in _NOT_SORTING
    health: Health = "down" if down else "degraded" if code else "healthy"
    return Seen(
        health, document["state"], document["model"], document["queue"], document["problems"],
        document["window"], document["forecast"], document["learning"],
    )  # fmt: skip


def is_running(state_dir: Path) -> bool:
    """Whether the daemon runs, and can be asked."""
    try:
        return look(state_dir).health != "down"
    except NightsortError:
        return False


def mark(state_dir: Path) -> tuple[object, ...]:
    """Changes when the daemon is another way, or the history says something new.

    Only looked at, never opened: so it costs whoever writes nothing.
    """
    with suppress(NightsortError):
        files = (state_dir / f"{DATABASE}{end}" for end in ("", "-wal"))
        return (look(state_dir), *map(_written, files))
    return (None,)


def _written(file: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = file.stat()
        return found.st_mtime_ns, found.st_size
    return None


def is_sorting(state_dir: Path) -> bool:
    """Whether the daemon sorts just now, as far as can be seen."""
    try:
        return sorts(read(state_dir)[0])
    except NightsortError:
        return False


def sorts(document: StatusDocument) -> bool:
    """Whether photos are being sorted; in continuous mode a run is open also while none waits."""
    queue = document["queue"]
    if document["state"] != "sorting" or queue is None:
        return False
    return queue["waiting"] > queue["retrying"]

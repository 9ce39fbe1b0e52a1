"""Vitals: how the service is, gathered for whoever asks.

Makes the document that `nightsort status` shows; says nothing that it did not look up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from config.settings import Settings
from daemon.availability import Availability
from daemon.filing import FilingPolicy, minimum_free_bytes
from daemon.pulse import Pulse
from daemon.records import Progress
from daemon.status import SILENCE_SECONDS
from daemon.timetable import Timetable
from daemon.watcher import Watcher

_HANGS = "the sorting has stood still for a while and seems to hang; restarting it is safe"


@dataclass(frozen=True, slots=True)
class Moment:
    """What the service alone knows of itself right now."""

    state: str  # sorting, waiting, stopping
    progress: Progress
    retrying: int
    last_run: dict[str, Any] | None
    week: dict[str, int]  # since Monday
    troubles: tuple[str, ...]  # what keeps it from working as it should
    failing: dict[str, Any] | None = None  # while each attempt fails: `why`, `failures`, `is_model`
    backup: str | None = None  # why there is no new backup


class Vitals:
    """Gathers the status document."""

    def __init__(
        self,
        settings: Settings,
        timetable: Timetable,
        watcher: Watcher,
        availability: Availability,
        pulse: Pulse,
        model: str,
        alerts: Callable[[], dict[str, Any]],
    ) -> None:
        """alerts: says how the telling goes."""
        self._settings = settings
        self._timetable = timetable
        self._watcher = watcher
        self._availability = availability
        self._pulse = pulse
        self._model = model
        self._alerts = alerts

    def document(self, moment: Moment) -> dict[str, Any]:
        """The status, with the keys of DESIGN.md."""
        absent, progress = self._availability.absent, moment.progress
        alerts = self._alerts()
        hangs = self._pulse.still_seconds() > SILENCE_SECONDS
        return {
            "state": _state(moment.state, is_absent=bool(absent), hangs=hangs),
            "share": {
                name: absent.get(name, "available") for name in ("incoming", "sorted", "results")
            },
            "watch": {
                "mode": self._watcher.mode,
                "why": self._watcher.why,
                "degraded": self._watcher.is_degraded,
                "ignored": self._watcher.ignored,
            },
            "queue": {
                "waiting": progress.waiting,
                "settling": progress.settling,
                "retrying": moment.retrying,
            },
            "window": self._window(),
            "forecast": self._forecast(moment),
            "last_run": moment.last_run,
            "week": moment.week,
            "model": self._model,
            "disk": self._disk(),
            "filing": self._filing(),
            "failing": moment.failing,
            "backup": moment.backup,
            "alerts": alerts,
            "problems": [
                *absent.values(),
                *([_HANGS] if hangs else []),
                *moment.troubles,
                *(f"alerts do not reach {target}" for target in alerts.get("unreachable", ())),
            ],
        }

    def _window(self) -> dict[str, Any]:
        window = self._timetable.window()
        return {
            "mode": self._timetable.mode,
            "open": self._timetable.is_open(),
            "opens": window and window.opens.isoformat(),
            "closes": window and window.closes.isoformat(),
        }

    def _forecast(self, moment: Moment) -> dict[str, Any] | None:
        """When the queue will be done at the last run's pace; None where that is not known."""
        rate = moment.last_run["images_per_second"] if moment.last_run else 0.0
        seen = self._timetable.forecast(moment.progress.waiting, rate)
        if seen is None:
            return None
        return {
            "waiting": seen.waiting,
            "will_not_fit": seen.will_not_fit,
            "done_by": seen.done_by.isoformat(),
            "text": str(seen),
        }

    def _filing(self) -> dict[str, Any] | None:
        """What filing needs of the disk of sorted_dir; None while that was not seen."""
        total = self._availability.total_bytes.get("sorted")
        if total is None:
            return None
        wanted = FilingPolicy.from_settings(self._settings.filing).min_free_bytes
        return {
            "min_free_mb": minimum_free_bytes(wanted, total) // 1_000_000,
            "copies": not self._availability.is_one_disk,
        }

    def _disk(self) -> dict[str, int]:
        """Free megabytes. Only the state folder, never on a share, is asked here and now."""
        free = {"sorted": self._availability.free_bytes.get("sorted")}
        with suppress(OSError):
            free["state"] = shutil.disk_usage(self._settings.state_dir).free
        return {name: left // 1_000_000 for name, left in free.items() if left is not None}


def _state(of_loop: str, *, is_absent: bool, hangs: bool) -> str:
    if of_loop == "stopping":
        return of_loop
    if is_absent:
        return "share unavailable"
    return "hangs" if hangs else of_loop

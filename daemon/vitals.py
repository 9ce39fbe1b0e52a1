"""Vitals: how the service is, gathered for whoever asks.

Makes the document that `nightsort status` shows; says nothing that it did not look up.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.settings import Settings
from daemon.availability import Availability
from daemon.clock import Clock
from daemon.records import Progress
from daemon.schedule import Schedule, forecast
from daemon.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Moment:
    """What the service alone knows of itself right now."""

    state: str  # sorting, waiting, stopping
    progress: Progress
    retrying: int
    last_run: dict[str, Any] | None
    trouble: str  # the failure that it backs off from, or nothing


class Vitals:
    """Gathers the status document."""

    def __init__(
        self,
        settings: Settings,
        schedule: Schedule,
        clock: Clock,
        watcher: Watcher,
        availability: Availability,
        model: str,
    ) -> None:
        self._settings = settings
        self._schedule = schedule
        self._clock = clock
        self._watcher = watcher
        self._availability = availability
        self._model = model

    def document(self, moment: Moment) -> dict[str, Any]:
        """The status, with the keys of DESIGN.md."""
        absent, progress = self._availability.absent, moment.progress
        return {
            "state": "share unavailable" if absent else moment.state,
            "share": {
                name: absent.get(name, "available") for name in ("incoming", "sorted", "results")
            },
            "watch": {
                "mode": self._watcher.mode,
                "why": self._watcher.why,
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
            "model": self._model,
            "disk": self._disk(),
            "alerts": {"targets": len(self._settings.alerts.targets)},
            "problems": [*absent.values(), *([moment.trouble] if moment.trouble else [])],
        }

    def _window(self) -> dict[str, Any]:
        mode = self._settings.window.mode
        if mode != "window":
            return {"mode": mode, "open": mode == "continuous", "opens": None, "closes": None}
        now = self._clock.now()
        window = self._schedule.window_at(now)
        shown = window or self._schedule.next_window(now)
        return {
            "mode": mode,
            "open": window is not None,
            "opens": shown.opens.isoformat(),
            "closes": shown.closes.isoformat(),
        }

    def _forecast(self, moment: Moment) -> dict[str, Any] | None:
        """When the queue will be done at the last run's pace; None where that is not known."""
        rate = moment.last_run["images_per_second"] if moment.last_run else 0.0
        if self._settings.window.mode != "window" or rate <= 0:
            return None
        now = self._clock.now()
        window = self._schedule.window_at(now) or self._schedule.next_window(now)
        seen = forecast(moment.progress.waiting, rate, window, now)
        return {
            "waiting": seen.waiting,
            "will_not_fit": seen.will_not_fit,
            "done_by": seen.done_by.isoformat(),
            "text": str(seen),
        }

    def _disk(self) -> dict[str, int]:
        folders = {"sorted": self._settings.sorted_dir, "state": self._settings.state_dir}
        return {
            name: _free_mb(folder)
            for name, folder in folders.items()
            if name not in self._availability.absent
        }


def _free_mb(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        return 0

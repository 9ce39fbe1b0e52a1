"""The status document: how the service is, gathered for whoever asks.

Makes the document that `nightsort status` shows; says nothing that it did not look up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from config.settings import Settings
from daemon.domain.examples import LearningStatus
from daemon.domain.left_alone import LeftAlone, LeftAloneDocument, from_json
from daemon.domain.runs import Progress
from daemon.domain.status import (
    AlertingStatus,
    BucketStatus,
    FailingStatus,
    FilingStatus,
    ForecastStatus,
    LiveStatus,
    MirrorStatus,
    UndecidedStatus,
    WindowStatus,
)
from daemon.domain.status_words import Problem, problem, problems_of
from daemon.domain.summaries import RunSummary
from daemon.domain.timetable import Timetable
from daemon.folders.availability import Availability
from daemon.health.progress import Liveness
from daemon.health.status_file import SILENCE_SECONDS
from daemon.intake.watcher import Watcher
from daemon.sorting.filer import FilingPolicy, minimum_free_bytes


@dataclass(frozen=True, slots=True)
class Moment:
    """What the service alone knows of itself right now."""

    state: str  # sorting, waiting, stopping
    progress: Progress
    retrying: int
    model: str  # the one in use
    last_run: RunSummary | None
    week: dict[str, int]  # since Monday
    troubles: tuple[Problem, ...]  # what keeps it from working as it should
    failing: FailingStatus | None = None  # while each attempt fails: `why`, `failures`, `is_model`
    backup: str | None = None  # why there is no new backup
    model_problem: str | None = None  # why another model judges than the one that is to
    learning: LearningStatus | None = None
    undecided: UndecidedStatus | None = None
    left_alone: LeftAloneDocument | None = None  # what lies in incoming and is not sorted
    judged_ahead: int | None = None  # of those that wait
    promise: float | None = None  # of what is filed without a look, by the card of the model


@dataclass(frozen=True, slots=True)
class Outside:
    """Who speaks with the outside, each asked how that goes."""

    alerts: Callable[[], AlertingStatus]
    handover: Callable[[], Problem]  # what is wrong, if anything
    mirror: Callable[[], MirrorStatus | None]
    bucket: Callable[[], BucketStatus | None]


class StatusGatherer:
    """Gathers the status document."""

    def __init__(
        self,
        settings: Settings,
        timetable: Timetable,
        watcher: Watcher,
        availability: Availability,
        liveness: Liveness,
        outside: Outside,
    ) -> None:
        self._settings = settings
        self._timetable = timetable
        self._watcher = watcher
        self._availability = availability
        self._liveness = liveness
        self._outside = outside

    def document(self, moment: Moment) -> LiveStatus:
        """The status, with the keys of DESIGN.md."""
        absent, progress = self._availability.absent, moment.progress
        alerts = self._outside.alerts()
        hangs = self._liveness.still_seconds() > SILENCE_SECONDS
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
            "left_alone": moment.left_alone,
            "window": self._window(),
            "forecast": self._forecast(moment),
            "last_run": moment.last_run,
            "undecided": moment.undecided or {"photos": 0, "oldest": None},
            "week": moment.week,
            "judged_ahead": moment.judged_ahead,
            "model": moment.model,
            "promise": moment.promise,
            "disk": self._disk(),
            "filing": self._filing(),
            "failing": moment.failing,
            "backup": moment.backup,
            "mirror": self._outside.mirror(),
            "bucket": self._outside.bucket(),
            "model_problem": moment.model_problem,
            "learning": moment.learning,
            "alerts": alerts,
            "problems": [
                *absent.values(),
                *([problem("hangs")] if hangs else []),
                *moment.troubles,
                *self._held(moment),
                *filter(None, [self._outside.handover()]),
                *(problem("unreached", target=one) for one in alerts.get("unreachable", ())),
            ],
        }

    def _held(self, moment: Moment) -> list[Problem]:
        """Photos that cannot be taken for longer than is usual."""
        seconds = 60 * self._settings.alerts.held_minutes
        held = from_json(moment.left_alone).held
        return problems_of(LeftAlone(held=tuple(one for one in held if one.seconds >= seconds)))

    def _window(self) -> WindowStatus:
        window = self._timetable.window()
        return {
            "mode": self._timetable.mode,
            "open": self._timetable.is_open(),
            "opens": window.opens.isoformat() if window else None,
            "closes": window.closes.isoformat() if window else None,
        }

    def _forecast(self, moment: Moment) -> ForecastStatus | None:
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

    def _filing(self) -> FilingStatus | None:
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

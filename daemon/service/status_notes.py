"""Notes for the status: what the service's own thread says of itself, for those who tell others."""

from __future__ import annotations

import time

from daemon.domain.runs import Progress
from daemon.health.status_document import Moment
from daemon.health.status_thread import StatusThread
from daemon.health.supervision import Supervision
from daemon.reporting.this_week import ThisWeek
from daemon.service.back_off import BackOff
from daemon.service.run_driver import RunDriver
from daemon.service.share import Share
from daemon.service.upkeep import Upkeep

NOTE_SECONDS = 0.25
# After so long a photo that is still being written is named in the status.
HELD_SECONDS = 60.0


class StatusNotes:
    """Notes how things are; every note is a sign of life."""

    def __init__(
        self,
        share: Share,
        runs: RunDriver,
        upkeep: Upkeep,
        back_off: BackOff,
        week: ThisWeek,
        status_thread: StatusThread,
        supervision: Supervision,
    ) -> None:
        self._share = share
        self._runs = runs
        self._upkeep = upkeep
        self._back_off = back_off
        self._week = week
        self._thread = status_thread
        self._noted_at = float("-inf")
        self.progress = Progress(None, 0, 0, 0, time.monotonic())
        self.kept, self.stop_asked = status_thread.kept, status_thread.stop_asked
        self.begun, self.ending = supervision.begun, supervision.ending
        self.longest_silence_seconds = supervision.longest_silence_seconds

    def note(self, *, at_once: bool = False) -> None:
        """Note how things are; not too often, for a long queue takes counting."""
        self._thread.beat()
        now = time.monotonic()
        if now - self._noted_at < NOTE_SECONDS and not at_once:
            return
        self._noted_at = now
        drain, last_run = self._runs.drain, self._runs.last_run
        waiting, run = drain.waiting(), drain.run
        self.progress = Progress(
            run.id if run else None, drain.processed, waiting.queued, self._share.settling, now
        )
        self._thread.note(
            Moment(
                self._state(),
                self.progress,
                waiting.retrying,
                drain.model,
                last_run,
                self._week.figures(last_run),
                tuple(filter(None, (self._back_off.trouble, *self._upkeep.problems))),
                self._back_off.failing(),
                self._upkeep.backup_problem,
                self._upkeep.model_problem,
                self._upkeep.learning,
                drain.undecided(),
                self._share.left_alone(HELD_SECONDS).as_json(),
                self._runs.judged_ahead,
                self._upkeep.promise,
            )
        )

    def go_on(self) -> bool:
        """Whether the service goes on; a note that it does."""
        self.note()
        return self._runs.requests.may_go_on

    def _state(self) -> str:
        if not self._runs.requests.may_go_on:
            return "stopping"
        return "sorting" if self._runs.drain.run else "waiting"

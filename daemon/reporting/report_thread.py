"""The report thread: what people read is written beside the work, never in its way.

With a connection of its own to the store. It takes one thing at a time: what somebody waits for
first, then what people said since, a burst of it together. Asked to end it leaves what it is at;
the next start makes that again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from config.errors import NightsortError, StoreDamaged, TransientError
from daemon.domain.bursts import Burst
from daemon.domain.clock import Clock
from daemon.domain.survivor import Survivor
from daemon.reporting.report_updater import ReportUpdater

log = structlog.get_logger()

T = TypeVar("T")
Beat = Callable[[], None]
Opened = Callable[[Beat], AbstractContextManager[ReportUpdater]]

TURN_SECONDS = 1.0
# Lists are made again so long after the last word of a burst, and that long after its first.
LISTS_QUIET_SECONDS, LISTS_LONGEST_SECONDS = 1.0, 10.0
PAGES_QUIET_SECONDS, PAGES_LONGEST_SECONDS = 60.0, 600.0
TRY_AGAIN_SECONDS = 60.0
# Nobody waits longer for a report that makes no progress; the watchdog has more patience.
LONGEST_SILENCE_SECONDS = 30.0
JOIN_SECONDS = 5.0
_OPEN_AGAIN_SECONDS = 5.0


class _Ended(Exception):
    """The process ends: what is being written is left."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Something that is to be made, and who waits for it."""

    work: Callable[[ReportUpdater], Any]
    done: Future[Any] = field(default_factory=Future)
    at: float = field(default_factory=time.monotonic)


class ReportThread:
    """Has reports made in a thread of its own."""

    def __init__(
        self,
        opened: Opened,
        clock: Clock,
        may_work: Callable[[], bool],
        *,
        pages_quiet_seconds: float = PAGES_QUIET_SECONDS,
    ) -> None:
        """opened: an updater, for the thread that opens it; it calls what it is given as it goes.

        may_work: whether the folders are there.
        """
        self._opened = opened
        self._clock = clock
        self._may_work = may_work
        self._news = threading.Condition()
        self._jobs: deque[_Job] = deque()  # the first is in hand
        self._lists = Burst(LISTS_QUIET_SECONDS, LISTS_LONGEST_SECONDS)
        self._pages = Burst(pages_quiet_seconds, PAGES_LONGEST_SECONDS)
        self._is_begun = False
        self._is_over = threading.Event()
        self._beat_at = time.monotonic()
        self._survivor = Survivor(lambda why: log.error("reports_interrupted", why=why))
        self._damage: StoreDamaged | None = None

    # --- for any thread --------------------------------------------------------------------------

    def make(self, work: Callable[[ReportUpdater], T]) -> Future[T]:
        """Have something made; cancelled when the process ends first."""
        job = _Job(work)
        with self._news:
            if self._is_over.is_set():
                job.done.cancel()
            else:
                self._jobs.append(job)
                self._news.notify()
        return job.done

    def make_due(self) -> Future[None]:
        """Make the reports of closed runs, and from now on what follows people's words.

        Done when the reports are there, or cannot be made.
        """
        self._is_begun = True
        return self.make(_tell_runs)

    def spoken(self) -> None:
        """People said something of photos: lists and pages follow."""
        now = self._clock.steady()
        self._lists.add(now)
        self._pages.add(now)

    @property
    def is_awaited(self) -> bool:
        """Whether something is to be made, and whoever waits for it still does."""
        return any(not job.done.done() for job in self._jobs_left())

    def silent_seconds(self) -> float:
        """For how long the thread has made no progress; 0 while there is nothing to do."""
        with self._news:
            waiting_since = self._jobs[0].at if self._jobs else None
        if waiting_since is None:
            return 0.0
        return time.monotonic() - max(self._beat_at, waiting_since)

    def check(self) -> None:
        """Let go whoever waits for a thread that hangs; raise StoreDamaged when it met that."""
        if self._damage is not None:
            raise self._damage
        if self.silent_seconds() > LONGEST_SILENCE_SECONDS:
            hangs = TransientError("reports are not getting on; nightsort status may say why")
            for job in self._jobs_left():
                _conclude(job, hangs)

    def end(self) -> None:
        """Leave what is being written."""
        with self._news:
            self._is_over.set()
            self._news.notify()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Make reports until the end of the `with` block."""
        thread = threading.Thread(target=self._keep, name="reports", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.end()
            thread.join(JOIN_SECONDS)
            for job in self._jobs_left():
                job.done.cancel()

    def _jobs_left(self) -> list[_Job]:
        with self._news:
            return [*self._jobs]

    # --- the thread ------------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._is_over.is_set():
            self._survive(self._open_and_serve)
            self._is_over.wait(_OPEN_AGAIN_SECONDS)

    def _open_and_serve(self) -> None:
        with self._opened(self._beat) as updater:
            while not self._is_over.is_set():
                self._survive(lambda: self._turn(updater))

    def _turn(self, updater: ReportUpdater) -> None:
        with self._news:
            if not self._jobs and not self._is_over.is_set():
                self._news.wait(TURN_SECONDS)
            if not self._jobs and self._is_begun and self._may_work():
                self._jobs.append(_Job(self._follow))
            job = self._jobs[0] if self._jobs else None
        if job is not None:
            try:
                self._do(job, updater)
            finally:
                with self._news:
                    self._jobs.popleft()

    def _do(self, job: _Job, updater: ReportUpdater) -> None:
        self._beat_at = time.monotonic()
        try:
            made = job.work(updater)
        except _Ended:
            job.done.cancel()
        except Exception as exc:
            _conclude(job, exc)
            if isinstance(exc, StoreDamaged) or not isinstance(exc, NightsortError):
                raise
        else:
            with suppress(InvalidStateError):  # nobody waited so long
                job.done.set_result(made)

    def _follow(self, updater: ReportUpdater) -> None:
        """Without being asked: what people said, and weeks and months."""
        now = self._clock.steady()
        if self._lists.take(now):
            has_followed = False
            try:
                has_followed = updater.follow()
            finally:
                if not has_followed:
                    self._lists.add(now + TRY_AGAIN_SECONDS)
        if self._pages.take(now):
            updater.catch_up()
        updater.late_workbooks()
        updater.periods()

    def _beat(self) -> None:
        """There is progress; raises where it is to end."""
        self._beat_at = time.monotonic()
        if self._is_over.is_set():
            raise _Ended

    def _survive(self, step: Callable[[], None]) -> None:
        """Take a step; what fails is told once, and the next one comes."""

        def noticing() -> None:
            try:
                step()
            except StoreDamaged as exc:
                self._damage = exc

        self._survivor.take(noticing)


def _tell_runs(updater: ReportUpdater) -> None:
    updater.tell_runs()
    updater.follow()


def _conclude(job: _Job, error: Exception) -> None:
    """Tell whoever still waits for it why it was not made."""
    with suppress(InvalidStateError):
        job.done.set_exception(error)

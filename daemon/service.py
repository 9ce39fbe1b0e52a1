"""The service: builds the stages from the settings, hands one's output to the next, loops, stops.

One thread takes in, files and keeps the books; workers decode and classify. Whoever wants
something from another thread (a signal, the control socket) leaves a note and wakes this one.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from typing import Any

import structlog

from classifier.classifier import Classifier
from config.errors import NightsortError, TransientError
from config.settings import Settings
from daemon.clock import Clock, local_zone
from daemon.drain import Drain, DrainPolicy
from daemon.examine import Limits, Workers, usable_cores
from daemon.failures import retry_delay
from daemon.filing import Filer, FilingPolicy
from daemon.intake import Intake, open_for_writing
from daemon.lock import hold
from daemon.records import Progress
from daemon.results import Warehouse
from daemon.schedule import Schedule
from daemon.sorting import Sorter
from daemon.store import Store
from daemon.tree import Tree
from daemon.watcher import Watcher

log = structlog.get_logger()

Summary = dict[str, Any]

# How long `now` waits for what is still settling, beyond the settle time.
PATIENCE_SECONDS = 60.0
LONGEST_SLEEP_SECONDS = 5.0
SIGHTINGS_AT_ONCE = 2000


class Service:
    """One instance at work."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store,
        watcher: Watcher,
        intake: Intake,
        drain: Drain,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._watcher = watcher
        self._intake = intake
        self._drain = drain
        self._incoming = Tree(settings.incoming_dir)
        window = settings.window
        self._schedule = Schedule(
            window.start, window.end, window.days, window.zone() or local_zone()
        )
        self._stopping = threading.Event()
        self._asked: list[Future[Summary]] = []
        self._troubles = 0  # failures in a row
        self._try_again_at = 0.0
        self._recovered = False
        self.progress = Progress(None, 0, 0, 0, time.monotonic())

    # --- from other threads and signals ----------------------------------------------------------

    def stop(self) -> None:
        """Ask the service to end after the micro-batch in hand."""
        self._stopping.set()
        self._watcher.wake()

    def ask(self) -> Future[Summary]:
        """Ask for a run now; the answer is its summary."""
        answer: Future[Summary] = Future()
        self._asked.append(answer)
        self._watcher.wake()
        return answer

    # --- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `stop`: the daemon."""
        self._watcher.start()
        try:
            while not self._stopping.is_set():
                self._turn()
                self._watcher.wait(self._sleep_seconds())
            self._close_run()
        finally:
            self._watcher.stop()
            self._answer_all(None)

    def run_once(self, watch: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Drain the queue now, with what lies in incoming: `nightsort now` without a daemon.

        Raises TransientError when a folder or disk fails; nothing is lost then.
        """
        self._recover()
        try:
            return self._drain_now(watch)
        except TransientError:
            self._drain.finish_interrupted()
            self._drain.close(settling=len(self._intake))
            raise

    def _turn(self) -> None:
        """One turn of the loop; a failing folder or disk makes the next one wait."""
        self._note_progress()
        if self._clock.steady() < self._try_again_at and not self._asked:
            return
        try:
            if not self._recovered:
                self._recover()
            self._take_in()
            if self._asked:
                self._answer_all(self._drain_now(lambda _: None))
            elif self._is_time():
                self._drain.work(self._is_time, self._take_in)
            if self._is_run_over():
                self._close_run()
            self._troubles = 0
        except TransientError as exc:
            self._recovered = False
            self._try_again_at = self._clock.steady() + retry_delay(self._troubles)
            self._troubles += 1
            log.error("work_interrupted", why=str(exc), attempts=self._troubles)
            self._answer_all(exc)

    def _recover(self) -> None:
        self._drain.recover()
        self._recovered = True

    def _drain_now(self, watch: Callable[[Progress], None]) -> Summary:
        """Look at the share afresh, wait for what is settling, drain, close the run."""
        self._store.retry_now()
        self._watcher.rescan()
        patience = self._settings.intake.settle_seconds + PATIENCE_SECONDS
        deadline: float | None = None

        def between() -> None:
            self._take_in()
            self._note_progress()
            watch(self.progress)

        while self._keep_going():
            between()
            self._drain.work(self._keep_going, between)
            if not self._watcher.scanning:
                deadline = deadline or self._clock.steady() + patience
                if not len(self._intake) or self._clock.steady() >= deadline:
                    break
            self._watcher.wait(self._until_settled())
        self._note_progress()
        watch(self.progress)
        return self._drain.close(settling=len(self._intake))

    def _take_in(self) -> None:
        """Sightings to intake, settled files to the queue."""
        now = self._clock.steady()
        room = min(self._intake.room, SIGHTINGS_AT_ONCE)
        for sighting in self._store.unknown(self._watcher.sightings(room) if room else []):
            self._intake.observe(sighting, now)
        settled = self._intake.settled(now, self._incoming.fingerprint, self._is_still_open)
        if settled:
            run = self._drain.run.id if self._drain.run else None
            queued = self._store.admit(settled, self._clock.now(), run)
            log.debug("photos_queued", count=len(queued))

    def _is_still_open(self, path: str) -> bool:
        try:
            descriptor = self._incoming.open_file(path)
        except (OSError, NightsortError):
            return False  # the examination will say what is wrong with it
        try:
            return open_for_writing(descriptor)
        finally:
            os.close(descriptor)

    def _keep_going(self) -> bool:
        return not self._stopping.is_set()

    def _is_time(self) -> bool:
        """Whether the queue may be drained without anybody asking."""
        if self._stopping.is_set() or self._asked:
            return False
        match self._settings.window.mode:
            case "continuous":
                return True
            case "window":
                return self._schedule.window_at(self._clock.now()) is not None
            case "manual":
                return False

    def _is_run_over(self) -> bool:
        """Whether the run under way is to be closed: quiet for long, a new day, not wanted."""
        run = self._drain.run
        if run is None or self._asked:
            return False
        if self._settings.window.mode != "continuous":
            return True
        quiet = self._settings.window.quiet_minutes * 60
        is_new_day = run.started_at.date() != self._clock.now().date()
        return is_new_day or self._drain.idle_seconds() >= quiet

    def _close_run(self) -> None:
        if self._drain.run is not None:
            self._drain.close(settling=len(self._intake))

    def _sleep_seconds(self) -> float:
        """How long nothing can be due, if no event comes."""
        now = self._clock.steady()
        if now < self._try_again_at:
            return min(self._try_again_at - now, LONGEST_SLEEP_SECONDS)
        due = [self._intake.next_due(), self._store.next_retry(now)]
        waits = [at - now for at in due if at is not None]
        return max(0.05, min([LONGEST_SLEEP_SECONDS, *waits]))

    def _until_settled(self) -> float:
        due = self._intake.next_due()
        return 0.05 if due is None else min(max(due - self._clock.steady(), 0.01), 0.5)

    def _note_progress(self) -> None:
        run = self._drain.run
        waiting = self._store.waiting(self._clock.steady()).queued
        self.progress = Progress(
            run.id if run else None,
            self._drain.processed,
            waiting,
            len(self._intake),
            time.monotonic(),
        )

    def _answer_all(self, answer: Summary | TransientError | None) -> None:
        """Tell everybody who asked for a run how it ended; None: the service stops."""
        while self._asked:
            asked = self._asked.pop()
            if answer is None:
                asked.cancel()
            elif isinstance(answer, TransientError):
                asked.set_exception(answer)
            else:
                asked.set_result(answer)


@contextmanager
def build(settings: Settings, clock: Clock) -> Iterator[Service]:
    """Build a service that owns its state folder until the end of the `with` block.

    Raises ConfigError, ModelError or RefusedError when it cannot work.
    """
    classifier = Classifier.load(
        settings.model_dir, auto=settings.bands.auto, review=settings.bands.review
    )
    filing = FilingPolicy.from_settings(settings.filing)
    with hold(settings.state_dir), closing(Store(settings.state_dir)) as store:
        incoming, sorted_tree = Tree(settings.incoming_dir), Tree(settings.sorted_dir)
        watcher = Watcher(
            incoming,
            observer=settings.intake.observer,
            rescan_seconds=settings.intake.rescan_seconds,
            ignore=settings.intake.ignore,
        )
        workers = Workers(
            incoming,
            classifier,
            Limits.from_settings(settings.intake),
            settings.batch.workers or usable_cores(),
        )
        drain = Drain(
            store,
            workers,
            Sorter(
                store, Filer(incoming, sorted_tree, filing), sorted_tree, warehouse(settings), clock
            ),
            incoming,
            clock,
            DrainPolicy(
                batch_size=settings.batch.size,
                settle_seconds=settings.intake.settle_seconds,
                cut_off_seconds=settings.intake.truncated_minutes * 60,
                results_dir=settings.results_dir,
                sorted_dir=settings.sorted_dir,
                model=classifier.bundle.card.title,
            ),
        )
        try:
            yield Service(
                settings, clock, store, watcher, Intake(settings.intake.settle_seconds), drain
            )
        finally:
            workers.stop()


def warehouse(settings: Settings) -> Warehouse:
    """What the settings know of the warehouse, as results need it."""
    return Warehouse(
        return_id=re.compile(settings.results.return_id),
        codes={name: (c.code, c.location) for name, c in settings.categories.items()},
    )

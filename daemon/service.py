"""The service: hands one stage's output to the next, loops, stops.

One thread takes in, files and keeps the books; workers decode and classify. Whoever wants
something from another thread (a signal, the control socket) leaves a note and wakes this one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any

import structlog

from config.errors import (
    ModelError,
    NightsortError,
    SelfTestFailed,
    StoreDamaged,
    TransientError,
)
from config.settings import Settings
from daemon.clock import Clock
from daemon.failures import retry_delay
from daemon.records import Order, Progress
from daemon.stages import Stages
from daemon.thisweek import ThisWeek
from daemon.tidying import remove_emptied
from daemon.vitals import Moment

log = structlog.get_logger()

Summary = dict[str, Any]

# How long `now` waits for what is still settling, beyond the settle time.
PATIENCE_SECONDS = 60.0
LONGEST_SLEEP_SECONDS = 5.0
SHORTEST_SLEEP_SECONDS = 0.02
TIDY_SECONDS = 3600.0
NOTE_SECONDS = 0.25


class Service:
    """One instance at work."""

    def __init__(
        self, settings: Settings, clock: Clock, stages: Stages, abandon: Callable[[], None]
    ) -> None:
        """abandon: ends the process where a share that hangs keeps `run` from ending."""
        self._settings = settings
        self._clock = clock
        self._stages = stages
        self._abandon = abandon
        self._store = stages.store
        self._watcher = stages.watcher
        self._availability = stages.availability
        self._admission = stages.admission
        self._drain = stages.drain
        self._timetable = stages.timetable
        self._stopping = threading.Event()
        self._asked: list[Future[Summary]] = []
        self._orders: deque[tuple[Order, Future[Summary]]] = deque()
        self._tidy_due = float("-inf")
        self._is_recovered = False
        self._troubles = 0  # failures in a row
        self._trouble = ""  # the last of them, while it lasts
        self._is_models_fault = False
        self._try_again_at = 0.0
        self._last_run: Summary | None = None
        self._week = ThisWeek(stages.store, clock)
        self.progress = Progress(None, 0, 0, 0, time.monotonic())
        self._noted_at = float("-inf")

    # --- from other threads and signals ----------------------------------------------------------

    def stop(self) -> None:
        """Ask the service to end after the micro-batch in hand."""
        self._stopping.set()
        self._stages.vigil.stop_asked()
        self._watcher.wake()

    def leave(self) -> None:
        """End the process at once, whatever hangs; no photo is lost or blamed."""
        self._abandon()

    def reload(self) -> None:
        """Ask the service to read its settings again."""
        self._stages.reloading.ask()
        self._watcher.wake()

    def ask(self) -> Future[Summary]:
        """Ask for a run now; the answer is its summary."""
        answer: Future[Summary] = Future()
        self._asked.append(answer)
        self._watcher.wake()
        return answer

    def order(self, order: Order) -> Future[Summary]:
        """Ask for something else, which is done between two micro-batches; the answer is JSON."""
        answer: Future[Summary] = Future()
        self._orders.append((order, answer))
        self._watcher.wake()
        return answer

    # --- the work --------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `stop`: the daemon.

        Raises ConfigError when the folders cannot be made or adopted at the first start,
        StoreDamaged when the database shows damage, which the next start mends.
        """
        self._availability.adopt()
        self._availability.check()
        self._last_run = next(iter(self._store.summaries(limit=1)), None)
        self._tell_start()
        self._watcher.start()
        self._note(at_once=True)
        with self._stages.vigil.kept(self._abandon), self._stages.housekeeper.kept():
            self._stages.supervision.begun()
            try:
                while not self._stopping.is_set():
                    self._turn()
                    self._watcher.wait(self._sleep_seconds())
                self._stages.supervision.ending()
                self._close_run()
            finally:
                self._watcher.stop()
                self._answer_all(None)
                self._note(at_once=True)
                log.info("service_stopped")

    def run_once(self, watch: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Drain the queue now, with what lies in incoming: `nightsort now` without a daemon.

        Raises ConfigError as `run` does, TransientError when a folder or disk fails; nothing is
        lost then.
        """
        self._availability.adopt()
        self._availability.check()
        self._availability.require()
        self._recover()
        with self._stages.vigil.kept():
            return self._run_once(watch)

    def _run_once(self, watch: Callable[[Progress], None]) -> Summary:
        try:
            summary = self._drain_now(watch)
        except TransientError as exc:
            self._answer_all(exc)
            self._recover()
            self._close_run()
            raise
        else:
            self._answer_all(summary)  # to those who joined
            return summary
        finally:
            self._answer_all(None)
            self._note(at_once=True)

    def _turn(self) -> None:
        """One turn of the loop. A failing folder or disk makes the next one wait."""
        self._stages.reloading.check()
        self._timetable.notice_jump()
        self._note()
        try:
            self._look_for_folders()
            self._carry_out_orders()
            self._stages.housekeeper.check(self._quiet_since())
            if self._clock.steady() < self._try_again_at and not self._asked:
                return
            self._work()
        except TransientError as exc:
            self._back_off(exc)
            log.error("work_interrupted", why=str(exc), failures=self._troubles)
        except StoreDamaged as exc:
            self._answer_all(exc)
            raise
        except Exception as exc:
            self._back_off(exc)
            log.critical("defect_met", failures=self._troubles, exc_info=True)
        else:
            self._troubles, self._trouble = 0, ""

    def _look_for_folders(self) -> None:
        """Also while the next try is waited for; once all folders are back, it is not."""
        if self._availability.take_return():
            self._watcher.rescan()
            if not self._availability.absent:
                self._try_again_at = 0.0

    def _work(self) -> None:
        if self._asked:
            self._answer_all(self._answer())
            return
        if "incoming" not in self._availability.absent:
            self._admission.take_in()
            self._stages.requests.check(self.ask)
        if self._availability.absent:
            return
        if not self._is_recovered:
            self._recover()
            self._stages.clerk.catch_up(self._go_on)
        if self._is_time():
            self._stages.herald.note_opening(self._queued, self._pace())
            self._drain.work(self._is_time, self._look_around)
        if self._is_run_over():
            self._close_run()
        self._stages.herald.check(self.progress.waiting, self._pace())
        self._stages.clerk.between_runs(self._go_on)
        self._tidy()
        if self._drain.run is None:
            self._stages.housekeeper.tidy()

    def _answer(self) -> Summary:
        self._availability.require()
        if not self._is_recovered:
            self._recover()
        return self._drain_now(lambda _: None)

    def _back_off(self, error: Exception) -> None:
        self._is_recovered = False
        self._try_again_at = self._clock.steady() + retry_delay(self._troubles)
        self._troubles += 1
        self._trouble = str(error)
        self._is_models_fault = isinstance(error, ModelError | SelfTestFailed)
        self._answer_all(error)

    def _recover(self) -> None:
        if not self._stages.housekeeper.reconcile(self._go_on):
            return  # asked to end; before it is done nothing may be concluded
        self._stages.clerk.recover()
        self._drain.recover()
        self._is_recovered = True

    def _carry_out_orders(self) -> None:
        """Do what people asked for beside sorting; who asked hears of a failure, not the run."""
        while self._orders:
            order, answer = self._orders.popleft()
            try:
                self._availability.require()
                answer.set_result(self._stages.clerk.carry_out(order))
            except Exception as exc:
                answer.set_exception(exc)
                if isinstance(exc, StoreDamaged) or not isinstance(exc, NightsortError):
                    raise

    def _drain_now(self, watch: Callable[[Progress], None]) -> Summary:
        """Look at the share afresh, wait for what is settling, drain, close the run."""
        self._admission.look_afresh()
        patience = self._settings.intake.settle_seconds + PATIENCE_SECONDS
        deadline: float | None = None

        def between() -> None:
            self._between()
            watch(self.progress)

        while self._keep_going():
            between()
            self._drain.work(self._keep_going, between)
            if not self._watcher.scanning:
                deadline = deadline or self._clock.steady() + patience
                if not self._admission.is_settling() or self._clock.steady() >= deadline:
                    break
            self._watcher.wait(self._seconds_until(self._admission.next_due(), 0.5))
        self._note(at_once=True)
        watch(self.progress)
        return self._close_run()

    def _look_around(self) -> None:
        """Between micro-batches of a run that nobody asked for: somebody may now."""
        self._between()
        self._stages.requests.check(self.ask)

    def _between(self) -> None:
        """Between micro-batches: the share goes on living."""
        self._look_for_folders()
        self._availability.require()
        self._admission.take_in()
        self._stages.reloading.check()
        self._carry_out_orders()
        self._note()

    # --- what to do when -------------------------------------------------------------------------

    def _keep_going(self) -> bool:
        return not self._stopping.is_set()

    def _go_on(self) -> bool:
        """While a report is written: the service is alive, and it may be asked to end."""
        self._note()
        return self._keep_going()

    def _is_time(self) -> bool:
        """Whether the queue may be drained without anybody asking."""
        return self._timetable.is_open() and not self._stopping.is_set() and not self._asked

    def _is_run_over(self) -> bool:
        """Whether the run under way is to be closed."""
        run = self._drain.run
        if run is None or self._asked:
            return False
        expected = self._queued() + self._admission.settling
        return self._timetable.is_run_over(run.started_at, self._drain.idle_seconds(), expected)

    def _quiet_since(self) -> datetime | None:
        """When the last run ended, if none is under way; None: somebody works."""
        if self._drain.run is not None or self._asked:
            return None
        ended = self._last_run["finished"] if self._last_run else "1970-01-01T00:00:00+00:00"
        return datetime.fromisoformat(ended)

    def _queued(self) -> int:
        return self._store.waiting(self._clock.steady()).queued

    def _pace(self) -> float:
        """Photos a second in the last run; 0 while that is not known."""
        return self._last_run["images_per_second"] if self._last_run else 0.0

    def _close_run(self) -> Summary:
        ignored = sum(self._watcher.ignored.values())
        summary = self._drain.close(settling=self._admission.settling, ignored=ignored)
        if summary["run"] is not None:
            self._last_run = summary
            self._stages.clerk.catch_up(self._go_on)
        self._note(at_once=True)
        return summary

    def _tidy(self) -> None:
        hours = self._settings.intake.remove_empty_folders_hours
        if hours == 0 or self._clock.steady() < self._tidy_due:
            return
        self._tidy_due = self._clock.steady() + TIDY_SECONDS
        emptied = self._store.emptied_folders(self._clock.now() - timedelta(hours=hours))
        self._store.forget_emptied(list(remove_emptied(self._stages.incoming, emptied)))

    def _sleep_seconds(self) -> float:
        """How long nothing can be due, if no event comes."""
        longest = min(LONGEST_SLEEP_SECONDS, self._stages.supervision.longest_silence_seconds)
        now = self._clock.steady()
        if now < self._try_again_at:
            return self._seconds_until(self._try_again_at, longest)
        retry = self._store.next_retry(now) if self._timetable.is_open() else None
        change = self._timetable.seconds_to_change()
        due = (self._admission.next_due(), retry, None if change is None else now + change)
        return min(self._seconds_until(at, longest) for at in due)

    def _seconds_until(self, at: float | None, longest: float) -> float:
        wait = longest if at is None else at - self._clock.steady()
        return min(max(wait, SHORTEST_SLEEP_SECONDS), longest)

    # --- telling ---------------------------------------------------------------------------------

    def _tell_start(self) -> None:
        settings = self._settings
        log.info(
            "service_started",
            incoming=str(settings.incoming_dir),
            sorted=str(settings.sorted_dir),
            results=str(settings.results_dir),
            mode=self._timetable.mode,
            model=self._stages.model,
        )

    def _note(self, *, at_once: bool = False) -> None:
        """Note how things are, for whoever asks; not too often, for a long queue takes counting."""
        self._stages.pulse.beat()
        now = time.monotonic()
        if now - self._noted_at < NOTE_SECONDS and not at_once:
            return
        self._noted_at = now
        waiting = self._store.waiting(self._clock.steady())
        run = self._drain.run
        self.progress = Progress(
            run.id if run else None,
            self._drain.processed,
            waiting.queued,
            self._admission.settling,
            now,
        )
        state = "stopping" if self._stopping.is_set() else "sorting" if run else "waiting"
        problems = self._trouble, self._stages.reloading.problem, *self._stages.housekeeper.problems
        troubles = tuple(filter(None, problems))
        self._stages.vigil.note(
            Moment(
                state,
                self.progress,
                waiting.retrying,
                self._last_run,
                self._week.figures(self._last_run),
                troubles,
                self._failing(),
                self._stages.housekeeper.backup_problem,
            )
        )

    def _failing(self) -> dict[str, Any] | None:
        if not self._troubles:
            return None
        return {
            "why": self._trouble,
            "failures": self._troubles,
            "is_model": self._is_models_fault,
        }

    def _answer_all(self, answer: Summary | Exception | None) -> None:
        """Tell everybody who asked for a run how it ended; None: the service stops."""
        while answer is None and self._orders:
            self._orders.popleft()[1].cancel()
        while self._asked:
            asked = self._asked.pop()
            if answer is None:
                asked.cancel()
            elif isinstance(answer, Exception):
                asked.set_exception(answer)
            else:
                asked.set_result(answer)

"""The service: loops, and has done what is due; stops.

One thread takes in, files and keeps the books; workers decode and classify, others write reports,
make backups and tell. Whoever wants something from another thread (a signal, the control socket)
leaves a note and wakes this one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress

import structlog

from config.errors import NightsortError, StoreDamaged, TransientError
from config.settings import Settings
from daemon.domain.orders import Answer, Given
from daemon.domain.runs import Progress
from daemon.domain.summaries import DrainSummary, is_run
from daemon.service.back_off import BackOff
from daemon.service.order_queue import Begin, OrderQueue, always
from daemon.service.orders import Orders
from daemon.service.run_driver import RunDriver
from daemon.service.share import Share
from daemon.service.status_notes import NOTE_SECONDS, StatusNotes
from daemon.service.upkeep import Upkeep

log = structlog.get_logger()

Watch = Callable[[Progress], None]

LONGEST_SLEEP_SECONDS = 5.0


class Service:
    """One instance at work."""

    def __init__(
        self,
        share: Share,
        runs: RunDriver,
        orders: Orders,
        upkeep: Upkeep,
        back_off: BackOff,
        status: StatusNotes,
        abandon: Callable[[], None],
    ) -> None:
        """abandon: ends the process where a share that hangs keeps `run` from ending."""
        self._share = share
        self._runs = runs
        self._orders = orders
        self._order_queue = OrderQueue()
        self._upkeep = upkeep
        self._back_off = back_off
        self._status = status
        self._is_recovered = False
        self.leave = abandon  # at once, whatever hangs; no photo is lost or blamed

    # --- from other threads and signals ----------------------------------------------------------

    def stop(self) -> None:
        """Ask the service to end after the micro-batch in hand."""
        self._runs.requests.stop()
        self._upkeep.end()
        self._status.stop_asked()
        self._share.wake()

    def reload(self) -> None:
        """Ask the service to read its settings again."""
        self._upkeep.ask_reload()
        self._share.wake()

    def ask(self) -> Future[DrainSummary]:
        """Ask for a run now; the answer is its summary."""
        answer = self._runs.requests.ask()
        self._share.wake()
        return answer

    def order(self, given: Given, begin: Begin = always) -> Future[Answer]:
        """Ask for something else, which is done between two micro-batches."""
        answer = self._order_queue.give(given, begin)
        self._share.wake()
        return answer

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._status.progress

    @property
    def settings(self) -> Settings:
        """Those that are in use; they change with a reload."""
        return self._upkeep.settings

    # --- the work --------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `stop`: the daemon.

        Raises ConfigError when the folders cannot be made or adopted at the first start,
        StoreDamaged when the database shows damage, which the next start mends.
        """
        self._share.adopt()
        log.info("service_started", **self._share.about, **self._runs.about())
        self._share.start()
        self._status.note(at_once=True)
        with self._status.kept(self.leave), self._upkeep.kept(is_service=True):
            self._status.begun()
            try:
                while self._runs.requests.may_go_on:
                    self._turn()
                    self._share.wait(self._sleep_seconds())
                self._status.ending()
                self._runs.leave_ahead()
                self._runs.close()
            except StoreDamaged:
                with suppress(NightsortError):
                    self._runs.leave_ahead()  # the next start may find that most of it is whole
                raise
            finally:
                self._share.stop()
                self._send_away()
                log.info("service_stopped")

    def run_once(self, watch: Watch = lambda _: None) -> DrainSummary:
        """Drain the queue now, with what lies in incoming: `nightsort now` without a daemon.

        Raises ConfigError as `run` does, TransientError when a folder or disk fails; nothing is
        lost then.
        """
        self._share.adopt()
        self._share.require()
        with self._status.kept(), self._upkeep.kept(is_service=False):
            try:
                self._recover()
                summary = self._serve_here(watch)
                # Whoever asked meanwhile, too late.
                while self._runs.requests.may_go_on and self._runs.requests.serve():
                    with suppress(TransientError):
                        self._serve_here(lambda _: None)
                self._wait_for(self._upkeep.catch_up())
                return summary
            finally:
                self._share.stop()  # else a look may be left half done
                self._send_away()

    def _serve_here(self, watch: Watch) -> DrainSummary:
        """A run that was asked for; where it fails, it is closed with what was done."""

        def between() -> None:
            self._between()
            watch(self.progress)

        try:
            summary = self._runs.serve(between)
        except TransientError as exc:
            self._fail(exc)
            self._recover()
            self._runs.close()
            raise
        told = self._tell(summary)
        watch(self.progress)
        self._runs.requests.answer(summary, told)
        self._wait_for(told)
        return summary

    def _wait_for(self, made: Future[None]) -> None:
        while not made.done():
            self._status.note()
            self._upkeep.check()
            wait([made], NOTE_SECONDS)

    def _turn(self) -> None:
        """One turn of the loop. A failing folder or disk makes the next one wait."""
        self._upkeep.reload_if_asked()
        self._runs.notice_clock()
        self._status.note()
        is_asked = self._runs.requests.serve()
        try:
            self._look_around()
            self._upkeep.check(self._runs.quiet_since())
            if is_asked:
                self._answer()
            elif not self._back_off.seconds_left():
                self._work()
            else:
                return
        except TransientError as exc:
            self._fail(exc)
            log.error("work_interrupted", why=str(exc), failures=self._back_off.failures)
        except StoreDamaged as exc:
            self._runs.requests.fail(exc)
            raise
        except Exception as exc:
            self._fail(exc)
            log.critical("defect_met", failures=self._back_off.failures, exc_info=True)
        else:
            self._back_off.succeeded()

    def _look_around(self) -> None:
        """Once all folders are back no try is waited for; and orders never wait for one."""
        if self._share.is_back():
            self._back_off.end_wait()
        self._order_queue.carry_out(self._orders.carry_out, self._share.require)

    def _work(self) -> None:
        """What is due without anybody asking."""
        if "incoming" not in self._share.absent:
            self._share.take_in()
            self._runs.take_requests()
        if self._share.absent:
            return
        self._recover()
        if (summary := self._runs.work(self._between)) is not None:
            self._tell(summary)
        self._orders.between_runs()
        self._upkeep.tidy(is_quiet=self._runs.drain.run is None)
        self._runs.look_ahead()

    def _answer(self) -> None:
        """Have a run for those who asked."""
        self._share.require()
        self._recover()
        summary = self._runs.serve(self._between)
        self._runs.requests.answer(summary, self._tell(summary))

    def _between(self) -> None:
        """Between micro-batches: the share goes on living."""
        self._look_around()
        self._share.require()
        self._share.take_in()
        self._upkeep.reload_if_asked()
        self._upkeep.give_way()
        self._status.note()

    def _recover(self) -> None:
        """After a start or a failure: finish what was under way, and go on with the run."""
        if self._is_recovered or not self._upkeep.reconcile(self._status.go_on):
            return  # asked to end: before it is done nothing may be concluded
        self._orders.recover()
        self._runs.drain.recover()
        self._orders.tell()
        self._is_recovered = True

    def _fail(self, error: Exception) -> None:
        """What failed is tried again later, and whoever was to be served hears of it."""
        self._is_recovered = False
        self._back_off.failed(error)
        self._runs.requests.fail(error)

    def _tell(self, summary: DrainSummary) -> Future[None]:
        """Have people told of a run that was closed; done when its report is there."""
        self._status.note(at_once=True)
        if is_run(summary) and self._runs.requests.may_go_on:
            return self._orders.tell()
        nothing_to_tell: Future[None] = Future()
        nothing_to_tell.set_result(None)
        return nothing_to_tell

    def _sleep_seconds(self) -> float:
        """How long nothing can be due, if no event comes."""
        longest = min(
            LONGEST_SLEEP_SECONDS,
            self._status.longest_silence_seconds,
            self._upkeep.longest_sleep_seconds,
        )
        if (left := self._back_off.seconds_left()) and not self._runs.requests.are_waiting:
            return min(left, longest)
        return self._runs.seconds_to_next(longest)

    def _send_away(self) -> None:
        """It ends: tell everybody who still waits for something."""
        self._runs.requests.end()
        self._order_queue.end()
        self._status.note(at_once=True)

"""Runs: those that the timetable wants, and those that people ask for. Drives the drain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from daemon.domain.clock import Clock
from daemon.domain.summaries import DrainSummary, RunSummary, is_run
from daemon.domain.timetable import Timetable
from daemon.reporting.forecast_log import ForecastLog
from daemon.service.run_now import RunNow
from daemon.service.run_requests import RunRequests
from daemon.service.share import Share
from daemon.sorting.drain import Drain
from daemon.sorting.look_ahead import LookAhead

Between = Callable[[], None]

# How long `now` waits for what is still settling, beyond the settle time.
PATIENCE_SECONDS = 60.0
SHORTEST_SLEEP_SECONDS = 0.02
_LOOK_UP_SECONDS = 0.5
_NEVER = "1970-01-01T00:00:00+00:00"


class RunDriver:
    """Says when the queue is drained and when a run is over; has it drained, and closes the run."""

    def __init__(
        self,
        clock: Clock,
        share: Share,
        drain: Drain,
        timetable: Timetable,
        forecast_log: ForecastLog,
        run_now: RunNow,
        ahead: LookAhead | None = None,
    ) -> None:
        """ahead: judges photos between runs; None: that is not wanted."""
        self._ahead = ahead
        self._clock = clock
        self._share = share
        self._timetable = timetable
        self._forecast_log = forecast_log
        self._run_now = run_now
        self.drain = drain
        self.requests = RunRequests()
        self.last_run: RunSummary | None = drain.newest_summary()

    # --- drain -----------------------------------------------------------------------------------

    def work(self, between: Between) -> DrainSummary | None:
        """Do what the timetable wants now; returns the summary of a run that it closed.

        between: called between micro-batches. Raises TransientError as `Drain.work` does.
        """

        def look_around() -> None:
            between()
            self.take_requests()

        if self._is_time():
            self._forecast_log.note_opening(self._queued, self._pace)
            self._finish_ahead(between)
            self.drain.work(self._is_time, look_around)
        closed = self.close() if self._is_over() else None
        self._forecast_log.check(self._queued, self._pace)
        return closed

    def serve(self, between: Between) -> DrainSummary:
        """Sort what lies on the share, and close the run.

        It serves whoever asked before it looked at the share for the last time: before it began,
        and once more when somebody asked while it sorted.
        """
        self._sort_all(between)
        if self.requests.may_go_on and self.requests.serve():
            self._sort_all(between)
        return self.close()

    def close(self) -> DrainSummary:
        """Close the run under way; returns its summary, or zeros when nothing was done."""
        summary = self.drain.close(
            settling=self._share.settling,
            ignored=self._share.ignored,
            left_alone=self._share.left_alone(0.0).as_json(),
        )
        if is_run(summary):
            self.last_run = summary
        return summary

    def ask_again(self) -> None:
        """The newest summary has changed in the store."""
        self.last_run = self.drain.newest_summary()

    def look_ahead(self) -> None:
        """Judge some of the photos that wait, while nothing else is to be done."""
        if self._ahead is not None and self._is_idle():
            self._ahead.turn()

    def leave_ahead(self) -> None:
        """The service ends: nothing is left in hand."""
        if self._ahead is not None:
            self._ahead.leave()

    @property
    def judged_ahead(self) -> int | None:
        """How many waiting photos were looked at; None: that is not wanted."""
        return None if self._ahead is None else self._ahead.count()

    def take_requests(self) -> None:
        """Take what was dropped into incoming to ask for a run."""
        self._run_now.check(self.requests.ask)

    def _sort_all(self, between: Between) -> None:
        """Look at the share afresh, wait for what is settling, drain."""
        self._finish_ahead(between)
        self._share.look_afresh()
        patience = self._share.settle_seconds + PATIENCE_SECONDS
        deadline: float | None = None
        while self.requests.may_go_on:
            between()
            self.drain.work(lambda: self.requests.may_go_on, between)
            if not self._share.is_looking:
                deadline = deadline or self._clock.steady() + patience
                if not self._share.is_settling() or self._clock.steady() >= deadline:
                    break
            self._share.wait(self._seconds_until(self._share.next_due(), _LOOK_UP_SECONDS))

    def _finish_ahead(self, between: Between) -> None:
        if self._ahead is not None:
            self._ahead.finish(between)

    # --- what to do when -------------------------------------------------------------------------

    def _is_time(self) -> bool:
        """Whether the queue may be drained without anybody asking."""
        is_wanted = self._timetable.is_open() and self.requests.may_go_on
        return is_wanted and not self.requests.are_waiting

    def _is_over(self) -> bool:
        """Whether the run under way is to be closed, though nobody asked."""
        run = self.drain.run
        if run is None or self.requests.are_waiting:
            return False
        expected = self._queued() + self._share.settling
        return self._timetable.is_run_over(run.started_at, self.drain.idle_seconds(), expected)

    def _is_idle(self) -> bool:
        """Whether nothing is to be done, and nothing keeps photos from being looked at."""
        is_asked = self.requests.are_open or not self.requests.may_go_on
        is_quiet = self.drain.run is None and not self._timetable.is_open()
        return is_quiet and not is_asked and not self._share.absent

    def quiet_since(self) -> datetime | None:
        """When the last run ended, if none is under way; None: somebody works."""
        if self.drain.run is not None or self.requests.are_open:
            return None
        return datetime.fromisoformat(self.last_run["finished"] if self.last_run else _NEVER)

    def seconds_to_next(self, longest: float) -> float:
        """How long nothing can be due, if no event comes; `longest` at most."""
        if self.requests.are_waiting:
            return 0.0
        now = self._clock.steady()
        retry = self.drain.next_retry() if self._timetable.is_open() else None
        change = self._timetable.seconds_to_change()
        ahead = self._ahead.next_due() if self._ahead and self._is_idle() else None
        due = (self._share.next_due(), retry, ahead, None if change is None else now + change)
        return min(self._seconds_until(at, longest) for at in due)

    def notice_clock(self) -> None:
        """Tell of a wall clock that was set."""
        self._timetable.notice_jump()

    def _queued(self) -> int:
        return self.drain.waiting().queued

    @property
    def _pace(self) -> float:
        """Photos a second in the last run; 0 while that is not known."""
        return float(self.last_run["images_per_second"]) if self.last_run else 0.0

    def _seconds_until(self, at: float | None, longest: float) -> float:
        wait = longest if at is None else at - self._clock.steady()
        return min(max(wait, SHORTEST_SLEEP_SECONDS), longest)

    # --- for the status --------------------------------------------------------------------------

    def about(self) -> dict[str, str]:
        """What a start tells of it."""
        return {"mode": self._timetable.mode, "model": self.drain.model}

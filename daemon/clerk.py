"""The clerk: does what people ask for beside sorting, and what is to be done after a run.

One order is one command with its words. The process that owns the state folder carries it out: the
daemon between two micro-batches, or the command itself where no daemon runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from config.errors import RefusedError, TransientError
from daemon.clock import Clock
from daemon.corrections import Corrector
from daemon.records import Order
from daemon.reporting.morning import MOST_IN_REVIEW
from daemon.reporting.periods import Period
from daemon.reporting.press import Press
from daemon.results import RunResults
from daemon.store import RUN_UNTOLD, Store
from daemon.tree import Tree

log = structlog.get_logger()

Answer = dict[str, Any]
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Desk:
    """The folders that people know."""

    incoming: Tree
    sorted: Tree
    results: Tree


@dataclass(frozen=True, slots=True)
class Look:
    """How photos are looked for that people dragged on the share."""

    back: int  # how many of the newest photos, after each run
    seconds: float  # between two looks at the photos in review; 0: none


class Clerk:
    """Keeps what people read about the photos."""

    def __init__(
        self,
        store: Store,
        corrector: Corrector,
        press: Press,
        clock: Clock,
        desk: Desk,
        look: Look,
    ) -> None:
        self._store = store
        self._corrector = corrector
        self._press = press
        self._clock = clock
        self._desk = desk
        self._look = look
        self._look_due = float("-inf")  # steady seconds
        self.orders: dict[str, Callable[[Order], Answer]] = {
            "correct": self._correct,
            "undo": self._undo,
            "rebuild": self._rebuild,
            "report": self._report,
            "period": self._period,
        }

    def carry_out(self, order: Order) -> Answer:
        """Do what was asked for; returns what there is to say about it, for JSON.

        Raises NightsortError when it cannot be done; TransientError among them: not now.
        """
        return self.orders[order.what](order)

    def recover(self) -> None:
        """After a start or a failure: finish, or take back, what was under way."""
        self._corrector.finish_interrupted()

    def catch_up(self, go_on: Callable[[], bool]) -> None:
        """If the newest run was not told of: see what people did on the share, and tell of it.

        go_on: asked now and then; False leaves the rest for the next call. Never raises for a
        folder that fails: the run is done and its results are complete.
        """
        run = self._store.fact(RUN_UNTOLD)
        summary = None if run is None else self._store.summary(run)
        if summary is None or not go_on():
            return
        try:
            self._corrector.notice_dragged(self._look.back)
            self._press.follow()
            if not self._press.tell(summary, go_on):
                return
        except TransientError as exc:
            log.warning("report_not_written", run=run, why=str(exc))
        self._store.remember(RUN_UNTOLD, None)

    def between_runs(self, go_on: Callable[[], bool]) -> None:
        """Now and then: see what people decided on the share, and have it told.

        Raises TransientError when the folder of the photos does not answer.
        """
        self._press.week()
        if not self._look.seconds or self._clock.steady() < self._look_due:
            return
        self._look_due = self._clock.steady() + self._look.seconds
        self._corrector.notice_decided(MOST_IN_REVIEW)
        if not self._press.follow():
            self._press.catch_up(go_on)

    # --- orders ----------------------------------------------------------------------------------

    def _correct(self, order: Order) -> Answer:
        what, category = order.words
        answer = self._corrector.correct(what, category, order.person)
        self._press.follow()
        return answer.as_json()

    def _undo(self, order: Order) -> Answer:
        (what,) = order.words
        what = self._newest_run() if what == LATEST else what
        answer = self._corrector.undo(what, order.person)
        self._press.follow()
        return answer.as_json()

    def _rebuild(self, order: Order) -> Answer:
        """Results files again from the store alone, byte for byte as they were."""
        newest = self._newest_run()
        (run,) = order.words
        run = newest if run == LATEST else run
        summary = self._finished(run)
        desk = self._desk
        desk.results.require()
        results = RunResults(desk.results.root, run, desk.incoming.root, desk.sorted.root)
        results.begin(self._store.rows(run))
        results.finish(summary)
        if run == newest:
            results.copy_as_latest()
        return {"run": run, "files": [str(results.csv_path), str(results.summary_path)]}

    def _report(self, order: Order) -> Answer:
        """All that people read of a run again, with what was corrected since."""
        (run,) = order.words
        summary = self._finished(self._newest_run() if run == LATEST else run)
        self._corrector.notice_dragged(self._look.back)
        self._press.follow()
        files = self._press.tell(summary)
        return {"run": summary["run"], "files": [str(file) for file in files]}

    def _period(self, order: Order) -> Answer:
        """A report of the days from the first to the last word."""
        period = Period(*map(date.fromisoformat, order.words))
        page = self._press.periodical.write(period)
        return {"period": period.name, "files": [str(self._desk.results.root / page)]}

    def _finished(self, run: str) -> dict[str, Any]:
        summary = self._store.summary(run)
        if summary is None:
            raise RefusedError(f"{run}: no such finished run; see: nightsort history")
        return summary

    def _newest_run(self) -> str:
        run = self._press.newest_run()
        if run is None:
            raise RefusedError("there is no finished run yet")
        return run

"""The drain: takes queued photos through workers and sorter, and keeps the run's results.

One `Drain` lives as long as the process. It opens a run when there is something to do, pumps
micro-batches through the workers while the one before is being filed, and closes the run with
its summary. It never decides when to drain; `service` does.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from config.errors import PhotoProblem, TransientError
from daemon.clock import Clock
from daemon.examine import Workers
from daemon.failures import retry_delay
from daemon.records import Examined, Photo, ResultRow, Returned, Run, Setback, Status, as_text
from daemon.results import RunResults, empty_summary, is_balanced, summarise
from daemon.sorting import Sorter
from daemon.store import Store
from daemon.tree import Tree

log = structlog.get_logger()

Found = list[Examined | Returned]
InHand = dict[Future[Found], list[Photo]]

# While the workers are busy, how long to wait for them before looking at the share again.
_LOOK_UP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class DrainPolicy:
    """How the queue is drained."""

    batch_size: int
    settle_seconds: float
    cut_off_seconds: float  # how long a photo cut off in the middle may wait for its rest
    results_dir: Path
    sorted_dir: Path
    model: str  # its title, for results


class Drain:
    """Drains the queue, run by run."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        sorter: Sorter,
        incoming: Tree,
        clock: Clock,
        policy: DrainPolicy,
    ) -> None:
        self._store = store
        self._workers = workers
        self._sorter = sorter
        self._incoming = incoming
        self._clock = clock
        self._policy = policy
        self._results: RunResults | None = None
        self.run: Run | None = None
        self.processed = 0  # photos with an outcome in this run
        self.last_outcome_at = clock.steady()

    def recover(self) -> None:
        """After a start or a failure: finish what was under way, return what was in hand.

        The run that was open goes on. Raises TransientError when a folder fails: call it again.
        """
        self.run = self._results = None
        suspects = self._store.return_claimed(self._clock.boot)
        self._sorter.finish_interrupted()
        for run in self._store.open_runs():
            if self.run is not None:
                self.close(settling=0)
            self._adopt(run)
        if suspects:
            self._open()
            assert self.run is not None
            self._keep(self._sorter.set_aside(self.run.id, suspects))

    def work(self, keep_going: Callable[[], bool], between: Callable[[], None]) -> bool:
        """Drain until nothing in the queue is due, or `keep_going` says no.

        between: called between micro-batches, to take in what arrives meanwhile.
        Returns whether there was anything to do. Raises TransientError when a folder or disk
        fails; photos in hand are queued again.
        """
        in_hand: InHand = {}
        began = self._clock.steady()
        busy = False
        try:
            while self._claim_into(in_hand, keep_going) or in_hand:
                busy = True
                done, _ = wait(in_hand, timeout=_LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._sort(future.result(), in_hand.pop(future))
                between()
        except TransientError:
            for batch in in_hand.values():
                self._store.release(batch)
            raise
        finally:
            # What is still in hand after a defect of ours stays claimed: `recover` tries it alone.
            wait(in_hand)
            if busy and self.run is not None:
                self._store.add_busy_seconds(self.run.id, self._clock.steady() - began)
        return busy

    def close(self, settling: int, ignored: int = 0) -> dict[str, Any]:
        """Close the run under way; returns its summary, or zeros when nothing was done.

        settling: files seen in incoming that are not settled yet; ignored: that are no photos.
        Raises TransientError when results_dir refuses; the run then stays open.
        """
        now = self._clock.now()
        if self.run is None:
            waiting = self._store.waiting(self._clock.steady()).queued
            return empty_summary(now, waiting, settling, self._policy.model)
        run = self.run.id
        tally = self._store.tally(run, self._clock.steady())
        summary = summarise(tally, now, settling, self._store.errors(run))
        if summary["total_processed"] == 0 and summary["gone"] == 0:
            self._store.drop_run(run)
            self.run = self._results = None
            return summary | {"run": None}
        self._write_results(run, summary)
        self._store.close_run(run, now, summary)
        self.run = self._results = None
        log.info("run_finished", **_headline(summary), ignored=ignored)
        if not is_balanced(summary):
            log.error("run_unbalanced", run=run, **_balance(summary))
        return summary

    def idle_seconds(self) -> float:
        """Seconds since the last photo had an outcome."""
        return self._clock.steady() - self.last_outcome_at

    # --- inside --------------------------------------------------------------------------------

    def _open(self) -> None:
        if self.run is None:
            at = self._clock.now()
            run_id = at.strftime("%Y%m%d_%H%M%S")
            self.run = self._store.open_run(run_id, at, self._clock.steady(), self._policy.model)
            self.processed = 0
            self.last_outcome_at = self._clock.steady()
            log.info("run_started", run=self.run.id, waiting=self.run.waiting_before)

    def _adopt(self, run: Run) -> None:
        self.run = run
        self._results = None
        self.processed = 0
        self.last_outcome_at = self._clock.steady()
        log.info("run_resumed", run=run.id)

    def _claim_into(self, in_hand: InHand, keep_going: Callable[[], bool]) -> bool:
        """Hand micro-batches to the workers, one more than there are workers; True if any."""
        claimed = False
        while len(in_hand) <= self._workers.count and keep_going():
            if any(photo.alone for batch in in_hand.values() for photo in batch):
                break
            batch = self._claim()
            if batch and batch[0].alone and in_hand:
                self._store.release(batch)
                break
            if not batch:
                break
            in_hand[self._workers.examine(batch)] = batch
            claimed = True
        return claimed

    def _claim(self) -> list[Photo]:
        steady = self._clock.steady()
        if self.run is None:
            if not self._store.is_anything_due(steady):
                return []
            self._open()
        assert self.run is not None
        return self._store.claim(self.run.id, self._policy.batch_size, steady, self._clock.boot)

    def _sort(self, found: Found, batch: list[Photo]) -> None:
        assert self.run is not None
        examined = [look for look in found if isinstance(look, Examined)]
        try:
            ready = [look for look in examined if not self._waits_for_its_rest(look)]
            self._keep(self._sorter.sort(self.run.id, ready))
        except TransientError:
            self._store.release(batch)
            raise
        for look in found:
            if isinstance(look, Returned):
                self._return(look.photo, look.why, look.text)

    def _keep(self, sorted_photos: tuple[list[ResultRow], list[Photo]]) -> None:
        """Add what was sorted to the run's results."""
        assert self.run is not None
        rows, changed = sorted_photos
        for photo in changed:
            self._return(photo, Setback.CHANGED)
        if not rows:
            return
        self.processed += len(rows)
        self.last_outcome_at = self._clock.steady()
        for row in rows:
            _tell(row)
        results, self._results = self._results, None  # after a failure: from the store again
        if results is None:
            results = self._results_of(self.run.id)
            results.begin(self._store.rows(self.run.id))
        else:
            results.append(rows)
        self._results = results

    def _waits_for_its_rest(self, examined: Examined) -> bool:
        """Give a photo back that is cut off in the middle, unless it waited long enough."""
        if examined.problem is not PhotoProblem.TRUNCATED:
            return False
        photo = examined.photo
        waited = self._store.cut_off_for(photo, self._clock.steady(), self._clock.boot)
        if waited >= self._policy.cut_off_seconds:
            return False
        left = self._policy.cut_off_seconds - waited
        self._store.give_back(
            [photo], self._clock.steady() + min(retry_delay(photo.attempts), left)
        )
        log.info("photo_cut_off", photo=photo.id, name=as_text(photo.path), waited_s=round(waited))
        return True

    def _return(self, photo: Photo, why: Setback, text: str = "") -> None:
        assert self.run is not None
        steady = self._clock.steady()
        seen = self._incoming.fingerprint(photo.path) if why is Setback.CHANGED else None
        if why is Setback.FAILED:
            self._store.give_back([photo], steady + retry_delay(photo.attempts))
            log.warning("photo_not_readable_now", photo=photo.id, why=text)
        elif seen is not None:
            self._store.resettle(photo, seen, steady + self._policy.settle_seconds)
            log.info("photo_changed", photo=photo.id, name=as_text(photo.path))
        else:
            self._store.gone([photo], self.run.id, self._clock.now())
            log.info("photo_gone", photo=photo.id, name=as_text(photo.path))

    def _write_results(self, run: str, summary: dict[str, Any]) -> None:
        results = self._results or self._results_of(run)
        results.begin(self._store.rows(run))
        results.finish(summary)
        try:
            results.copy_as_latest()
        except TransientError as exc:
            log.warning("latest_not_replaced", run=run, why=str(exc))

    def _results_of(self, run: str) -> RunResults:
        return RunResults(
            self._policy.results_dir, run, self._incoming.root, self._policy.sorted_dir
        )


def _tell(row: ResultRow) -> None:
    """One line in the log for one photo."""
    name = as_text(row.source)
    match row.status:
        case Status.SUCCESS | Status.REVIEW:
            log.info(
                "photo_filed",
                name=name,
                category=row.category,
                confidence=round(row.confidence or 0.0, 4),
                band=row.band,
                why=row.reason_text or None,
                run=row.run,
            )
        case Status.DUPLICATE:
            log.info("photo_duplicate", name=name, run=row.run)
        case Status.ERROR:
            log.warning(
                "photo_quarantined", name=name, reason=row.reason, why=row.reason_text, run=row.run
            )


def _headline(summary: dict[str, Any]) -> dict[str, Any]:
    keys = ("run", "total_processed", "successful", "review", "duplicates", "failed", "deferred",
            "processing_time_seconds")  # fmt: skip
    return {key: summary[key] for key in keys}


def _balance(summary: dict[str, Any]) -> dict[str, Any]:
    keys = ("waiting_before", "arrived", "total_processed", "gone", "waiting_after")
    return {key: summary[key] for key in keys}

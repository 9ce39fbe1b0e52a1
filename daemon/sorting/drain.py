"""The drain: takes queued photos through workers and sorter, and keeps the run's results.

One `Drain` lives as long as the process. It opens a run when there is something to do, pumps
micro-batches through the workers while the one before is being filed, and closes the run with
its summary. It never decides when to drain; `service` does.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import datetime

import structlog

from config.errors import SelfTestFailed, TransientError
from config.value import UNSAID, ValueSettings
from daemon.domain.clock import Clock
from daemon.domain.failures import retry_delay
from daemon.domain.left_alone import LeftAloneDocument
from daemon.domain.photos import Photo
from daemon.domain.runs import Run
from daemon.domain.sorting import Examined, JudgedAhead, Returned
from daemon.domain.status import UndecidedStatus
from daemon.domain.summaries import DrainSummary, RunSummary, ValueDocument, missing
from daemon.domain.value import of_run
from daemon.reporting.run_files import empty_summary, summarise
from daemon.reporting.value import measured_until
from daemon.sorting.back_to_queue import BackToQueue
from daemon.sorting.moves import OVER
from daemon.sorting.open_results import OpenResults
from daemon.sorting.sorter import Sorted, Sorter
from daemon.sorting.workers import Workers
from daemon.store import Ahead, Store, Waiting
from daemon.store.facts import LEFT_ALONE

log = structlog.get_logger()

Found = list[Examined | Returned]
InHand = dict[Future[Found], list[Photo]]

# While the workers are busy, how long to wait for them before looking at the share again.
_LOOK_UP_SECONDS = 0.5
# A micro-batch becomes smaller when its files are large (six of 12 megapixels are one), so that
# a stop never waits for long, and towards the end of the queue, so that no worker ends far behind.
_BATCH_BYTES = 16_000_000
_SMALLEST_BATCH = 8
_BATCHES_LEFT = 3  # for each worker, while the queue allows it


@dataclass(frozen=True, slots=True)
class DrainPolicy:
    """How much at once, and what is assumed where a run's summary says what it saved."""

    batch_size: int
    value: ValueSettings = UNSAID


class Drain:
    """Drains the queue, run by run."""

    def __init__(
        self,
        store: Store,
        workers: Workers,
        sorter: Sorter,
        results: OpenResults,
        back: BackToQueue,
        clock: Clock,
        policy: DrainPolicy,
    ) -> None:
        self._store = store
        self._workers = workers
        self._sorter = sorter
        self._results = results
        self._back = back
        self._clock = clock
        self._policy = policy
        self.run: Run | None = None
        self.processed = 0  # photos with an outcome in this run
        self.last_outcome_at = clock.steady()
        self._is_fresh = True  # nothing recovered yet: the process before may have crashed

    def recover(self) -> None:
        """After a start or a failure: finish what was under way, return what was in hand.

        The run that was open goes on. Raises TransientError when a folder fails: call it again.
        """
        suspects = self._store.queue.return_claimed(self._clock.boot if self._is_fresh else None)
        self._is_fresh = False
        self._adopt(None)
        for intention, how in self._sorter.recovered():
            run_id = self._run_of(intention.run) if how in OVER else intention.run
            self._sorter.conclude(run_id, intention, how)
        self._adopt(None)
        for run in self._store.runs.unclosed():
            self._close_before(run)
            self._adopt(run)
        if suspects:
            self._set_aside(suspects)

    def work(self, keep_going: Callable[[], bool], between: Callable[[], None]) -> bool:
        """Drain until nothing in the queue is due, or `keep_going` says no.

        between: called between micro-batches, to take in what arrives meanwhile.
        Returns whether there was anything to do. Raises TransientError when a folder or disk
        fails; photos in hand are queued again, and `recover` must come before more work.
        """
        in_hand: InHand = {}
        began = self._clock.steady()
        busy = False
        try:
            while self._claim_into(in_hand, keep_going) or in_hand:
                busy = True
                done, _ = wait(in_hand, timeout=_LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
                for future in [future for future in in_hand if future in done]:
                    self._sort(future, in_hand.pop(future))
                began = self._count_busy(began)
                between()
        except Exception:
            for batch in in_hand.values():
                self._store.queue.release(batch)
            raise
        finally:
            wait(in_hand)
            if busy:
                self._count_busy(began)
        return busy

    def _count_busy(self, began: float) -> float:
        """Add the time since `began` to the run, also for whoever goes on after a kill; now."""
        now = self._clock.steady()
        if self.run is not None:
            self._store.runs.add_busy_seconds(self.run.id, now - began)
        return now

    def close(
        self, settling: int, ignored: int = 0, left_alone: LeftAloneDocument | None = None
    ) -> DrainSummary:
        """Close the run under way; returns its summary, or zeros when nothing was done.

        settling: files seen in incoming that are not settled yet; ignored: that are no photos.
        left_alone: what lies in incoming and is not sorted, to be told with the run.
        Raises TransientError when results_dir refuses; the run then stays open.
        """
        summary = self._close(settling, ignored)
        if left_alone is not None:
            told = {"run": summary["run"], **left_alone}
            self._store.facts.remember(LEFT_ALONE, told)
        return summary

    def waiting(self) -> Waiting:
        """How many photos wait."""
        return self._store.queue.waiting(self._clock.steady())

    def undecided(self) -> UndecidedStatus:
        """What waits for a person's decision, of all runs."""
        return self._store.history.undecided()

    def next_retry(self) -> float | None:
        """When the next photo that was given back is due, in steady seconds."""
        return self._store.queue.next_retry(self._clock.steady())

    def newest_summary(self) -> RunSummary | None:
        """Of the run that was closed last."""
        return self._store.runs.newest()

    @property
    def model(self) -> str:
        """The one that judges now."""
        return self._workers.slot.model.title

    def idle_seconds(self) -> float:
        """Seconds since the last photo had an outcome."""
        return self._clock.steady() - self.last_outcome_at

    # --- inside --------------------------------------------------------------------------------

    def _close(self, settling: int, ignored: int) -> DrainSummary:
        now = self._clock.now()
        if self.run is None:
            nothing = empty_summary(now, self.waiting().queued, settling, self.model)
            return {**nothing, "value": self._value_of(nothing, now)}
        run = self.run.id
        tally = self._store.runs.tally(run)
        summary = summarise(tally, now, settling, self._store.runs.errors(run))
        summary["value"] = self._value_of(summary, now)
        if summary["total_processed"] == 0 and summary["gone"] == 0:
            self._store.runs.drop(run)
            self._results.discard(run)
            self._leave()
            return {**summary, "run": None}
        self._results.finish(run, summary)
        self._store.runs.close(run, now, summary)
        self._leave()
        log.info("run_finished", **_some(summary, _HEADLINE), ignored=ignored)
        if missing(summary):
            log.error("run_unbalanced", run=run, **_some(summary, _BALANCE))
        return summary

    def _value_of(self, summary: DrainSummary, now: datetime) -> ValueDocument:
        assumed = self._policy.value
        return of_run(summary, assumed, measured_until(self._store, assumed, now.date())).as_json()

    def _open(self) -> None:
        if self.run is None:
            at = self._clock.now()
            run_id = at.strftime("%Y%m%d_%H%M%S")
            self.run = self._store.runs.open(run_id, at, self.model)
            self.processed = 0
            self.last_outcome_at = self._clock.steady()
            log.info("run_started", run=self.run.id, waiting=self.run.waiting_before)

    def _run_of(self, planned_in: str) -> str:
        """The run in which to record what was planned in another, which may be closed by now."""
        open_runs = [run.id for run in self._store.runs.unclosed()]
        if planned_in in open_runs:
            return planned_in
        if open_runs:
            return open_runs[-1]
        self._open()
        assert self.run is not None
        return self.run.id

    def _leave(self) -> None:
        self.run = None
        self._results.leave()

    def _adopt(self, run: Run | None) -> None:
        self._leave()
        self.run = run
        self.processed = 0
        self.last_outcome_at = self._clock.steady()
        if run is not None:
            log.info("run_resumed", run=run.id)

    def _close_before(self, run: Run) -> None:
        """Only one run goes on, the newest."""
        if self.run is not None and self.run.id != run.id:
            self.close(settling=0)

    def _set_aside(self, suspects: list[Photo]) -> None:
        self._open()
        assert self.run is not None
        self._results.begin(self.run.id)
        self._keep(self._sorter.set_aside(self.run.id, suspects))

    def _claim_into(self, in_hand: InHand, keep_going: Callable[[], bool]) -> bool:
        """Hand micro-batches to the workers, one more than there are workers; True if any."""
        claimed = False
        while len(in_hand) <= self._workers.count and keep_going():
            if any(photo.alone for batch in in_hand.values() for photo in batch):
                break
            batch = self._claim(hands_free=not in_hand)
            if not batch:
                break
            assert self.run is not None
            mark, most = self._workers.mark(), self._sorter.most_together()
            known = known_of(batch, self.run.id, self._store.ahead, mark, self._clock, most)
            if len(known) == len(batch):
                self._store.queue.clear(batch)  # they are not opened: a crash blames none of them
            in_hand[self._workers.examine(batch, known)] = batch
            claimed = True
        return claimed

    def _claim(self, *, hands_free: bool) -> list[Photo]:
        steady = self._clock.steady()
        if self.run is None:
            if not self._store.queue.is_anything_due(steady):
                return []
            self._check_model()
            self._open()
        assert self.run is not None
        if suspects := self._store.queue.suspects(self.run.id, self._clock.boot):
            self._set_aside(suspects)
        return self._store.queue.claim(
            self.run.id,
            micro_batch_size(
                self._store.queue.waiting(steady).queued,
                self._workers.count,
                self._policy.batch_size,
            ),
            steady,
            self._clock.boot,
            max_bytes=_BATCH_BYTES,
            hands_free=hands_free,
        )

    def _check_model(self) -> None:
        """A model that went wrong must not sort a night's photos, nor what it judged ahead."""
        try:
            self._workers.slot.self_test()
        except SelfTestFailed:
            self._store.ahead.forget()
            raise

    def _sort(self, future: Future[Found], batch: list[Photo]) -> None:
        """File what was examined, give back what cannot be filed now."""
        try:
            self._file(future.result())
        except TransientError:
            self._store.queue.release(batch)
            raise
        except Exception:
            # A defect of ours is no photo's fault, but whose it shows with is to be found: what
            # was in hand is tried one by one, and the one it shows with does not hold up the rest.
            delay = retry_delay(batch[0].attempts) if len(batch) == 1 else 0.0
            self._store.queue.set_apart(batch, self._clock.steady() + delay, at=self._clock.now())
            raise

    def _file(self, found: Found) -> None:
        assert self.run is not None
        examined = [look for look in found if isinstance(look, Examined)]
        ready = [look for look in examined if not self._back.waits_for_its_rest(look, self.run.id)]
        if ready:
            self._results.begin(self.run.id)
            self._keep(self._sorter.sort(self.run.id, ready))
        for look in found:
            if isinstance(look, Returned):
                self._back.give(look, self.run.id)

    def _keep(self, done: Sorted) -> None:
        """Add what was sorted to the run's results."""
        assert self.run is not None
        rows, returned = done
        for look in returned:
            self._back.give(look, self.run.id)
        if not rows:
            return
        self.processed += len(rows)
        self.last_outcome_at = self._clock.steady()
        self._results.append(rows[0].run, rows)


def known_of(
    batch: list[Photo], run: str, ahead: Ahead, mark: str, clock: Clock, most: tuple[int, float]
) -> dict[int, JudgedAhead]:
    """What was judged ahead of a micro-batch; where that is all of it, it takes in more.

    That goes through no model: only flushes and commits, of each micro-batch, count. most: photos
    and bytes together.
    """
    known = ahead.of(batch, mark)
    room = most[0] - len(batch)
    left = most[1] - sum(photo.fingerprint.size_bytes for photo in batch)
    if len(known) == len(batch) and not batch[0].alone and room > 0 and left > 0:
        more = ahead.claim_judged(run, mark, room, left, clock.steady(), clock.boot)
        known |= ahead.of(more, mark)
        batch += more
    return known


def micro_batch_size(left: int, workers: int, most: int) -> int:
    """How many photos the next micro-batch may have.

    left: photos in queue and in hands; most: the setting.
    """
    return min(most, max(_SMALLEST_BATCH, left // (_BATCHES_LEFT * workers)))


_HEADLINE = frozenset({"run", "total_processed", "successful", "review", "duplicates", "failed",
                       "deferred", "processing_time_seconds"})  # fmt: skip
_BALANCE = frozenset({"waiting_before", "arrived", "total_processed", "gone", "waiting_after"})


def _some(summary: RunSummary, keys: Container[str]) -> dict[str, object]:
    return {key: value for key, value in summary.items() if key in keys}

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

from config.errors import PhotoProblem, SelfTestFailed, TransientError
from daemon.clock import Clock
from daemon.examine import Workers
from daemon.failures import retry_delay
from daemon.records import Examined, Fingerprint, Photo, Returned, Run, Setback, as_text
from daemon.results import RunResults, empty_summary, is_balanced, summarise
from daemon.sorting import Sorted, Sorter
from daemon.store import Store
from daemon.tree import Tree

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
    """How the queue is drained."""

    batch_size: int
    settle_seconds: float
    cut_off_seconds: float  # how long a photo cut off in the middle may wait for its rest
    results: Tree
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
        self._is_fresh = True  # nothing recovered yet: the process before may have crashed

    def recover(self) -> None:
        """After a start or a failure: finish what was under way, return what was in hand.

        The run that was open goes on. Raises TransientError when a folder fails: call it again.
        """
        suspects = self._store.return_claimed(self._clock.boot if self._is_fresh else None)
        self._is_fresh = False
        self._adopt(None)
        self._sorter.finish_interrupted(self._run_of)
        self._adopt(None)
        for run in self._store.open_runs():
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
                self._store.release(batch)
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
            self._store.add_busy_seconds(self.run.id, now - began)
        return now

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
            self._results_of(run).discard()
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

    def _run_of(self, planned_in: str) -> str:
        """The run in which to record what was planned in another, which may be closed by now."""
        open_runs = [run.id for run in self._store.open_runs()]
        if planned_in in open_runs:
            return planned_in
        if open_runs:
            return open_runs[-1]
        self._open()
        assert self.run is not None
        return self.run.id

    def _adopt(self, run: Run | None) -> None:
        self.run = run
        self._results = None
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
        self._begin_results()
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
            in_hand[self._workers.examine(batch)] = batch
            claimed = True
        return claimed

    def _claim(self, *, hands_free: bool) -> list[Photo]:
        steady = self._clock.steady()
        if self.run is None:
            if not self._store.is_anything_due(steady):
                return []
            self._try_out_model()
            self._open()
        assert self.run is not None
        return self._store.claim(
            self.run.id,
            micro_batch_size(
                self._store.waiting(steady).queued, self._workers.count, self._policy.batch_size
            ),
            steady,
            self._clock.boot,
            max_bytes=_BATCH_BYTES,
            hands_free=hands_free,
        )

    def _try_out_model(self) -> None:
        """Before a run is begun: a model that went wrong must not sort a night's photos."""
        try:
            self._workers.self_test()
        except SelfTestFailed as exc:
            log.critical("self_test_failed", why=str(exc))
            raise

    def _sort(self, future: Future[Found], batch: list[Photo]) -> None:
        """File what was examined, give back what cannot be filed now."""
        try:
            self._file(future.result())
        except TransientError:
            self._store.release(batch)
            raise
        except Exception:
            # A defect of ours is no photo's fault, but whose it shows with is to be found: what
            # was in hand is tried one by one, and the one it shows with does not hold up the rest.
            delay = retry_delay(batch[0].attempts) if len(batch) == 1 else 0.0
            self._store.set_apart(batch, self._clock.steady() + delay)
            raise

    def _file(self, found: Found) -> None:
        assert self.run is not None
        examined = [look for look in found if isinstance(look, Examined)]
        ready = [look for look in examined if not self._waits_for_its_rest(look)]
        if ready:
            self._begin_results()
            self._keep(self._sorter.sort(self.run.id, ready))
        for look in found:
            if isinstance(look, Returned):
                self._return(look)

    def _begin_results(self) -> None:
        """Make sure that results can be written, before the first photo moves."""
        assert self.run is not None
        self._policy.results.require()
        if self._results is None:
            results = self._results_of(self.run.id)
            results.begin(self._store.rows(self.run.id))
            self._results = results

    def _keep(self, done: Sorted) -> None:
        """Add what was sorted to the run's results."""
        rows, returned = done
        for look in returned:
            self._return(look)
        if not rows:
            return
        self.processed += len(rows)
        self.last_outcome_at = self._clock.steady()
        if self._results is None or not self._results.append(rows):
            self._results = None  # a person changed or removed the file: once more from the store
            self._begin_results()

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
        log.info("photo_cut_off", **self._about(photo), waited_s=round(waited))
        return True

    def _return(self, look: Returned) -> None:
        assert self.run is not None
        photo, why, text = look.photo, look.why, look.text
        steady = self._clock.steady()
        seen: Fingerprint | None = None
        if why is Setback.CHANGED:
            try:
                seen = self._incoming.fingerprint(photo.path)
            except OSError as exc:
                why, text = Setback.FAILED, exc.strerror or str(exc)
        if why is Setback.FAILED:
            self._store.give_back([photo], steady + retry_delay(photo.attempts))
            log.warning("photo_not_readable_now", **self._about(photo), why=text)
        elif seen is not None:
            self._store.resettle(photo, seen, steady + self._policy.settle_seconds)
            log.info("photo_changed", **self._about(photo))
        else:
            self._store.gone([photo], self.run.id, self._clock.now())
            log.info("photo_gone", **self._about(photo))

    def _about(self, photo: Photo) -> dict[str, Any]:
        """By what the log knows a photo of this run."""
        run = self.run.id if self.run else None
        return {"run": run, "photo": photo.id, "name": as_text(photo.path)}

    def _write_results(self, run: str, summary: dict[str, Any]) -> None:
        self._policy.results.require()
        results = self._results
        # Between a photo's record and its row something may have failed, which was told then.
        if results is None or not results.is_whole(summary["total_processed"]):
            results = self._results_of(run)
            results.begin(self._store.rows(run))
        results.finish(summary)
        try:
            results.copy_as_latest()
        except TransientError as exc:
            log.warning("latest_not_replaced", run=run, why=str(exc))

    def _results_of(self, run: str) -> RunResults:
        return RunResults(
            self._policy.results.root, run, self._incoming.root, self._policy.sorted_dir
        )


def micro_batch_size(left: int, workers: int, most: int) -> int:
    """How many photos the next micro-batch may have.

    left: photos in queue and in hands; most: the setting.
    """
    return min(most, max(_SMALLEST_BATCH, left // (_BATCHES_LEFT * workers)))


def _headline(summary: dict[str, Any]) -> dict[str, Any]:
    keys = ("run", "total_processed", "successful", "review", "duplicates", "failed", "deferred",
            "processing_time_seconds")  # fmt: skip
    return {key: summary[key] for key in keys}


def _balance(summary: dict[str, Any]) -> dict[str, Any]:
    keys = ("waiting_before", "arrived", "total_processed", "gone", "waiting_after")
    return {key: summary[key] for key in keys}

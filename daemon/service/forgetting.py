"""Forgetting as an order: one thing after the other, in the threads that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from config.errors import NightsortError, StoreDamaged
from daemon.domain.forgetting import Job, Receipt, Redaction
from daemon.domain.orders import Forget, Speaker
from daemon.folders.writing import replace_small
from daemon.health.status_file import STATUS
from daemon.maintenance.forgetting import Forgetter
from daemon.reporting.report_thread import ReportThread

log = structlog.get_logger()

_LOOK_SECONDS = 60.0


class ForgetOrders:
    """Has photos forgotten, and finishes what was begun."""

    def __init__(
        self,
        forgetter: Forgetter,
        reports: ReportThread,
        state_dir: Path,
        summaries_changed: Callable[[], None],
    ) -> None:
        """summaries_changed: called when what was known of closed runs is to be asked again."""
        self._forgetter = forgetter
        self.reports = reports
        self._state_dir = state_dir
        self._summaries_changed = summaries_changed
        self._concluding: list[Future[Receipt]] = []
        self._look_at = float("-inf")  # steady seconds

    def carry_out(self, order: Forget, by: Speaker) -> Future[Receipt]:
        """Forget; the receipt comes when nothing of it is left.

        Raises NightsortError where it cannot be done, or not all of it now.
        """
        job = self._forgetter.begin(order.what, order.photos, by.person)
        return self._go_on(job, is_new=True)

    def resume(self) -> None:
        """Finish what a crash, or a folder that failed, left half done, or what came since.

        What cannot be finished keeps nothing else from being done: `check` tries it again.
        """
        self._concluding = [one for one in self._concluding if not one.done()]
        if self._concluding:
            return
        with _put_off():
            self._forgetter.begin_what_came()
        for job in self._forgetter.under_way():
            log.info("forgetting_resumed", count=len(job.photos), person=job.by)
            with _put_off():
                self._go_on(self._forgetter.renewed(job), is_new=False).add_done_callback(_tell)

    def check(self, steady: float) -> None:
        """As `resume`, now and then."""
        if steady >= self._look_at:
            self._look_at = steady + _LOOK_SECONDS
            self.resume()

    def _go_on(self, job: Job, *, is_new: bool) -> Future[Receipt]:
        removed = self._forgetter.remove_files(job, is_new=is_new)
        self._forgetter.erase(job)
        self._summaries_changed()
        self._clear_status(job)
        done = self.reports.make(lambda updater: self._forgetter.conclude(updater, job, removed))
        self._concluding.append(done)
        return done

    def _clear_status(self, job: Job) -> None:
        """What the file says until it is written again, which nobody may do."""
        path = self._state_dir / STATUS
        with suppress(OSError, ValueError):
            said = json.loads(path.read_text(encoding="utf-8"))
            if (less := Redaction(job.names).of(said)) != said:
                replace_small(path, json.dumps(less), 0o640)


@contextmanager
def _put_off() -> Iterator[None]:
    """What cannot be done now is told; it is tried again."""
    try:
        yield
    except StoreDamaged:
        raise
    except NightsortError as exc:
        _interrupted(exc)


def _tell(done: Future[Receipt]) -> None:
    if not done.cancelled() and isinstance(error := done.exception(), NightsortError):
        _interrupted(error)


def _interrupted(error: NightsortError) -> None:
    log.warning("forgetting_interrupted", why=str(error))

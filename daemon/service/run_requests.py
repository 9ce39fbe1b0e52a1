"""Requests for a run: who waits for one, and which of them the run under way serves.

A run serves whoever asked before it looked at the share for the last time: what lay there when they
asked is in it, whether or not an event told of it. Whoever asks later gets a run of their own.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future

from daemon.domain.summaries import DrainSummary


class RunRequests:
    """Takes requests from any thread; what becomes of them, the service's own thread says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_over = False
        self._is_stopped = threading.Event()
        self._waiting: list[Future[DrainSummary]] = []
        self._served: list[Future[DrainSummary]] = []

    def ask(self) -> Future[DrainSummary]:
        """Ask for a run; the answer is its summary."""
        answer: Future[DrainSummary] = Future()
        with self._lock:
            if self._is_over:
                answer.cancel()
            else:
                self._waiting.append(answer)
        return answer

    def stop(self) -> None:
        """The service is asked to end: no run is begun, and the one under way is cut short."""
        self._is_stopped.set()

    @property
    def may_go_on(self) -> bool:
        """Whether runs are made."""
        return not self._is_stopped.is_set()

    @property
    def are_open(self) -> bool:
        """Whether somebody asked who has no answer on the way yet."""
        return bool(self._waiting or self._served)

    @property
    def are_waiting(self) -> bool:
        """Whether somebody asked whom no run serves yet."""
        return bool(self._waiting)

    def serve(self) -> bool:
        """Let the run serve all who have asked so far, before it looks; whether anybody had."""
        with self._lock:
            asked, self._waiting = self._waiting, []
        self._served += asked
        return bool(asked)

    def answer(self, summary: DrainSummary, told: Future[None]) -> None:
        """Tell those that the run served how it ended, once its report is there.

        told: done, in any thread and in whatever way, when there is nothing more to wait for.
        """
        served, self._served = self._served, []

        def tell(_: Future[None]) -> None:
            for asked in served:
                asked.set_result(summary)

        told.add_done_callback(tell)

    def fail(self, error: Exception) -> None:
        """Tell those that the run was to serve why it could not."""
        while self._served:
            self._served.pop().set_exception(error)

    def end(self) -> None:
        """The service ends: whoever was not answered hears of that, also who asks from now on."""
        with self._lock:
            self._is_over = True
        self.serve()
        while self._served:
            self._served.pop().cancel()

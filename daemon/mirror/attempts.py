"""Attempts: what copies to another system is begun again for ever, and its failures told once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from config.errors import NightsortError
from daemon.domain.status_words import NO_PROBLEM, Problem, problem, problem_of

log = structlog.get_logger()

# One begins within half a minute of the one before, however long that took.
EVERY_SECONDS = 28.0
_FIRST_WAIT_SECONDS = 1.0
_JOIN_SECONDS = 2.0
# Of one outage: what is said differently each time would fill the log.
_MOST_LOGGED = 5


def pause_seconds(wait_seconds: float, took_seconds: float) -> float:
    """How long to rest after an attempt that failed.

    wait_seconds: longer with each; took_seconds: where a server says nothing, at several addresses
    one after the other, the attempt is most of the time.
    """
    return min(wait_seconds, max(_FIRST_WAIT_SECONDS, EVERY_SECONDS - took_seconds))


class Attempts:
    """Serves one other system in a thread of its own."""

    def __init__(self, to: str, station: str | None) -> None:
        """to: which system, for the log."""
        self._about = {"to": to, "station": station}
        self._wait_seconds = _FIRST_WAIT_SECONDS
        self._logged: set[str] = set()  # in this outage
        self._ending = threading.Event()
        self.failure = NO_PROBLEM  # why the last attempt ended; empty while one does well

    @contextmanager
    def kept(self, serve: Callable[[], None], failed: Callable[[Problem], None]) -> Iterator[None]:
        """Serve until the end of the `with` block; what is under way then is not waited for.

        serve: returns once it is to end, and raises what keeps it from its work.
        failed: called with why.
        """
        name = f"mirror to {self._about['to']}"
        thread = threading.Thread(target=self._keep, args=(serve, failed), name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join(_JOIN_SECONDS)

    @property
    def is_over(self) -> bool:
        """Whether it is to end."""
        return self._ending.is_set()

    def rest(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        self._ending.wait(seconds)

    def resumed(self) -> None:
        """It does well, again perhaps."""
        self._wait_seconds = _FIRST_WAIT_SECONDS
        if self.failure:
            log.info("mirror_resumed", **self._about)
        self.failure = NO_PROBLEM
        self._logged.clear()

    def _keep(self, serve: Callable[[], None], failed: Callable[[Problem], None]) -> None:
        while not self.is_over:
            began = time.monotonic()
            try:
                serve()
            except NightsortError as exc:
                self._failed(problem_of(exc), failed)
            except BaseException as exc:  # a panic in Rust is no Exception
                why = problem("unexpected", kind=type(exc).__name__)
                if why != self.failure:
                    log.critical("defect_met", exc_info=True)
                self._failed(why, failed)
            self.rest(pause_seconds(self._wait_seconds, time.monotonic() - began))
            self._wait_seconds = min(2 * self._wait_seconds, EVERY_SECONDS)

    def _failed(self, why: Problem, failed: Callable[[Problem], None]) -> None:
        if self.is_over:
            return
        if why not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(why)
            log.warning("mirror_interrupted", to=self._about["to"], why=why)
        self.failure = why
        failed(why)

"""The office: alerting in a thread of its own, so that nothing that hangs keeps it from telling.

Neither a share nor a mail server that does not answer, nor a sorting that stands still. Takes the
status from whoever keeps it, and has a connection of its own to the store.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import structlog

from config.errors import NightsortError, RefusedError
from config.settings import Settings
from daemon.alerting.alert import Outcome
from daemon.alerting.assessor import Document
from daemon.alerting.crier import Crier
from daemon.alerting.outbox import Target
from daemon.alerting.postmen import Postmen
from daemon.clock import Clock
from daemon.store import Delivery, Store

log = structlog.get_logger()

TURN_SECONDS = 1.0
# How long the process waits at its end for what is on its way; a service is to end quickly, and
# tries again at its next start.
SERVICE_PATIENCE_SECONDS = 2.0
LAST_PATIENCE_SECONDS = 8.0
# Whoever holds the database for longer is told of.
_STORE_PATIENCE_SECONDS = 2.0
_OPEN_AGAIN_SECONDS = 5.0

TargetsOf = Callable[[Settings], Sequence[Target]]


class Office:
    """Alerting of one process."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        targets_of: TargetsOf,
        *,
        is_service: bool,
    ) -> None:
        """is_service: else the process ends with its run, and nobody tries again for a while."""
        self._settings = settings
        self._clock = clock
        self._targets_of = targets_of
        self._is_service = is_service
        self._document: Document | None = None
        self._is_reloaded = True
        self._is_over = threading.Event()
        self._is_served = False
        self._ended_by: Exception | None = None
        # What comes back from the postmen; None: wake up.
        self._post: SimpleQueue[tuple[Delivery, Outcome] | None] = SimpleQueue()
        self._postmen = Postmen(lambda delivery, outcome: self._post.put((delivery, outcome)))
        self._failure = ""
        self.figures: dict[str, Any] = {"targets": len(settings.alerts.targets)}

    def tell(self, document: Document) -> None:
        """Take the newest status; from any thread."""
        self._document = document

    def take(self, settings: Settings) -> None:
        """From now on these settings hold; from any thread."""
        self._settings = settings
        self._is_reloaded = True
        self._post.put(None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Tell what there is to tell until the end of the `with` block, and of an error in it."""
        thread = threading.Thread(target=self._work, name="alerting", daemon=True)
        thread.start()
        try:
            yield
        except Exception as exc:
            self._ended_by = exc
            raise
        finally:
            self._is_over.set()
            self._post.put(None)
            thread.join(self._patience_seconds + _STORE_PATIENCE_SECONDS)

    # --- the thread ------------------------------------------------------------------------------

    @property
    def _patience_seconds(self) -> float:
        is_stopped = self._is_service and self._ended_by is None
        return SERVICE_PATIENCE_SECONDS if is_stopped else LAST_PATIENCE_SECONDS

    def _work(self) -> None:
        while True:
            self._survive(self._open_and_serve)
            if self._is_served or self._is_over.wait(_OPEN_AGAIN_SECONDS):
                return

    def _open_and_serve(self) -> None:
        with closing(self._open()) as store:
            self._serve(self._crier(store))
        self._is_served = True

    def _open(self) -> Store:
        return Store(self._settings.state_dir, patience_seconds=_STORE_PATIENCE_SECONDS)

    def _crier(self, store: Store) -> Crier:
        return Crier(store, self._clock, self._settings, self._postmen, is_service=self._is_service)

    def _serve(self, crier: Crier) -> None:
        while not self._is_over.is_set():
            self._survive(lambda: self._turn(crier))
            self._collect(crier, TURN_SECONDS)
        deadline = time.monotonic() + self._patience_seconds
        self._postmen.hurry(self._patience_seconds)
        self._survive(lambda: self._last_turn(crier))
        while not self._postmen.are_idle and time.monotonic() < deadline:
            self._collect(crier, deadline - time.monotonic())

    def _turn(self, crier: Crier) -> None:
        if self._is_reloaded:
            self._is_reloaded = False
            crier.take(self._settings, self._targets_of(self._settings))
        crier.turn(self._document)
        self.figures = crier.figures()

    def _last_turn(self, crier: Crier) -> None:
        try:
            self._turn(crier)
        finally:
            if self._ended_by is not None and is_to_be_told(self._ended_by):
                crier.end_with(self._ended_by)

    def _collect(self, crier: Crier, seconds: float) -> None:
        """Record what came back, waiting that long for the first."""
        try:
            back = self._post.get(timeout=max(0.0, seconds))
            while True:
                if back is not None:
                    self._survive(partial(crier.note, *back))
                back = self._post.get_nowait()
        except Empty:
            return

    def _survive(self, step: Callable[[], None]) -> None:
        """Take a step; what fails is told once, and the next turn comes."""
        try:
            step()
        except Exception as exc:
            if repr(exc) == self._failure:
                return
            self._failure = repr(exc)
            if isinstance(exc, NightsortError):
                log.error("alerting_interrupted", why=str(exc))
            else:
                log.critical("defect_met", exc_info=True)
        else:
            self._failure = ""


def is_to_be_told(error: Exception) -> bool:
    """Whether an error that ends the process is trouble; a refusal was the right thing to do."""
    return not isinstance(error, RefusedError)

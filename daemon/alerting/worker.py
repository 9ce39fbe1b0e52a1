"""The alerting worker: a thread of its own, so that nothing that hangs keeps it from telling.

Neither a share nor a mail server that does not answer, nor a sorting that stands still. Takes the
status from whoever keeps it, and has a connection of its own to the store.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue

import structlog

from config.errors import ModelError, NightsortError, RefusedError
from config.settings import Settings
from daemon.alerting.evaluate import Evaluator, Situation
from daemon.alerting.outbox import Addressee, Outbox
from daemon.alerting.senders import Senders
from daemon.domain.alerts import Sent
from daemon.domain.clock import Clock
from daemon.domain.status import AlertingStatus, LiveStatus
from daemon.domain.survivor import Survivor
from daemon.store import Delivery, Store
from daemon.store.alerts import FOLLOWER
from daemon.store.facts import ENDED_BY

log = structlog.get_logger()

TURN_SECONDS = 1.0
# How long the process waits at its end for what is on its way; a service is to end quickly, and
# tries again at its next start.
SERVICE_PATIENCE_SECONDS = 2.0
LAST_PATIENCE_SECONDS = 8.0
# Whoever holds the database for longer is told of.
_STORE_PATIENCE_SECONDS = 2.0
_OPEN_AGAIN_SECONDS = 5.0
# What was resolved so long ago is forgotten.
_HISTORY = timedelta(days=400)
_TIDY_SECONDS = 86400.0

TargetsOf = Callable[[Settings], Sequence[Addressee]]


class AlertingWorker:
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
        self._document: LiveStatus | None = None
        self._is_reloaded = True
        self._is_over = threading.Event()
        self._ended_by: Exception | None = None
        # What comes back from the senders; None: wake up.
        self._post: SimpleQueue[tuple[Delivery, Sent] | None] = SimpleQueue()
        self._senders = Senders(lambda delivery, outcome: self._post.put((delivery, outcome)))
        self._survivor = Survivor(lambda why: log.error("alerting_interrupted", why=why))
        self.figures: AlertingStatus = {"targets": len(settings.alerts.targets)}

    def tell(self, document: LiveStatus) -> None:
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
        while not self._survivor.take(self._open_and_serve):
            if self._is_over.wait(_OPEN_AGAIN_SECONDS):
                return

    def _open_and_serve(self) -> None:
        with closing(self._open()) as store:
            self._serve(self._session(store))

    def _open(self) -> Store:
        return Store(self._settings.state_dir, patience_seconds=_STORE_PATIENCE_SECONDS)

    def _session(self, store: Store) -> AlertingSession:
        return AlertingSession(store, self._clock, self._senders, is_service=self._is_service)

    def _serve(self, session: AlertingSession) -> None:
        while not self._is_over.is_set():
            self._survivor.take(lambda: self._turn(session))
            self._collect(session, TURN_SECONDS)
        deadline = time.monotonic() + self._patience_seconds
        self._senders.hurry(self._patience_seconds)
        self._survivor.take(lambda: self._last_turn(session))
        while not self._senders.are_idle and time.monotonic() < deadline:
            self._collect(session, deadline - time.monotonic())

    def _turn(self, session: AlertingSession) -> None:
        if self._is_reloaded:
            self._is_reloaded = False
            session.use(self._targets_of(self._settings))
        session.turn(self._settings, self._document)
        self.figures = session.figures()

    def _last_turn(self, session: AlertingSession) -> None:
        try:
            self._turn(session)
        finally:
            if self._ended_by is not None and is_to_be_told(self._ended_by):
                session.end_with(self._ended_by)

    def _collect(self, session: AlertingSession, seconds: float) -> None:
        """Record what came back, waiting that long for the first."""
        try:
            back = self._post.get(timeout=max(0.0, seconds))
            while True:
                if back is not None:
                    self._survivor.take(partial(session.note, *back))
                back = self._post.get_nowait()
        except Empty:
            return


class AlertingSession:
    """An open store, in the thread that opened it: sees what is to be told, and that it is."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        senders: Senders,
        *,
        is_service: bool,
    ) -> None:
        """is_service: else the process ends with its run."""
        self._store = store
        self._clock = clock
        self._is_service = is_service
        self._outbox = Outbox(store)
        self._evaluator = Evaluator(store, clock, is_service=is_service)
        self._senders = senders
        self._targets: Sequence[Addressee] = ()
        self._tidy_at = clock.steady()
        self._outbox.begin(clock.now())
        if is_service:
            self._outbox.put((), facts={ENDED_BY: None})

    def use(self, targets: Sequence[Addressee]) -> None:
        """From now on these are told."""
        self._targets = targets
        self._outbox.take_targets(targets, self._clock.now())
        self._senders.take(targets)

    def turn(self, settings: Settings, document: LiveStatus | None) -> None:
        """Look, decide, and send what is due. document: how things are, None when unknown.

        Raises TransientError while the store's disk refuses; what waits is sent all the same.
        """
        try:
            self._assess(settings, document)
            self._tidy()
        finally:
            self._senders.give(self._outbox.due(self._targets, self._clock.now()))

    def end_with(self, error: Exception) -> None:
        """Tell of an error that ends the process."""
        alerts = self._evaluator.ended_by(error, self._outbox.incidents())
        # What a person must mend before it starts again; the outside check does not tell it twice.
        is_final = self._is_service and isinstance(error, ModelError)
        self._outbox.put(alerts, facts={ENDED_BY: "model_failed"} if is_final else None)
        self._senders.give(self._outbox.due(self._targets, self._clock.now()))

    def note(self, delivery: Delivery, outcome: Sent) -> None:
        """Record how an attempt ended."""
        self._outbox.note(delivery, outcome, self._clock.now())
        self._senders.arrived(delivery)

    def figures(self) -> AlertingStatus:
        """How the telling goes, for the status."""
        counts = self._store.deliveries.count()
        incidents = self._outbox.incidents()
        return {
            "targets": len(self._targets),
            "open": sorted({rule for rule, _ in incidents}),
            "unreachable": sorted(
                subject for rule, subject in incidents if rule == "target_undeliverable"
            ),
            "undelivered": counts["waiting"],
            "delivered": counts["delivered"],
            "given_up": counts["dead"],
        }

    def _assess(self, settings: Settings, document: LiveStatus | None) -> None:
        names = tuple(target.name for target in self._targets)
        at = Situation(settings, document, self._outbox.incidents(), names)
        try:
            made = self._evaluator.evaluate(at)
        except NightsortError as exc:
            self._outbox.put(self._evaluator.without_store(at, exc))
            raise
        self._outbox.put(made.alerts, told_to=made.told_to, facts=made.facts)

    def _tidy(self) -> None:
        if self._clock.steady() >= self._tidy_at:
            self._tidy_at = self._clock.steady() + _TIDY_SECONDS
            self._store.alerts.forget(self._clock.now() - _HISTORY)
            newest = self._store.changes.newest()
            if not self._store.alerts.runs_to_tell():
                self._store.changes.move(FOLLOWER, newest)  # so that what we pass over can go


def is_to_be_told(error: Exception) -> bool:
    """Whether an error that ends the process is trouble; a refusal was the right thing to do."""
    return not isinstance(error, RefusedError)

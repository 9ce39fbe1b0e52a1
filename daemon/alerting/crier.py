"""The crier: one turn of alerting, from how things are to alerts on their way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from config.errors import ModelError, NightsortError
from config.settings import Settings
from daemon.alerting.alert import Outcome
from daemon.alerting.assessor import Assessor, Document
from daemon.alerting.outbox import Outbox, Target
from daemon.alerting.postmen import Postmen
from daemon.clock import Clock
from daemon.store import Delivery, Store

# The fact that names the rule by which the service told why it ended, while it is down.
ENDED_BY = "ended_by"
# What was resolved so long ago is forgotten.
_HISTORY = timedelta(days=400)
_TIDY_SECONDS = 86400.0


class Crier:
    """Sees what is to be told, and to it that it is told. For one thread, that of its store."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        postmen: Postmen,
        *,
        is_service: bool,
    ) -> None:
        """is_service: else the process ends with its run."""
        self._store = store
        self._clock = clock
        self._is_service = is_service
        self._outbox = Outbox(store)
        self._assessor = Assessor(store, clock, settings, is_service=is_service)
        self._postmen = postmen
        self._targets: Sequence[Target] = ()
        self._tidy_at = clock.steady()
        self._outbox.begin(clock.now())
        if is_service:
            self._outbox.put((), facts={ENDED_BY: None})

    def take(self, settings: Settings, targets: Sequence[Target]) -> None:
        """From now on these settings hold."""
        self._assessor.take(settings)
        self._targets = targets
        self._outbox.take_targets(targets, self._clock.now())
        self._postmen.take(targets)

    def turn(self, document: Document | None) -> None:
        """Look, decide, and send what is due. document: how things are, None when unknown.

        Raises TransientError while the store's disk refuses; what waits is sent all the same.
        """
        try:
            self._assess(document)
            self._tidy()
        finally:
            self._postmen.give(self._outbox.due(self._targets, self._clock.now()))

    def end_with(self, error: Exception) -> None:
        """Tell of an error that ends the process."""
        alerts = self._assessor.ended_by(error, self._outbox.incidents())
        # What a person must mend before it starts again; the lookout tells no second time of it.
        is_final = self._is_service and isinstance(error, ModelError)
        self._outbox.put(alerts, facts={ENDED_BY: "model_failed"} if is_final else None)
        self._postmen.give(self._outbox.due(self._targets, self._clock.now()))

    def note(self, delivery: Delivery, outcome: Outcome) -> None:
        """Record how an attempt ended."""
        self._outbox.note(delivery, outcome, self._clock.now())
        self._postmen.arrived(delivery)

    def figures(self) -> dict[str, Any]:
        """How the telling goes, for the status."""
        counts = self._store.count_deliveries()
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

    def _assess(self, document: Document | None) -> None:
        names = [target.name for target in self._targets]
        incidents = self._outbox.incidents()
        try:
            made = self._assessor.assess(document, incidents, names)
        except NightsortError as exc:
            self._outbox.put(self._assessor.without_store(document, incidents, exc))
            raise
        self._outbox.put(made.alerts, judged=made.judged, facts=made.facts)

    def _tidy(self) -> None:
        if self._clock.steady() >= self._tidy_at:
            self._tidy_at = self._clock.steady() + _TIDY_SECONDS
            self._store.forget_incidents(self._clock.now() - _HISTORY)

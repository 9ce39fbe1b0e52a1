"""The outbox: alerts on their way, in the store; in memory while the store's disk refuses.

A full disk is what people must be told of, so it must not keep them from being told: what cannot
be recorded is delivered all the same, and recorded later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from config.errors import NightsortError
from daemon.alerting.conditions import Name, after
from daemon.domain.alerts import Alert, Incident, Sent
from daemon.domain.failures import wait_after
from daemon.store import Delivery, Store

log = structlog.get_logger()

GIVE_UP = timedelta(days=1)


class Addressee(Protocol):
    """Somebody who can be told."""

    @property
    def name(self) -> str:
        """Stable, and without any secret."""

    @property
    def severities(self) -> Collection[str]:
        """What it wants to hear."""

    def deliver(self, alert: Alert, deadline_seconds: float) -> Sent:
        """Tell it, and wait that long at most. Never raises."""


def addressees(alert: Alert, targets: Iterable[Addressee]) -> list[str]:
    """Who gets an alert: those who want its severity; of a target's failure, all others."""
    if alert.rule == "target_undeliverable":
        return [target.name for target in targets if target.name != alert.facts["target"]]
    return [target.name for target in targets if alert.severity in target.severities]


@dataclass(frozen=True, slots=True)
class _Note:
    """How the last attempt ended, until the store knows."""

    attempts: int
    at: datetime
    outcome: Sent
    next_at: datetime | None  # None: it has arrived, or is given up

    def is_due(self, now: datetime) -> bool:
        return self.next_at is not None and self.next_at <= now


class Outbox:
    """What waits to be delivered. For one thread, that of its store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Name, Incident] = {}  # as they were when the store could be read last
        # What the store does not know yet.
        self._unsaved: dict[str, Alert] = {}  # by key
        self._told_to = 0
        self._facts: dict[str, Any] = {}
        self._notes: dict[tuple[str, str], _Note] = {}  # by key and target
        self._refusal = ""

    def incidents(self) -> dict[Name, Incident]:
        """What was raised and is not resolved."""
        with self._surviving():
            self._known = {
                (one.rule, one.subject): one for one in self._store.alerts.open_incidents()
            }
        incidents = self._known
        for alert in self._unsaved.values():
            incidents = after(incidents, alert)
        return incidents

    def put(
        self,
        alerts: Iterable[Alert],
        *,
        told_to: int = 0,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Take alerts, the runs they tell of, and facts to remember; durably, if the disk lets us.

        What could not be recorded before is, with them.
        """
        self._unsaved |= {alert.key: alert for alert in alerts}
        self._told_to = max(self._told_to, told_to)
        self._facts |= facts or {}
        if not (self._unsaved or self._told_to or self._facts):
            return
        with self._surviving():
            kept = self._store.alerts.keep(
                self._unsaved.values(), told_to=self._told_to, facts=self._facts
            )
            for alert in kept:
                _log_kept(alert)
            self._unsaved, self._told_to, self._facts, self._refusal = {}, 0, {}, ""

    def keeps(self, alerts: Sequence[Alert]) -> bool:
        """Take alerts; False, and they are not taken, where they cannot be recorded."""
        self.put(alerts)
        refused = {alert.key for alert in alerts} & self._unsaved.keys()
        for key in refused:
            del self._unsaved[key]
        return not refused

    def begin(self, now: datetime) -> None:
        """At a start: what waits is tried at once."""
        with self._surviving():
            self._store.deliveries.try_all_now(now)

    def take_targets(self, targets: Sequence[Addressee], now: datetime) -> None:
        """From now on only these can be told: what waits for others is given up."""
        with self._surviving():
            buried = self._store.deliveries.bury_others([target.name for target in targets], now)
            if buried:
                log.warning("alerts_given_up", why="their targets are no more", alerts=buried)

    def due(self, targets: Sequence[Addressee], now: datetime) -> list[Delivery]:
        """What is to be delivered now, oldest first."""
        due: list[Delivery] = []
        with self._surviving():
            for alert_id, alert in self._store.deliveries.unaddressed():
                self._address(alert_id, alert, targets, now)
            self._write_notes()
            due = self._store.deliveries.due(now)
        for alert in self._unsaved.values():
            due += [Delivery(alert, target) for target in addressees(alert, targets)]
        known = {target.name for target in targets}
        return [
            self._as_noted(one) for one in due if one.target in known and self._is_due(one, now)
        ]

    def note(self, delivery: Delivery, outcome: Sent, now: datetime) -> None:
        """Record how an attempt ended."""
        attempts = delivery.attempts + (0 if outcome.is_delivered else 1)
        wait = (
            None if outcome.is_delivered else wait_after(attempts, now - delivery.alert.at, GIVE_UP)
        )
        next_at = None if wait is None else now + wait
        log_attempt(delivery, outcome, wait)
        self._notes[delivery.alert.key, delivery.target] = _Note(attempts, now, outcome, next_at)
        with self._surviving():
            self._write_notes()

    # --- inside ----------------------------------------------------------------------------------

    def _address(
        self, alert_id: int, alert: Alert, targets: Sequence[Addressee], now: datetime
    ) -> None:
        names = addressees(alert, targets)
        self._store.deliveries.address(alert_id, names, now)
        if targets and not names:
            log.warning("alert_unheard", rule=alert.rule, severity=alert.severity, key=alert.key)

    def _write_notes(self) -> None:
        for (key, target), note in [*self._notes.items()]:
            is_known = self._store.deliveries.note_attempt(
                key, target, note.at, note.outcome, note.next_at
            )
            if is_known or key not in self._unsaved:
                del self._notes[key, target]

    def _is_due(self, delivery: Delivery, now: datetime) -> bool:
        note = self._notes.get((delivery.alert.key, delivery.target))
        return note is None or note.is_due(now)

    def _as_noted(self, delivery: Delivery) -> Delivery:
        note = self._notes.get((delivery.alert.key, delivery.target))
        return delivery if note is None else replace(delivery, attempts=note.attempts)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Go on in memory when the store's disk refuses; told once, until it takes things again."""
        try:
            yield
        except NightsortError as exc:
            if str(exc) != self._refusal:
                self._refusal = str(exc)
                log.error("outbox_refused", why=str(exc))


def _log_kept(alert: Alert) -> None:
    about = {"rule": alert.rule, "severity": alert.severity, "key": alert.key}
    if alert.phase == "repeated":
        log.info("alert_repeated", **about, day=alert.day)
    elif alert.phase == "resolved":
        log.info("alert_resolved", **about)
    else:
        log.info("alert_raised", **about)


def log_attempt(delivery: Delivery, outcome: Sent, wait: timedelta | None) -> None:
    """Log how an attempt ended; wait: until the next, None: there is none."""
    alert = delivery.alert
    about = {"rule": alert.rule, "key": alert.key, "target": delivery.target}
    if outcome.is_delivered:
        # With an error: some of its addressees were refused for good.
        tell = log.warning if outcome.error else log.info
        tell("alert_delivered", **about, why=outcome.error or None)
    elif wait is None:
        log.error("alert_given_up", **about, why=outcome.error, attempts=delivery.attempts + 1)
    else:
        again = round(wait.total_seconds())
        log.warning("alert_not_delivered", **about, why=outcome.error, next_try_s=again)

"""The notebook: an outbox in a small file, for who tells while the store cannot be used.

Only the lookout keeps one: it must tell once and not every hour also when the database is locked,
damaged, or on a full disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from daemon.alerting.alert import Alert, Incident, Outcome
from daemon.alerting.conditions import Name, after
from daemon.alerting.outbox import Target, addressees, log_attempt, wait_after
from daemon.store import Delivery

log = structlog.get_logger()

NOTEBOOK = "lookout.json"


class Notebook:
    """What was raised, and what waits to be delivered, of one lookout."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NOTEBOOK
        saved = self._read()
        self._incidents: dict[Name, Incident] = {}
        for facts in saved.get("incidents", ()):
            one = Incident(
                **facts
                | {key: datetime.fromisoformat(facts[key]) for key in ("raised_at", "told_at")}
            )
            self._incidents[one.rule, one.subject] = one
        self._waiting = [
            Delivery(_alert_of(one["alert"]), one["target"], one["attempts"])
            for one in saved.get("waiting", ())
        ]
        self._unaddressed: list[Alert] = []

    def incidents(self) -> dict[Name, Incident]:
        """What was raised and is not resolved."""
        return self._incidents

    def put(self, alerts: Iterable[Alert]) -> None:
        """Take alerts."""
        for alert in alerts:
            self._incidents = after(self._incidents, alert)
            self._unaddressed.append(alert)

    def due(self, targets: Sequence[Target], _now: datetime) -> list[Delivery]:
        """What is to be tried now: everything, as the next look is an hour away."""
        for alert in self._unaddressed:
            self._waiting += [Delivery(alert, target) for target in addressees(alert, targets)]
        self._unaddressed = []
        self._write()
        known = {target.name for target in targets}
        return [delivery for delivery in self._waiting if delivery.target in known]

    def note(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Record how an attempt ended."""
        tried = replace(delivery, attempts=delivery.attempts + 1)
        wait = None if outcome.is_delivered else wait_after(tried.attempts, now - tried.alert.at)
        log_attempt(delivery, outcome, wait)
        self._waiting.remove(delivery)
        if wait is not None:
            self._waiting.append(tried)
        self._write()

    def _read(self) -> dict[str, Any]:
        try:
            saved = json.loads(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return {}
        return saved if isinstance(saved, dict) else {}

    def _write(self) -> None:
        """Nothing is told less because it cannot be noted: it is told again then."""
        document = {
            "incidents": [_fields_of(one) for one in self._incidents.values()],
            "waiting": [
                {"alert": _fields_of(one.alert), "target": one.target, "attempts": one.attempts}
                for one in self._waiting
            ],
        }
        partial = self._path.with_suffix(".part")
        with suppress(OSError):
            partial.write_text(json.dumps(document, default=_text), encoding="ascii")
            partial.chmod(0o640)
            partial.replace(self._path)


def _fields_of(record: Alert | Incident) -> dict[str, Any]:
    """Its fields as they are; `asdict` would copy time zones, which it cannot."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _text(value: datetime | Path) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _alert_of(facts: dict[str, Any]) -> Alert:
    at, attachments = datetime.fromisoformat(facts["at"]), tuple(map(Path, facts["attachments"]))
    return Alert(**facts | {"at": at, "attachments": attachments})

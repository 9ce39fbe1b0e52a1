"""An outbox in a small file, for who tells while the store cannot be used.

Only the outside check keeps one: it must tell once and not every hour also when the database is
locked, damaged, or on a full disk. Others may look into it, to show what people were told.
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

from daemon.alerting.conditions import Name, after
from daemon.alerting.outbox import GIVE_UP, Addressee, addressees, log_attempt
from daemon.domain.alerts import Alert, Incident, Sent
from daemon.domain.failures import wait_after
from daemon.folders.writing import replace_small
from daemon.store import Delivery

log = structlog.get_logger()

FILE = "lookout.json"
# Where the units of the outside check have it: their RuntimeDirectory.
RUNTIME = Path("/run/nightsort-lookout")


def noted_of(state_dir: Path, runtime: Path = RUNTIME) -> list[Incident]:
    """What outside checks have told of an instance, and holds, that may be in no store."""
    boxes = [FileOutbox(folder, state_dir) for folder in (runtime, state_dir)]
    return [one for box in boxes for one in box.incidents().values()]


class FileOutbox:
    """What was raised, and what waits to be delivered, of one outside check."""

    def __init__(self, folder: Path, state_dir: Path) -> None:
        """folder: where it lies; state_dir: tells the instance that it is about."""
        self._path = folder / FILE
        self._about = str(state_dir)
        self._incidents: dict[Name, Incident] = {}
        self._waiting: list[Delivery] = []
        self._unaddressed: list[Alert] = []
        # One that is damaged, or of another version, is begun anew: what lasts is told again.
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            self._read()

    def incidents(self) -> dict[Name, Incident]:
        """What was raised and is not resolved."""
        return self._incidents

    def put(self, alerts: Iterable[Alert]) -> None:
        """Take alerts."""
        for alert in alerts:
            self._incidents = after(self._incidents, alert)
            self._unaddressed.append(alert)

    def due(self, targets: Sequence[Addressee], _now: datetime) -> list[Delivery]:
        """What is to be tried now: everything, as the next look is an hour away."""
        for alert in self._unaddressed:
            self._waiting += [Delivery(alert, target) for target in addressees(alert, targets)]
        self._unaddressed = []
        self._write()
        known = {target.name for target in targets}
        return [delivery for delivery in self._waiting if delivery.target in known]

    def note(self, delivery: Delivery, outcome: Sent, now: datetime) -> None:
        """Record how an attempt ended."""
        tried = replace(delivery, attempts=delivery.attempts + 1)
        wait = (
            None
            if outcome.is_delivered
            else wait_after(tried.attempts, now - tried.alert.at, GIVE_UP)
        )
        log_attempt(delivery, outcome, wait)
        self._waiting.remove(delivery)
        if wait is not None:
            self._waiting.append(tried)
        self._write()

    def _read(self) -> None:
        saved = json.loads(self._path.read_text(encoding="ascii"))
        if saved["about"] != self._about:
            return
        incidents = [_incident_of(facts) for facts in saved["incidents"]]
        self._waiting = [
            Delivery(_alert_of(one["alert"]), one["target"], one["attempts"])
            for one in saved["waiting"]
        ]
        self._incidents = {(one.rule, one.subject): one for one in incidents}

    def _write(self) -> None:
        """Nothing is told less because it cannot be noted: it is told again then."""
        document = {
            "about": self._about,
            "incidents": [_fields_of(one) for one in self._incidents.values()],
            "waiting": [
                {"alert": _fields_of(one.alert), "target": one.target, "attempts": one.attempts}
                for one in self._waiting
            ],
        }
        with suppress(OSError):
            replace_small(self._path, json.dumps(document, default=_text), 0o640)


def _fields_of(record: Alert | Incident) -> dict[str, Any]:
    """Its fields as they are; `asdict` would copy time zones, which it cannot."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _text(value: datetime | Path) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _incident_of(facts: dict[str, Any]) -> Incident:
    moments = {key: datetime.fromisoformat(facts[key]) for key in ("raised_at", "told_at")}
    return Incident(**facts | moments)


def _alert_of(facts: dict[str, Any]) -> Alert:
    at, attachments = datetime.fromisoformat(facts["at"]), tuple(map(Path, facts["attachments"]))
    return Alert(**facts | {"at": at, "attachments": attachments})

"""Alerts: what is wrong or new, what people are to be told of it, and the history of both."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.domain.alerts import (
    Alert,
    AlertDocument,
    DeliveryDocument,
    Incident,
    IncidentDocument,
    subject_of,
)
from daemon.domain.summaries import RunSummary
from daemon.store.changes import move_cursor, note_incident
from daemon.store.database import Part
from daemon.store.facts import set_fact
from daemon.store.rows import utc

_SINCE_VERSION = 2
FOLLOWER = "alerting"  # of the change feed


_INCIDENT = "rule, subject, raised_at, day, told_at, facts, acknowledged_at IS NOT NULL"


class Alerts(Part):
    """Incidents, and the alerts about them."""

    def open_incidents(self) -> list[Incident]:
        """What was raised and is not resolved."""
        rows = self._db.execute(f"SELECT {_INCIDENT} FROM incidents WHERE resolved_at IS NULL")
        return [_incident_of(row) for row in rows]

    def incidents_since(
        self, begin: datetime, rules: Iterable[str]
    ) -> list[tuple[Incident, datetime | None]]:
        """What held of these rules then or later, and when it was over; None: it still holds."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return []
        named = json.dumps([*rules])
        rows = self._db.execute(
            f"SELECT {_INCIDENT}, resolved_at FROM incidents WHERE rule IN"
            " (SELECT value FROM json_each(?)) AND coalesce(resolved_at, ?) >= ? ORDER BY id",
            (named, utc(begin), utc(begin)),
        )
        return [
            (_incident_of(row), datetime.fromisoformat(over) if over else None)
            for *row, over in rows
        ]

    def keep(
        self,
        alerts: Iterable[Alert],
        *,
        told_to: int = 0,
        facts: Mapping[str, Any] | None = None,
    ) -> list[Alert]:
        """Record alerts and what they mean for their incidents; returns those that were news.

        told_to: the change up to which they tell what there is to tell; facts: to be remembered
        with them. An alert whose key is known, that raises what is raised, or resolves what is not,
        changes nothing.
        """
        with self._db.transaction():
            kept = [alert for alert in alerts if self._keep_alert(alert)]
            if told_to:
                move_cursor(self._db, FOLLOWER, told_to)
            for key, value in (facts or {}).items():
                set_fact(self._db, key, value)
        return kept

    def runs_to_tell(self) -> list[tuple[int, RunSummary]]:
        """Summaries of closed runs of which nobody was told yet, oldest first, by their change."""
        rows = self._db.execute(
            "SELECT seq, summary FROM changes JOIN runs ON kind = 'run' AND runs.id = changes.id"
            " WHERE seq > (SELECT seq FROM cursors WHERE name = ?) AND is_judged = 0 ORDER BY seq",
            (FOLLOWER,),
        )
        return [(seq, json.loads(summary)) for seq, summary in rows]

    def acknowledge(self, incident: int, person: str, at: datetime) -> str | None:
        """Note that somebody knows of an incident; who did first, None if there is none of it."""
        with self._db.transaction():
            known = self._db.execute(
                "UPDATE incidents SET acknowledged_at = coalesce(acknowledged_at, ?),"
                " acknowledged_by = coalesce(acknowledged_by, ?) WHERE id = ?"
                " RETURNING acknowledged_by",
                (utc(at), person, incident),
            ).fetchone()
            note_incident(self._db, incident)
        return None if known is None else str(known[0])

    def history(self, limit: int) -> list[IncidentDocument]:
        """The newest incidents, newest first, each with its alerts and where they went."""
        if self._db.require_known_version() < _SINCE_VERSION:
            return []  # of an older nightsort, which could not tell anybody
        rows = self._db.execute(
            "SELECT id, rule, severity, raised_at, day, facts, resolved_at, acknowledged_at,"
            " acknowledged_by FROM incidents ORDER BY id DESC LIMIT ?",
            (limit,),
        ).fetchall()
        return [
            {
                "id": row[0],
                "rule": row[1],
                "severity": row[2],
                "raised": row[3],
                "day": row[4],
                "resolved": row[6],
                "acknowledged": row[7],
                "acknowledged_by": row[8],
                "facts": json.loads(row[5]),
                "alerts": self._alerts_of(row[0]),
            }
            for row in rows
        ]

    def forget(self, before: datetime) -> int:
        """Drop incidents that were resolved before that time; returns how many."""
        old = "SELECT id FROM incidents WHERE resolved_at < ?"
        with self._db.transaction():
            theirs = f"SELECT id FROM alerts WHERE incident IN ({old})"
            for table, condition in (
                ("deliveries", f"alert IN ({theirs})"),
                ("alerts", f"incident IN ({old})"),
            ):
                self._db.execute(f"DELETE FROM {table} WHERE {condition}", (utc(before),))
            dropped = self._db.execute(f"DELETE FROM incidents WHERE id IN ({old})", (utc(before),))
        return dropped.rowcount

    def _keep_alert(self, alert: Alert) -> bool:
        known = self._db.execute("SELECT 1 FROM alerts WHERE key = ?", (alert.key,)).fetchone()
        incident = None if known else self._incident_for(alert)
        if incident is None:
            return False
        self._db.execute(
            "INSERT INTO alerts (key, incident, phase, day, at, facts, attachments)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                alert.key,
                incident,
                alert.phase,
                alert.day,
                utc(alert.at),
                json.dumps(dict(alert.facts)),
                json.dumps([str(path) for path in alert.attachments]),
            ),
        )
        return True

    def _incident_for(self, alert: Alert) -> int | None:
        """The incident that an alert is about, changed by it; None where the alert is void."""
        subject, facts, at = (
            subject_of(alert.rule, alert.facts),
            json.dumps(dict(alert.facts)),
            utc(alert.at),
        )
        if alert.phase in ("raised", "told"):
            made = self._db.execute(
                "INSERT OR IGNORE INTO incidents (rule, subject, severity, raised_at, told_at, day,"
                " facts, resolved_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
                (
                    alert.rule,
                    subject,
                    alert.severity,
                    at,
                    at,
                    facts,
                    at if alert.phase == "told" else None,
                ),
            )
            return made.lastrowid if made.rowcount else None
        change, values = (
            ("resolved_at = ?", (at,))
            if alert.phase == "resolved"
            else ("told_at = ?, day = ?, facts = ?", (at, alert.day, facts))
        )
        row = self._db.execute(
            f"UPDATE incidents SET {change} WHERE rule = ? AND subject = ? AND resolved_at IS NULL"
            " RETURNING id",
            (*values, alert.rule, subject),
        ).fetchone()
        return None if row is None else int(row[0])

    def _alerts_of(self, incident: int) -> list[AlertDocument]:
        alerts = self._db.execute(
            "SELECT id, key, phase, day, at FROM alerts WHERE incident = ? ORDER BY id", (incident,)
        ).fetchall()
        return [
            {
                "key": key,
                "phase": phase,
                "day": day,
                "at": at,
                "deliveries": self._deliveries_of(number),
            }
            for number, key, phase, day, at in alerts
        ]

    def _deliveries_of(self, alert: int) -> list[DeliveryDocument]:
        rows = self._db.execute(
            "SELECT target, state, attempts, last_tried_at, error FROM deliveries"
            " WHERE alert = ? ORDER BY target",
            (alert,),
        )
        return [
            {"target": target, "state": state, "attempts": attempts, "at": at, "error": error}
            for target, state, attempts, at, error in rows
        ]


def _incident_of(row: Sequence[Any]) -> Incident:
    rule, subject, raised, day, told, facts, acknowledged = row
    return Incident(
        rule,
        subject,
        datetime.fromisoformat(raised),
        day,
        datetime.fromisoformat(told),
        json.loads(facts),
        bool(acknowledged),
    )

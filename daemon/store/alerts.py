"""Alerts: what people are told, until it has arrived; the outbox and its history."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.alerting.alert import Alert, Incident, Outcome, subject_of
from daemon.store.database import Database
from daemon.store.rows import utc

# A delivery never waits longer than this; what claims to was planned before the clock was set.
LONGEST_WAIT = timedelta(hours=1)

_ALERT_COLUMNS = (
    "alerts.key, incidents.rule, incidents.severity, alerts.phase, alerts.day, alerts.at,"
    " alerts.facts, alerts.attachments"
)
_SINCE_VERSION = 2


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert on its way to one target."""

    alert: Alert
    target: str
    attempts: int = 0  # that failed


@dataclass(frozen=True, slots=True)
class Failing:
    """A target that nothing has reached lately."""

    target: str
    since: datetime  # the first attempt that failed
    error: str  # of the last one
    undelivered: int


class Alerts(Database):
    """Incidents, the alerts about them, and their deliveries."""

    def open_incidents(self) -> list[Incident]:
        """What was raised and is not resolved."""
        rows = self._db.execute(
            "SELECT rule, subject, raised_at, day, told_at, facts, acknowledged_at IS NOT NULL"
            " FROM incidents WHERE resolved_at IS NULL ORDER BY id"
        )
        return [
            Incident(
                rule,
                subject,
                datetime.fromisoformat(raised),
                day,
                datetime.fromisoformat(told),
                json.loads(facts),
                bool(acknowledged),
            )
            for rule, subject, raised, day, told, facts, acknowledged in rows
        ]

    def keep_alerts(
        self,
        alerts: Iterable[Alert],
        *,
        judged: Iterable[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> list[Alert]:
        """Record alerts and what they mean for their incidents; returns those that were news.

        judged: runs of which is told by them what there is to tell; facts: to be remembered with
        them. An alert whose key is known, that raises what is raised, or resolves what is not,
        changes nothing.
        """
        with self._transaction():
            kept = [alert for alert in alerts if self._keep_alert(alert)]
            self._db.executemany(
                "UPDATE runs SET is_judged = 1 WHERE id = ?", [(run,) for run in judged]
            )
            for key, value in (facts or {}).items():
                self._set_fact(key, value)
        return kept

    def runs_to_judge(self) -> list[dict[str, Any]]:
        """Summaries of closed runs of which nobody was told yet, oldest first."""
        rows = self._db.execute(
            "SELECT summary FROM runs WHERE is_judged = 0 AND summary IS NOT NULL ORDER BY rowid"
        )
        return [json.loads(summary) for (summary,) in rows]

    def unaddressed(self) -> list[tuple[int, Alert]]:
        """Alerts of which it is not settled yet who gets them, each with its row's id."""
        rows = self._db.execute(
            f"SELECT alerts.id, {_ALERT_COLUMNS} FROM alerts"
            " JOIN incidents ON incidents.id = incident"
            " WHERE addressed_at IS NULL ORDER BY alerts.id"
        )
        return [(row[0], _alert_of(row[1:])) for row in rows]

    def address(self, alert: int, targets: Iterable[str], at: datetime) -> None:
        """Settle who gets an alert: all of `targets`, from now on."""
        with self._transaction():
            self._db.execute("UPDATE alerts SET addressed_at = ? WHERE id = ?", (utc(at), alert))
            self._db.executemany(
                "INSERT OR IGNORE INTO deliveries (alert, target, state, next_at)"
                " VALUES (?, ?, 'waiting', ?)",
                [(alert, target, utc(at)) for target in targets],
            )

    def due_deliveries(self, at: datetime) -> list[Delivery]:
        """What is to be tried now, oldest first."""
        rows = self._db.execute(
            f"SELECT target, attempts, {_ALERT_COLUMNS} FROM deliveries"
            " JOIN alerts ON alerts.id = alert JOIN incidents ON incidents.id = incident"
            " WHERE state = 'waiting' AND (next_at <= ? OR next_at > ?) ORDER BY alert",
            (utc(at), utc(at + LONGEST_WAIT)),
        )
        return [Delivery(_alert_of(row[2:]), row[0], row[1]) for row in rows]

    def note_attempt(
        self, key: str, target: str, at: datetime, outcome: Outcome, next_at: datetime | None
    ) -> bool:
        """Record how an attempt to deliver an alert ended; False when no such delivery is known.

        next_at: when to try again, None: never.
        """
        failed = not outcome.is_delivered
        state = "waiting" if next_at else "dead" if failed else "delivered"
        with self._transaction():
            noted = self._db.execute(
                "UPDATE deliveries SET state = ?1, next_at = ?2, error = ?3, last_tried_at = ?4,"
                " attempts = attempts + ?5,"
                " first_failed_at = coalesce(first_failed_at, CASE WHEN ?5 THEN ?4 END)"
                " WHERE alert = (SELECT id FROM alerts WHERE key = ?6) AND target = ?7",
                (
                    state,
                    utc(next_at) if next_at else None,
                    outcome.error,
                    utc(at),
                    int(failed),
                    key,
                    target,
                ),
            )
        return noted.rowcount > 0

    def try_all_now(self, at: datetime) -> None:
        """Make everything due that waits: the process has just started, the world may be better."""
        with self._transaction():
            self._db.execute(
                "UPDATE deliveries SET next_at = ? WHERE state = 'waiting'", (utc(at),)
            )

    def bury_others(self, targets: Iterable[str], at: datetime) -> int:
        """Give up what waits for targets that are no more; returns how many deliveries."""
        known = json.dumps([*targets])
        with self._transaction():
            buried = self._db.execute(
                "UPDATE deliveries SET state = 'dead', next_at = NULL, last_tried_at = ?,"
                " error = 'the target is no longer in the settings' WHERE state = 'waiting'"
                " AND target NOT IN (SELECT value FROM json_each(?))",
                (utc(at), known),
            )
        return buried.rowcount

    def failing_targets(self) -> list[Failing]:
        """Targets whose attempts have failed since the last that went well."""
        succeeded = dict(
            self._db.execute(
                "SELECT target, max(last_tried_at) FROM deliveries WHERE state = 'delivered'"
                " GROUP BY target"
            )
        )
        rows = self._db.execute(
            "SELECT target, first_failed_at, last_tried_at, error FROM deliveries"
            " WHERE state IN ('waiting', 'dead') AND first_failed_at IS NOT NULL"
            " ORDER BY last_tried_at"
        ).fetchall()
        failed: dict[str, list[tuple[str, str]]] = {}
        for target, first, last, error in rows:
            if last > succeeded.get(target, ""):
                failed.setdefault(target, []).append((first, error))
        return [
            Failing(
                target,
                since=datetime.fromisoformat(
                    max(min(first for first, _ in tries), succeeded.get(target, ""))
                ),
                error=tries[-1][1],
                undelivered=len(tries),
            )
            for target, tries in sorted(failed.items())
        ]

    def count_deliveries(self) -> dict[str, int]:
        """How many deliveries are waiting, delivered and dead."""
        counts = dict(self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state"))
        return {state: counts.get(state, 0) for state in ("waiting", "delivered", "dead")}

    def acknowledge(self, incident: int, person: str, at: datetime) -> bool:
        """Note that somebody knows of an incident; False if there is none of that id."""
        with self._transaction():
            known = self._db.execute(
                "UPDATE incidents SET acknowledged_at = coalesce(acknowledged_at, ?),"
                " acknowledged_by = coalesce(acknowledged_by, ?) WHERE id = ?",
                (utc(at), person, incident),
            )
        return known.rowcount > 0

    def incident_history(self, limit: int) -> list[dict[str, Any]]:
        """The newest incidents, newest first, each with its alerts and where they went."""
        if self._require_known_version() < _SINCE_VERSION:
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

    def forget_incidents(self, before: datetime) -> int:
        """Drop incidents that were resolved before that time; returns how many."""
        old = "SELECT id FROM incidents WHERE resolved_at < ?"
        with self._transaction():
            theirs = f"SELECT id FROM alerts WHERE incident IN ({old})"
            for table, condition in (
                ("deliveries", f"alert IN ({theirs})"),
                ("alerts", f"incident IN ({old})"),
            ):
                self._db.execute(f"DELETE FROM {table} WHERE {condition}", (utc(before),))
            dropped = self._db.execute(f"DELETE FROM incidents WHERE id IN ({old})", (utc(before),))
        return dropped.rowcount

    # --- inside ----------------------------------------------------------------------------------

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

    def _alerts_of(self, incident: int) -> list[dict[str, Any]]:
        alerts = self._db.execute(
            "SELECT id, key, phase, day, at FROM alerts WHERE incident = ? ORDER BY id", (incident,)
        ).fetchall()
        return [
            {
                "key": key,
                "phase": phase,
                "day": day,
                "at": at,
                "deliveries": [
                    dict(zip(("target", "state", "attempts", "at", "error"), row, strict=True))
                    for row in self._db.execute(
                        "SELECT target, state, attempts, last_tried_at, error FROM deliveries"
                        " WHERE alert = ? ORDER BY target",
                        (number,),
                    )
                ],
            }
            for number, key, phase, day, at in alerts
        ]


def _alert_of(row: tuple[Any, ...]) -> Alert:
    key, rule, severity, phase, day, at, facts, attachments = row
    return Alert(
        key,
        rule,
        severity,
        phase,
        day,
        datetime.fromisoformat(at),
        json.loads(facts),
        tuple(Path(path) for path in json.loads(attachments)),
    )

"""Deliveries: each alert's way to each of its targets, until it has arrived or is given up."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.domain.alerts import Alert, Sent
from daemon.domain.failures import LONGEST_WAIT
from daemon.store.database import Part
from daemon.store.rows import utc

_ALERT_COLUMNS = (
    "alerts.key, incidents.rule, incidents.severity, alerts.phase, alerts.day, alerts.at,"
    " alerts.facts, alerts.attachments"
)


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


class Deliveries(Part):
    """Who is to get which alert, and whom nothing reaches."""

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
        with self._db.transaction():
            self._db.execute("UPDATE alerts SET addressed_at = ? WHERE id = ?", (utc(at), alert))
            self._db.executemany(
                "INSERT OR IGNORE INTO deliveries (alert, target, state, next_at)"
                " VALUES (?, ?, 'waiting', ?)",
                [(alert, target, utc(at)) for target in targets],
            )

    def due(self, at: datetime) -> list[Delivery]:
        """What is to be tried now, oldest first."""
        rows = self._db.execute(
            f"SELECT target, attempts, {_ALERT_COLUMNS} FROM deliveries"
            " JOIN alerts ON alerts.id = alert JOIN incidents ON incidents.id = incident"
            " WHERE state = 'waiting' AND (next_at <= ? OR next_at > ?) ORDER BY alert",
            (utc(at), utc(at + LONGEST_WAIT)),
        )
        return [Delivery(_alert_of(row[2:]), row[0], row[1]) for row in rows]

    def note_attempt(
        self, key: str, target: str, at: datetime, outcome: Sent, next_at: datetime | None
    ) -> bool:
        """Record how an attempt to deliver an alert ended; False when no such delivery is known.

        next_at: when to try again, None: never.
        """
        failed = not outcome.is_delivered
        state = "waiting" if next_at else "dead" if failed else "delivered"
        with self._db.transaction():
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
        with self._db.transaction():
            self._db.execute(
                "UPDATE deliveries SET next_at = ? WHERE state = 'waiting'", (utc(at),)
            )

    def bury_others(self, targets: Iterable[str], at: datetime) -> int:
        """Give up what waits for targets that are no more; returns how many deliveries."""
        known = json.dumps([*targets])
        with self._db.transaction():
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

    def count(self) -> dict[str, int]:
        """How many deliveries are waiting, delivered and dead."""
        counts = dict(self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state"))
        return {state: counts.get(state, 0) for state in ("waiting", "delivered", "dead")}


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

"""Conditions: makes alerts of what holds, so that each is told once and not forty times.

A state machine with explicit clocks: a condition is raised when it has held for long enough,
repeated daily while it lasts, and resolved when it has been over for long enough. What is raised
is remembered by the caller, durably; here only the timers before that are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.domain.alerts import RULES, Alert, Incident, Phase, key_of, subject_of

Name = tuple[str, str]  # of a condition: its rule and subject
Incidents = Mapping[Name, Incident]

_DAY = timedelta(days=1)
# What is judged once a night is not judged after exactly a day: it may come this much early.
_EARLY = timedelta(hours=2)
_APART = timedelta(hours=12)  # two tellings of one condition, at least


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of one condition just now."""

    rule: str
    holds: bool | None  # None: it cannot be said; nothing changes
    facts: Mapping[str, Any]  # where it does not hold, only the subject's are needed
    attachments: tuple[Path, ...] = ()  # to what is raised or repeated

    @property
    def name(self) -> Name:
        """Which condition it is."""
        return self.rule, subject_of(self.rule, self.facts)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a condition must hold, and be over, before that is told."""

    raise_seconds: float = 0.0
    clear_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Timer:
    """How long a condition has held, or has been over; in steady seconds."""

    holds_since: float | None = None
    over_since: float | None = None

    def seeing(self, holds: bool, steady: float, patience: Patience) -> _Timer:
        """The timer after an observation. A short pause does not end what holds."""
        if holds:
            since = steady if self.holds_since is None else self.holds_since
            return _Timer(holds_since=since)
        over = steady if self.over_since is None else self.over_since
        is_over = steady - over >= patience.clear_seconds
        return _Timer(None if is_over else self.holds_since, over)

    def held(self, steady: float) -> float:
        return 0.0 if self.holds_since is None else steady - self.holds_since

    def has_been_over(self, steady: float) -> float:
        return 0.0 if self.over_since is None else steady - self.over_since


class Conditions:
    """Follows all conditions of an instance."""

    def __init__(self) -> None:
        self._timers: dict[Name, _Timer] = {}

    def judge(
        self,
        seen: Observation,
        incidents: Incidents,
        patience: Patience,
        now: datetime,
        steady: float,
    ) -> Alert | None:
        """What is to be told of what was seen, if anything; it is not remembered here.

        incidents: what was raised and is not resolved. now: aware.
        """
        if seen.holds is None:
            return None
        timer = self._timers.get(seen.name, _Timer()).seeing(seen.holds, steady, patience)
        self._timers[seen.name] = timer
        incident = incidents.get(seen.name)
        phase = _phase(seen.holds, incident, timer, patience, (now, steady))
        if phase is None:
            return None
        began = now - timedelta(seconds=timer.held(steady))
        return _alert(phase, seen, incident, now, began)


def day_of(raised_at: datetime, at: datetime) -> int:
    """The how-manieth day of what was raised then it is; 1 on the first."""
    return max(1, 1 + (at - raised_at + _EARLY) // _DAY)


def after(incidents: Incidents, alert: Alert) -> dict[Name, Incident]:
    """The open incidents once an alert was told."""
    name = alert.rule, subject_of(alert.rule, alert.facts)
    match alert.phase:
        case "raised":
            raised = Incident(*name, alert.at, 1, alert.at, alert.facts)
            return {**incidents, name: raised}
        case "repeated" if name in incidents:
            told = replace(incidents[name], day=alert.day, told_at=alert.at, facts=alert.facts)
            return {**incidents, name: told}
        case "resolved":
            return {known: one for known, one in incidents.items() if known != name}
    return dict(incidents)


def _phase(
    holds: bool,
    incident: Incident | None,
    timer: _Timer,
    patience: Patience,
    at: tuple[datetime, float],
) -> Phase | None:
    now, steady = at
    if incident is None:
        is_due = holds and timer.held(steady) >= patience.raise_seconds
        return "raised" if is_due else None
    if not holds:
        return "resolved" if timer.has_been_over(steady) >= patience.clear_seconds else None
    is_due = day_of(incident.raised_at, now) > incident.day and now - incident.told_at >= _APART
    return "repeated" if is_due and not incident.is_acknowledged else None


def _alert(
    phase: Phase, seen: Observation, incident: Incident | None, now: datetime, began: datetime
) -> Alert:
    if incident is None:
        since, raised_at, day = began.isoformat(timespec="seconds"), now, 1
    else:
        since, raised_at = incident.facts["since"], incident.raised_at
        day = day_of(raised_at, now)
    facts = incident.facts if incident and phase == "resolved" else seen.facts
    return Alert(
        key=key_of(*seen.name, raised_at.astimezone(UTC), phase, day),
        rule=seen.rule,
        severity=RULES[seen.rule].severity,
        phase=phase,
        day=day,
        at=now,
        facts={**facts, "since": since},
        attachments=() if phase == "resolved" else seen.attachments,
    )

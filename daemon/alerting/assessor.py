"""The assessor: gathers what the rules judge, and makes alerts of it.

Reads status, store and clock; nothing on a share, as what lies there may hang. What has happened
and cannot last, such as a run, is told by the `chronicle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from config.errors import NightsortError
from config.settings import Settings
from daemon.alerting import rules
from daemon.alerting.alert import Alert
from daemon.alerting.chronicle import Chronicle
from daemon.alerting.conditions import Conditions, Incidents, Observation, Patience, after
from daemon.clock import Clock, local_zone
from daemon.records import Run, Status
from daemon.schedule import Schedule
from daemon.store import RUN_UNTOLD, Store

Document = dict[str, Any]

# The fact that holds when the service was last seen to do what it is there for.
ATTENDED = "attended_at"

_DAY = timedelta(days=1)
# Its report is waited for before a run is told, but not for ever.
_REPORT_PATIENCE = timedelta(minutes=10)
_ATTENDED_EVERY = timedelta(minutes=10)
# A machine without a clock of its own wakes up in 1970 and is set right within minutes.
_JUMP_SECONDS = 3600.0
# What takes counting is not looked at in every turn.
_COUNT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is to be told, and to be remembered with it."""

    alerts: list[Alert]
    judged: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


class Assessor:
    """Says what is to be told."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, *, is_service: bool) -> None:
        """is_service: else the process ends with its run, and whatever it sees is told at once."""
        self._store = store
        self._clock = clock
        self._is_service = is_service
        self._conditions = Conditions()
        self._chronicle = Chronicle(store, settings)
        self._count_at = float("-inf")
        self._attended_at: datetime | None = None
        self._lead: float | None = None  # of the wall clock before the steady one
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """From now on these settings hold."""
        self._settings = settings
        self._chronicle.take(settings)
        window = settings.window
        self._is_continuous = window.mode == "continuous"
        self._schedule = Schedule(
            window.start, window.end, window.days, window.zone() or local_zone()
        )

    def assess(
        self, document: Document | None, incidents: Incidents, targets: Iterable[str]
    ) -> Assessment:
        """What is to be told now. document: how things are, None while nobody has said it.

        Raises TransientError while the store cannot be read.
        """
        now = self._clock.now()
        facts: dict[str, Any] = {}
        judged: list[str] = []
        said: list[Alert] = []
        seen: list[Observation] = []
        is_counting = self._is_time_to_count()
        runs = [summary for summary in self._store.runs_to_judge() if self._is_told(summary)]
        for summary in runs:
            judged.append(summary["run"])
            files = rules.Files() if self._is_continuous else self._chronicle.files(summary["run"])
            seen += self._of_run(summary, files, incidents)
            said += self._chronicle.of_run(summary, files, now)
        if self._is_continuous and (runs or is_counting):
            seen += self._of_last_day(now)
        if document is not None:
            seen += self._of_document(document, now, is_counting=is_counting)
        seen += self._of_window(document, now, facts, has_run=bool(runs))
        seen += self._of_targets(incidents, targets, now)
        said += self._chronicle.news(now, facts)
        return Assessment(self._judge(seen, incidents) + said, judged, facts)

    def without_store(
        self, document: Document | None, incidents: Incidents, error: Exception
    ) -> list[Alert]:
        """What can be told while the store fails: that it does, and what the status says."""
        seen: Iterable[Observation]
        if document is None:
            seen = [rules.of_end(error, _in_words(error))]
        else:
            failing = {"why": _in_words(error), "failures": 1, "is_model": False}
            known = document | {"failing": document["failing"] or failing}
            seen = rules.of_status(known, self._settings.alerts, None)
        return self._judge(seen, incidents)

    def ended_by(self, error: Exception, incidents: Incidents) -> list[Alert]:
        """What is to be told of an error that ends the process, at once."""
        seen = rules.of_end(error, _in_words(error))
        now, steady = self._clock.now(), self._clock.steady()
        alert = self._conditions.judge(seen, incidents, Patience(), now, steady)
        return [alert] if alert else []

    # --- inside ----------------------------------------------------------------------------------

    def _judge(self, seen: Iterable[Observation], incidents: Incidents) -> list[Alert]:
        """Each at a moment of its own, as what is resolved may be raised again by the next run."""
        alerts = []
        for observation in seen:
            now, steady = self._clock.now(), self._clock.steady()
            patience = self._patience(observation.rule)
            alert = self._conditions.judge(observation, incidents, patience, now, steady)
            if alert is not None:
                alerts.append(alert)
                incidents = after(incidents, alert)
        return alerts

    def _patience(self, rule: str) -> Patience:
        return rules.patience(rule, self._settings.alerts) if self._is_service else Patience()

    def _is_time_to_count(self) -> bool:
        steady = self._clock.steady()
        if steady < self._count_at and self._is_service:
            return False
        self._count_at = steady + _COUNT_SECONDS
        return True

    def _is_told(self, summary: dict[str, Any]) -> bool:
        """Whether a run's report was made, as far as it can be."""
        if self._store.fact(RUN_UNTOLD) != summary["run"]:
            return True
        finished = datetime.fromisoformat(summary["finished"])
        return self._clock.now() - finished >= _REPORT_PATIENCE

    def _of_run(
        self, summary: dict[str, Any], files: rules.Files, incidents: Incidents
    ) -> Iterator[Observation]:
        if self._is_continuous:  # judged by the day, and a run lasts as long as photos come
            return
        alerts = self._settings.alerts
        yield from rules.of_results([summary], alerts, files)
        slow = rules.of_closed_run(summary, alerts, incidents.values())
        if slow is not None:
            yield slow

    def _of_last_day(self, now: datetime) -> Iterator[Observation]:
        """Of all runs of the last day, and of the one under way."""
        summaries = [
            summary
            for summary in self._store.summaries_of_days((now - 2 * _DAY).date(), now.date())
            if datetime.fromisoformat(summary["finished"]) > now - _DAY
        ]
        under_way = [self._under_way(run, now) for run in self._store.open_runs()]
        yield from rules.of_results([*summaries, *under_way], self._settings.alerts, of_day=True)

    def _under_way(self, run: Run, now: datetime) -> dict[str, Any]:
        """What a summary would say of a run that is not closed, as far as it is asked for here."""
        tally = self._store.tally(run.id, self._clock.steady())
        return {
            "run": run.id,
            "processing_time_seconds": (now - run.started_at).total_seconds(),
            "total_processed": sum(tally.statuses.values()),
            "failed": tally.statuses.get(Status.ERROR, 0),
            "review": tally.statuses.get(Status.REVIEW, 0),
            "waiting_after": tally.waiting_after,
            "errors": self._store.errors(run.id),
        }

    def _of_document(
        self, document: Document, now: datetime, *, is_counting: bool
    ) -> Iterator[Observation]:
        alerts = self._settings.alerts
        needed = self._needed_bytes(document) if is_counting else None
        yield from rules.of_status(document, alerts, needed)
        forecast = rules.of_forecast(document, now)
        slow = [
            rules.of_open_run(self._under_way(run, now), alerts)
            for run in self._store.open_runs()
            if is_counting and not self._is_continuous
        ]
        yield from filter(None, [forecast, *slow])
        # The lookout raised it from outside; here it is over.
        yield Observation("service_silent", False if document["state"] != "hangs" else None, {})

    def _needed_bytes(self, document: Document) -> float | None:
        """Free space that filing the queue needs; None where the disk's minimum is not known."""
        filing = document["filing"]
        if filing is None:
            return None
        photos = self._store.waiting_bytes() if filing["copies"] else 0
        return float(filing["min_free_mb"] * 1_000_000 + photos)

    def _of_window(
        self, document: Document | None, now: datetime, facts: dict[str, Any], *, has_run: bool
    ) -> Iterator[Observation]:
        """Whether windows were missed, and note that this one is not."""
        is_there = has_run or (document is not None and rules.is_attended(document))
        attended = self._attended(now, facts, is_sure=is_there, at_once=has_run)
        if self._settings.window.mode == "window":
            missed = rules.missed_window(self._schedule, attended, now)
            waiting = document["queue"]["waiting"] if document else None
            hours = self._settings.alerts.missed_window_hours
            yield rules.of_missed_window(missed, now, hours, waiting)

    def _attended(
        self, now: datetime, facts: dict[str, Any], *, is_sure: bool, at_once: bool
    ) -> datetime:
        """When the service was last seen to do what it is there for; kept now and then.

        A new instance, and one whose wall clock was set, have missed nothing yet.
        """
        if self._attended_at is None:
            saved = self._store.fact(ATTENDED)
            self._attended_at = datetime.fromisoformat(saved) if saved else None
        before, has_jumped = self._attended_at, self._has_jumped(now)
        if before is None or is_sure or has_jumped:
            self._attended_at = now
            if before is None or at_once or abs(now - before) >= _ATTENDED_EVERY:
                facts[ATTENDED] = now.isoformat()
        return self._attended_at or now

    def _has_jumped(self, now: datetime) -> bool:
        lead = now.timestamp() - self._clock.steady()
        jump, self._lead = lead - (self._lead or lead), lead
        return abs(jump) >= _JUMP_SECONDS

    def _of_targets(
        self, incidents: Incidents, targets: Iterable[str], now: datetime
    ) -> Iterator[Observation]:
        known = {*targets}
        failing = [one for one in self._store.failing_targets() if one.target in known]
        told = {subject for rule, subject in incidents if rule == "target_undeliverable"}
        minutes = self._settings.alerts.undeliverable_minutes
        yield from rules.of_targets(failing, sorted(known | told), now, minutes)


def _in_words(error: Exception) -> str:
    """In one line; what a defect says of itself is for the log."""
    if isinstance(error, NightsortError):
        return " ".join(str(error).split())
    return f"unexpected {type(error).__name__}"

"""Evaluates how things are: gathers what the rules judge, and makes alerts of it.

Reads status, store and clock; nothing on a share, as what lies there may hang. What has happened
and cannot last, such as a run, is for `news`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from config.errors import NightsortError
from config.settings import Settings
from daemon.alerting import rules
from daemon.alerting.conditions import Conditions, Incidents, Observation, Patience, after
from daemon.alerting.news import files_of, news_at, news_of_run
from daemon.alerting.nights import of_night
from daemon.domain.accuracy import Rate, rate_of
from daemon.domain.alerts import Alert
from daemon.domain.clock import Clock
from daemon.domain.photos import Status
from daemon.domain.runs import Run
from daemon.domain.schedule import Schedule
from daemon.domain.status import FailingStatus, LiveStatus
from daemon.domain.summaries import RunSoFar, RunSummary
from daemon.domain.timetable import nightly, schedule_of
from daemon.store import Store
from daemon.store.changes import REPORTS
from daemon.store.facts import ATTENDED, MASS_REMOVAL, WINDOWS_MISSED

_DAY = timedelta(days=1)
ACCURACY_DAYS = 28  # over which spot checks are judged
# Its report is waited for before a run is told, but not for ever.
_REPORT_PATIENCE = timedelta(minutes=10)
_ATTENDED_EVERY = timedelta(minutes=10)
_MISSED_KEPT = 400
# While one of these holds photos may be there that nobody has seen.
_BLINDING = frozenset({"share_unavailable", "run_failed", "model_failed", "window_missed"})
# A machine without a clock of its own wakes up in 1970 and is set right within minutes.
_JUMP_SECONDS = 3600.0
# What takes counting is not looked at in every turn.
_COUNT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at one turn."""

    settings: Settings
    document: LiveStatus | None  # how things are; None while nobody has said it
    incidents: Incidents  # what was raised and is not resolved
    targets: tuple[str, ...] = ()

    @property
    def is_continuous(self) -> bool:
        """Whether runs last as long as photos come, and are judged by the day."""
        return self.settings.window.mode == "continuous"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is to be told, and to be remembered with it."""

    alerts: list[Alert]
    told_to: int = 0  # the change up to which these alerts tell what there is to tell
    facts: dict[str, Any] = field(default_factory=dict)


class Evaluator:
    """Says what is to be told. It remembers between turns what holds since when."""

    def __init__(self, store: Store, clock: Clock, *, is_service: bool) -> None:
        """is_service: else the process ends with its run, and whatever it sees is told at once."""
        self._store = store
        self._clock = clock
        self._is_service = is_service
        self._conditions = Conditions()
        self._attendance = _Attendance(store, clock)
        self._count_at = float("-inf")

    def evaluate(self, at: Situation) -> Assessment:
        """What is to be told now. Raises TransientError while the store cannot be read."""
        now = self._clock.now()
        is_counting = self._is_time_to_count()
        untold = self._store.alerts.runs_to_tell()
        changes = list(takewhile(lambda change: self._is_reported(change[1]), untold))
        runs = [summary for _, summary in changes]
        news = news_at(now, self._store, at.settings)
        attended, facts = self._attendance.at(now, at, has_run=bool(runs))
        seen: list[Observation] = []
        said: list[Alert] = []
        if at.is_continuous:
            said += filter(None, (rules.imbalance(summary, now) for summary in runs))
            seen += self._of_last_day(now, at) if runs or is_counting else ()
        else:
            for summary in runs:
                files = files_of(summary["run"], at.settings.results_dir)
                seen += _of_run(summary, files, at)
                said += news_of_run(summary, files, self._store.history.undecided(), now)
        seen += self._of_document(at, now, is_counting=is_counting)
        seen.append(rules.of_removals(self._store.facts.get(MASS_REMOVAL) or {}))
        seen += _of_window(at, attended, now)
        nights, kept = of_night(now, self._store, at.settings, is_blind=_is_blind(at))
        seen += nights
        minutes = at.settings.alerts.undeliverable_minutes
        seen.append(rules.of_handover(self._store.handovers.unreached(), now, minutes))
        seen += self._of_targets(at, now)
        alerts = [*self._judge(seen, at), *said, *news.alerts]
        return Assessment(alerts, changes[-1][0] if changes else 0, {**facts, **news.facts, **kept})

    def without_store(self, at: Situation, error: Exception) -> list[Alert]:
        """What can be told while the store fails: that it does, and what the status says."""
        seen: Iterable[Observation]
        if at.document is None:
            seen = [rules.of_end(error, _in_words(error))]
        else:
            failing: FailingStatus = {"why": _in_words(error), "failures": 1, "is_model": False}
            known = at.document.copy()
            known["failing"] = known["failing"] or failing
            seen = rules.of_status(known, at.settings.alerts, None)
        return self._judge(seen, at)

    def ended_by(self, error: Exception, incidents: Incidents) -> list[Alert]:
        """What is to be told of an error that ends the process, at once."""
        seen = rules.of_end(error, _in_words(error))
        now, steady = self._clock.now(), self._clock.steady()
        alert = self._conditions.judge(seen, incidents, Patience(), now, steady)
        return [alert] if alert else []

    # --- inside ----------------------------------------------------------------------------------

    def _judge(self, seen: Iterable[Observation], at: Situation) -> list[Alert]:
        """Each at a moment of its own, as what is resolved may be raised again by the next run."""
        alerts, incidents = [], at.incidents
        for observation in seen:
            now, steady = self._clock.now(), self._clock.steady()
            patience = Patience()
            if self._is_service:
                patience = rules.patience(observation.rule, at.settings.alerts)
            alert = self._conditions.judge(observation, incidents, patience, now, steady)
            if alert is not None:
                alerts.append(alert)
                incidents = after(incidents, alert)
        return alerts

    def _is_time_to_count(self) -> bool:
        steady = self._clock.steady()
        if steady < self._count_at and self._is_service:
            return False
        self._count_at = steady + _COUNT_SECONDS
        return True

    def _is_reported(self, summary: RunSummary) -> bool:
        """Whether a run's report was made, as far as it can be."""
        if summary["run"] not in self._store.changes.runs_closed(REPORTS):
            return True
        finished = datetime.fromisoformat(summary["finished"])
        return self._clock.now() - finished >= _REPORT_PATIENCE

    def _of_last_day(self, now: datetime, at: Situation) -> Iterator[Observation]:
        """Of all runs of the last day, and of the one under way."""
        summaries = [
            summary
            for summary in self._store.runs.summaries_of_days((now - 2 * _DAY).date(), now.date())
            if datetime.fromisoformat(summary["finished"]) > now - _DAY
        ]
        under_way = [self._under_way(run, now) for run in self._store.runs.unclosed()]
        yield from rules.of_results([*summaries, *under_way], at.settings.alerts, of_day=True)

    def _under_way(self, run: Run, now: datetime) -> RunSoFar:
        """What a summary would say of a run that is not closed, as far as it is asked for here."""
        tally = self._store.runs.tally(run.id)
        return {
            "run": run.id,
            "processing_time_seconds": (now - run.started_at).total_seconds(),
            "total_processed": sum(tally.statuses.values()),
            "failed": tally.statuses.get(Status.ERROR, 0),
            "review": tally.statuses.get(Status.REVIEW, 0),
            "waiting_after": tally.waiting_after,
            "errors": self._store.runs.errors(run.id),
        }

    def _of_document(
        self, at: Situation, now: datetime, *, is_counting: bool
    ) -> Iterator[Observation]:
        document, alerts = at.document, at.settings.alerts
        if document is None:
            return
        needed = self._needed_bytes(document) if is_counting else None
        yield from rules.of_status(document, alerts, needed)
        yield rules.of_undecided(document["undecided"], alerts.undecided_days, now)
        if is_counting:
            yield self._of_accuracy(document, alerts.accuracy_promise, now)
        forecast = rules.of_forecast(document, now)
        slow = [
            rules.of_open_run(self._under_way(run, now), alerts)
            for run in self._store.runs.unclosed()
            if is_counting and not at.is_continuous
        ]
        yield from filter(None, [forecast, *slow])
        # The outside check raised it; here it is over.
        yield Observation("service_silent", False if document["state"] != "hangs" else None, {})

    def _of_accuracy(
        self, document: LiveStatus, chosen: float | None, now: datetime
    ) -> Observation:
        """chosen: what must be right; None: as the card of the model in use promises."""
        model = document["model"]
        first = (now - ACCURACY_DAYS * _DAY).date()
        checks = self._store.spot_checks.newest(first, model)
        rate = sum(map(rate_of, checks), Rate())
        promise = document["promise"] if chosen is None else chosen
        return rules.of_accuracy(rate, promise, ACCURACY_DAYS, model)

    def _needed_bytes(self, document: LiveStatus) -> float | None:
        """Free space that filing the queue needs; None where the disk's minimum is not known."""
        filing = document["filing"]
        if filing is None:
            return None
        photos = self._store.queue.waiting_bytes() if filing["copies"] else 0
        return float(filing["min_free_mb"] * 1_000_000 + photos)

    def _of_targets(self, at: Situation, now: datetime) -> Iterator[Observation]:
        known = {*at.targets}
        failing = [one for one in self._store.deliveries.failing_targets() if one.target in known]
        told = {subject for rule, subject in at.incidents if rule == "target_undeliverable"}
        minutes = at.settings.alerts.undeliverable_minutes
        yield from rules.of_targets(failing, sorted(known | told), now, minutes)


class _Attendance:
    """When the service was last seen to do what it is there for; kept in the store now and then.

    A new instance, and one whose wall clock was set, have missed nothing yet.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._attended_at: datetime | None = None
        self._lead: float | None = None  # of the wall clock before the steady one

    def at(self, now: datetime, at: Situation, *, has_run: bool) -> tuple[datetime, dict[str, Any]]:
        """That moment, and what is to be remembered of it."""
        is_there = has_run or (at.document is not None and rules.is_attended(at.document))
        if self._attended_at is None:
            saved = self._store.facts.get(ATTENDED)
            self._attended_at = datetime.fromisoformat(saved) if saved else None
        before, has_jumped = self._attended_at, self._has_jumped(now)
        if before is not None and not is_there and not has_jumped:
            return before, {}
        self._attended_at = now
        is_kept = before is None or has_run or abs(now - before) >= _ATTENDED_EVERY
        if not is_kept:
            return now, {}
        facts: dict[str, object] = {ATTENDED: now.isoformat()}
        if before is not None and not has_jumped:
            facts |= self._missed(nightly(at.settings.window), before, now)
        return now, facts

    def _missed(
        self, schedule: Schedule | None, before: datetime, now: datetime
    ) -> dict[str, list[str]]:
        """The windows that lie wholly between, to be remembered with earlier ones."""
        if schedule is None:
            return {}
        begin = max(before, now - _MISSED_KEPT * _DAY)
        missed = [
            window.opens.isoformat()
            for window in schedule.windows_between(begin, now)
            if window.closes.astimezone(UTC) <= now.astimezone(UTC)
        ]
        known = self._store.facts.get(WINDOWS_MISSED) or []
        return {WINDOWS_MISSED: [*known, *missed][-_MISSED_KEPT:]} if missed else {}

    def _has_jumped(self, now: datetime) -> bool:
        lead = now.timestamp() - self._clock.steady()
        jump, self._lead = lead - (self._lead or lead), lead
        return abs(jump) >= _JUMP_SECONDS


def _of_run(summary: RunSummary, files: rules.Files, at: Situation) -> Iterator[Observation]:
    alerts = at.settings.alerts
    yield from rules.of_results([summary], alerts, files)
    slow = rules.of_closed_run(summary, alerts, at.incidents.values())
    if slow is not None:
        yield slow


def _of_window(at: Situation, attended: datetime, now: datetime) -> Iterator[Observation]:
    """Whether windows were missed."""
    if at.settings.window.mode != "window":
        return
    missed = rules.missed_window(schedule_of(at.settings.window), attended, now)
    hours = at.settings.alerts.missed_window_hours
    yield rules.of_missed_window(missed, now, hours, _waiting(at))


def _is_blind(at: Situation) -> bool:
    """Whether there may be photos that nobody has seen, or that nothing could be done with."""
    if at.document is None or any(rule in _BLINDING for rule, _ in at.incidents):
        return True
    is_away = any(word != "available" for word in at.document["share"].values())
    return is_away or any(at.document["queue"].values()) or at.document["failing"] is not None


def _waiting(at: Situation) -> int | None:
    return at.document["queue"]["waiting"] if at.document else None


def _in_words(error: Exception) -> str:
    """In one line; what a defect says of itself is for the log."""
    if isinstance(error, NightsortError):
        return " ".join(str(error).split())
    return f"unexpected {type(error).__name__}"

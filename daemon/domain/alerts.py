"""What is told: an alert, how its delivery went, and the rules by name.

Decides nothing and sends nothing. `RULES` is the one list of what people can be told; the page
docs/alerts.md, the words and the rules themselves are held to it by tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import TypedDict

from daemon.domain.alert_rule import OF_PERIODS, OF_PROMOTIONS, Rule

if TYPE_CHECKING:  # `nightsort status` shall not wait for the settings' library
    from config.targets import Severity

# told: news without a condition that could last or be resolved.
Phase = Literal["raised", "repeated", "resolved", "told"]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that people are told once."""

    key: str  # stable: the same alert has it at every attempt; letters, digits, dots and dashes
    rule: str
    severity: Severity
    phase: Phase
    day: int  # of the condition, 1 on the first; always 1 for news
    at: datetime  # aware
    facts: Mapping[str, Any]  # JSON; which ones, the rule says
    attachments: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """How an attempt to deliver an alert to one target ended."""

    is_delivered: bool
    error: str = ""  # one line, without any secret


@dataclass(frozen=True, slots=True)
class Incident:
    """A condition that was raised and is not resolved yet."""

    rule: str
    subject: str  # tells incidents of one rule apart; mostly empty
    raised_at: datetime
    day: int  # on which it was told last
    told_at: datetime
    facts: Mapping[str, Any]  # as they were told last
    is_acknowledged: bool = False  # somebody knows: it is not repeated


class DeliveryDocument(TypedDict):
    """How far an alert is on its way to one target."""

    target: str
    state: str  # waiting, delivered, dead
    attempts: int
    at: str | None
    error: str


class AlertDocument(TypedDict):
    """What was told of an incident at one time."""

    key: str
    phase: str
    day: int
    at: str
    deliveries: list[DeliveryDocument]


class IncidentDocument(TypedDict):
    """An incident, as `alerts list --json` has it. Moments are ISO 8601."""

    id: int | None  # None: the outside check told of it, and it is in no store
    rule: str
    severity: str
    raised: str
    day: int
    resolved: str | None
    acknowledged: str | None
    acknowledged_by: str | None
    facts: Mapping[str, Any]
    alerts: list[AlertDocument]


# Every alert of a condition carries `since`, when it began, beside its own facts. A resolved one
# carries the facts that held last. Moments are ISO 8601 with offset; what may be unknown is null.

_RATE_PERIOD = {
    "run": "the run's id; null where the last day was judged, in continuous mode",
    "total_processed": "photos that were judged",
}

RULES: Mapping[str, Rule] = {
    "run_failed": Rule(
        "critical",
        "sorting has failed for some minutes, each new attempt too",
        {
            "why": "the failure, one line",
            "failures": "how often in a row",
            "waiting": "photos in the queue, or null",
        },
        setting="failing_minutes",
    ),
    "model_failed": Rule(
        "critical",
        "the model is missing, or judges its test photos wrongly",
        {"why": "the failure, one line", "waiting": "photos in the queue, or null"},
    ),
    "service_silent": Rule(
        "critical",
        "the service is dead or hangs; told from outside of it",
        {
            "state": "not running, or hangs",
            "why": "one line",
            "result": "how systemd says that it ended, or null",
            "exit_status": "what it ended with, or null",
        },
    ),
    "share_unavailable": Rule(
        "critical",
        "a folder has been unavailable for some minutes",
        {
            "folders": "{incoming | sorted | results: why, one line}",
            "waiting": "photos in the queue",
        },
        setting="share_minutes",
    ),
    "high_error_rate": Rule(
        "error",
        "too many photos of a run could not be read",
        {
            **_RATE_PERIOD,
            "failed": "of these, unreadable",
            "rate": "failed / total_processed, 0..1",
            "limit": "the threshold, 0..1",
            "errors": "the first few: [{filename, error}]",
        },
        setting="error_rate",
    ),
    "low_disk": Rule(
        "warning",
        "a disk has little space left",
        {"disks": "{sorted | results | state: free MB}", "limit_mb": "the threshold"},
        setting="low_disk_gb",
    ),
    "disk_too_small": Rule(
        "error",
        "the free space does not suffice for the photos that wait",
        {
            "free_mb": "on the disk of sorted_dir",
            "needed_mb": "the waiting photos and the minimum of free space",
            "waiting": "photos in the queue",
        },
    ),
    "model_refused": Rule(
        "error",
        "the model or version that is to judge cannot be trusted, and another judges instead",
        {"why": "one sentence", "model": "the one that judges"},
    ),
    "backup_failed": Rule(
        "error",
        "there is no new backup of the history, and new attempts fail, too",
        {"why": "one sentence, with the remedy"},
    ),
    "many_in_review": Rule(
        "warning",
        "a run left many photos for a person to decide",
        {**_RATE_PERIOD, "review": "photos in review", "limit": "the threshold"},
        setting="low_confidence",
    ),
    "slow_run": Rule(
        "warning",
        "a run takes longer than it should",
        {
            "run": "the run's id",
            "minutes": "how long it has worked",
            "limit_minutes": "the threshold",
            "total_processed": "photos so far",
            "waiting": "photos in the queue",
            "has_ended": "whether the run is over",
        },
        setting="slow_run_minutes",
    ),
    "forecast_misses_window": Rule(
        "warning",
        "the queue will not be done when the window closes",
        {
            "waiting": "photos in the queue",
            "will_not_fit": "how many of them will be left",
            "opens": "when the window opens",
            "closes": "when it closes",
            "done_by": "when the queue would be done",
        },
    ),
    "window_missed": Rule(
        "error",
        "a window passed in which the service was not at work",
        {
            "opened": "when the window opened",
            "hours": "how long ago, whole hours",
            "waiting": "photos in the queue, or null",
        },
        setting="missed_window_hours",
    ),
    "watch_degraded": Rule(
        "warning",
        "arrivals are noticed late: events were wanted, and incoming is polled",
        {"mode": "how arrivals are noticed", "why": "one line"},
    ),
    "photos_held": Rule(
        "warning",
        "a photo cannot be taken for long: still written to, open in another program, or tried "
        "again and again",
        {
            "held": "[{name, seconds, why}], the longest first; without `why` it is written to, or "
            "open in a program",
            "minutes": "the threshold",
        },
        setting="held_minutes",
    ),
    "undecided_too_long": Rule(
        "warning",
        "photos have waited for a person's decision for days",
        {
            "photos": "how many wait in all",
            "oldest": "since when the oldest waits",
            "days": "the threshold",
        },
        setting="undecided_days",
    ),
    "accuracy_below_promise": Rule(
        "warning",
        "spot checks say that less is right of what is filed without a look than is promised",
        {
            "right": "spot checks that people found right",
            "checked": "spot checks that people answered",
            "shown": "spot checks that they were shown",
            "share": "right / checked, 0..1",
            "low": "the least that the share of all may be, at 95 %",
            "high": "the most that it may be",
            "promise": "the threshold, 0..1",
            "days": "days that were looked at",
            "model": "the model in use",
        },
        setting="accuracy_promise",
    ),
    "unusual_night": Rule(
        "warning",
        "a night is unlike the shop's own last weeks: volume, mix, sureness, quality, novelty",
        {
            "night": "the day on whose morning it ended, as date",
            "photos": "how many were sorted",
            "changes": "[{what, name, now, usual, low, high, nights}]: what is unusual; `low` and "
            "`high` would have been usual, `nights` that `now` is of",
            "more": "changes beyond these",
            "mix_index": "population stability index of the categories against the nights before",
            "compared": "nights with photos that it was compared with",
            "model": "what judged it; how sure it is, is compared with nights of the same alone",
            "model_since": "since which of those nights, as date; null: no other judged them",
        },
    ),
    "many_removed": Rule(
        "error",
        "more than half of the sorted photos that were looked at are gone at once",
        {"photos": "how many are nowhere", "gone_since": "since when the first of them are"},
    ),
    "target_undeliverable": Rule(
        "warning",
        "somebody who should be told cannot be reached; told through the other targets",
        {
            "target": "its masked name",
            "error": "the last failure, one line",
            "undelivered": "alerts that wait for it",
        },
        setting="undeliverable_minutes",
        subject="target",
    ),
    "mirror_behind": Rule(
        "warning",
        "the mirror (PostgreSQL, the bucket) has not been reached, or has refused, for some time",
        {"station": "its name there", "why": "one line", "waiting": "changes to be copied"},
        setting="mirror_minutes",
    ),
    "handover_undeliverable": Rule(
        "warning",
        "another system cannot be told of runs and changes",
        {"error": "the last failure, one line", "waiting": "calls that wait for it"},
        setting="undeliverable_minutes",
    ),
    "imbalance": Rule(
        "error",
        "a run's figures do not add up: a photo may be missing",
        {
            "run": "the run's id",
            "waiting_before": "in the queue at its beginning",
            "arrived": "during it",
            "total_processed": "filed, in review, duplicates and quarantined",
            "gone": "taken away by people",
            "waiting_after": "in the queue at its end",
            "missing": "photos that came in and are nowhere in the count; negative: too many",
        },
        is_news=True,
    ),
    "database_restored": Rule(
        "critical",
        "the database was damaged, and a backup took its place",
        {
            "why": "what was wrong, one line",
            "backup": "name of the backup's file; null: none was usable, and a new one was begun",
            "backup_taken": "when that backup was made, or null",
            "set_aside": "where the damaged database was kept",
        },
        is_news=True,
    ),
    "run_finished": Rule(
        "info",
        "a run ended in which there was something to do; in continuous mode once a day",
        {
            "run": "the run's id, of the last where there were several",
            "runs": "how many runs the figures hold",
            "started": "the first one's beginning",
            "finished": "the last one's end",
            "total_processed": "photos",
            "successful": "filed",
            "review": "for a person to decide",
            "duplicates": "photos that were filed before",
            "failed": "unreadable, in quarantine",
            "deferred": "left for later",
            "waiting_after": "in the queue at the end",
            "undecided": "photos that wait for a decision, of all nights",
            "undecided_since": "since when the oldest of them waits, or null",
            "success_rate": "percent",
            "processing_time_seconds": "of all runs together",
            "average_confidence": "0..1, or null",
            "categories": "{category: photos}, most first",
            "value": "what was saved, as in the summary; null where an older run did not say",
            "report": "name of the report's file in results_dir, or null",
            "results": "name of the CSV in results_dir, or null",
        },
        is_news=True,
    ),
    "lesson_learnt": Rule(
        "info",
        "enough was corrected and decided, and a lesson was learnt from it by itself",
        {
            "version": "the new version; null where the lesson was refused",
            "judgement": "better, as good, worse or refused",
            "why": "one sentence",
            "new": "examples since the lesson before",
            "examples": "all that it was learnt from",
            "new_labels": "categories that what judges does not have",
            "adopted": "whether it judges photos now",
        },
        is_news=True,
    ),
    **OF_PROMOTIONS,
    **OF_PERIODS,
}


def subject_of(rule: str, facts: Mapping[str, Any]) -> str:
    """What tells this incident of the rule from others that hold at the same time."""
    name = RULES[rule].subject
    return "" if name is None else str(facts[name])


def news(
    rule: str,
    mark: str,
    at: datetime,
    facts: Mapping[str, Any],
    attachments: tuple[Path, ...] = (),
) -> Alert:
    """An alert without a condition.

    mark: tells it from others of its rule, such as the run's id; the same one is told once.
    """
    assert RULES[rule].is_news
    key = f"{rule}.{mark}"
    return Alert(key, rule, RULES[rule].severity, "told", 1, at, facts, attachments)


def key_of(rule: str, subject: str, raised_at: datetime, phase: Phase, day: int) -> str:
    """The key of an alert of a condition: the same whenever it is made anew."""
    moment = raised_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    about = f".{blake2s(subject.encode(), digest_size=4).hexdigest()}" if subject else ""
    return f"{rule}.{moment}{about}.{phase}{day if phase == 'repeated' else ''}"

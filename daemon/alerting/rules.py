"""The rules: from how things are to what holds of it. Pure: no clock, no disk, no memory.

Each rule gives an observation: it holds, it does not, or nothing can be said and all stays as it
was. How long it must hold, and what is then told, is the business of `conditions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.alerts import AlertSettings
from config.errors import ModelError
from daemon.alerting.conditions import Observation, Patience
from daemon.domain.accuracy import Rate
from daemon.domain.alerts import RULES, Alert, Incident, news
from daemon.domain.schedule import Schedule, Window
from daemon.domain.status import LiveStatus, UndecidedStatus
from daemon.domain.summaries import RunSoFar, RunSummary, missing, with_verdict
from daemon.domain.value import added
from daemon.store import Failing
from daemon.store.handovers import Unreached

# So long before the window opens its forecast is judged; photos are still coming before.
_FORECAST_LEAD = timedelta(hours=1)
# Free space must be this much above a limit before it counts as enough again.
_ROOM = 1.1
_MOST_ERRORS = 5
_LEAST_WRONG = 3  # photos; fewer are chance
_QUIET = Patience()

_MINUTE = 60.0
_BRIEF = Patience(1 * _MINUTE, 10 * _MINUTE)
_PATIENCE = {
    "low_disk": _BRIEF,
    "disk_too_small": _BRIEF,
    "watch_degraded": _BRIEF,
    "forecast_misses_window": Patience(1 * _MINUTE, 30 * _MINUTE),
    "backup_failed": Patience(90 * _MINUTE, 90 * _MINUTE),  # it is tried again within the hour
    "accuracy_below_promise": Patience(0.0, 1440 * _MINUTE),  # each answer moves it a little
}


def patience(rule: str, settings: AlertSettings) -> Patience:
    """How long a condition of that rule must hold, and be over, before it is told.

    What is judged once for a run needs none; what can come and go within minutes does.
    """
    chosen = {
        "share_unavailable": settings.share_minutes,
        "run_failed": settings.failing_minutes,
        "mirror_behind": settings.mirror_minutes,
    }
    if rule in chosen:
        return Patience(chosen[rule] * _MINUTE, chosen[rule] * _MINUTE)
    return _PATIENCE.get(rule, _QUIET)


# --- how things are ------------------------------------------------------------------------------


def of_status(
    document: LiveStatus, settings: AlertSettings, needed_bytes: float | None
) -> Iterator[Observation]:
    """What the status shows.

    needed_bytes: free space on the disk of sorted_dir that the waiting photos need, above the
    minimum; None where that is not known.
    """
    yield from _failing(document)
    yield _low_disk(document["disk"], settings.low_disk_gb)
    if needed_bytes is not None and "sorted" in document["disk"]:
        yield _disk_too_small(document, needed_bytes)
    refused = document["model_problem"]
    facts = {"why": refused, "model": document["model"]}
    yield Observation("model_refused", refused is not None, facts)
    backup = document["backup"]
    yield Observation("backup_failed", backup is not None, {"why": backup})
    yield _held(document, settings.held_minutes)
    yield _mirror_behind(document)
    watch = document["watch"]
    yield Observation(
        "watch_degraded", watch["degraded"], {"mode": watch["mode"], "why": watch["why"]}
    )


def _mirror_behind(document: LiveStatus) -> Observation:
    """The database and the bucket are one mirror to people: both may fail, for one reason."""
    sides = [side for side in (document["mirror"], document["bucket"]) if side is not None]
    failing = [side["why"] for side in sides if side["why"]]
    facts = {
        "station": sides[0]["station"] if sides else "",
        "why": "; and ".join(dict.fromkeys(failing)),
        "waiting": sum(side["waiting"] for side in sides),
    }
    return Observation("mirror_behind", bool(failing), facts)


def _held(document: LiveStatus, minutes: float) -> Observation:
    left = document["left_alone"]
    held = [one for one in left["held"] if one["seconds"] >= minutes * _MINUTE] if left else []
    return Observation("photos_held", bool(held), {"held": held[:_MOST_ERRORS], "minutes": minutes})


def _failing(document: LiveStatus) -> Iterator[Observation]:
    """The share, the model, or something else that keeps the sorting from its work."""
    waiting = document["queue"]["waiting"]
    absent = {name: text for name, text in document["share"].items() if text != "available"}
    yield Observation("share_unavailable", bool(absent), {"folders": absent, "waiting": waiting})
    failing = document["failing"]
    is_model = failing is not None and failing["is_model"]
    why, failures = (failing["why"], failing["failures"]) if failing else (None, 0)
    yield Observation("model_failed", is_model, {"why": why, "waiting": waiting})
    # A folder that is away is why the work fails, and told as that.
    holds = None if absent or is_model else failing is not None
    facts = {"why": why, "failures": failures, "waiting": waiting}
    yield Observation("run_failed", holds, facts)


def _low_disk(disk: Mapping[str, int], limit_gb: float) -> Observation:
    limit_mb = round(limit_gb * 1000)
    low = {name: free for name, free in disk.items() if free < limit_mb}
    is_enough = all(free >= limit_mb * _ROOM for free in disk.values())
    holds = True if low else False if is_enough else None
    return Observation("low_disk", holds, {"disks": low, "limit_mb": limit_mb})


def _disk_too_small(document: LiveStatus, needed_bytes: float) -> Observation:
    free_mb, needed_mb = document["disk"]["sorted"], round(needed_bytes / 1e6)
    waiting = document["queue"]["waiting"]
    is_enough = not waiting or free_mb >= needed_mb * _ROOM
    holds = False if is_enough else True if free_mb < needed_mb else None
    facts = {
        "free_mb": free_mb,
        "needed_mb": needed_mb,
        "waiting": waiting,
    }
    return Observation("disk_too_small", holds, facts)


def of_undecided(undecided: UndecidedStatus, days: float, now: datetime) -> Observation:
    """Whether photos wait for a person's decision for too long."""
    oldest = undecided["oldest"]
    facts = {"photos": undecided["photos"], "oldest": oldest, "days": days}
    is_long = oldest is not None and now - datetime.fromisoformat(oldest) >= timedelta(days=days)
    return Observation("undecided_too_long", is_long, facts)


def of_accuracy(checks: Rate, promise: float | None, days: int, model: str) -> Observation:
    """Whether spot checks say beyond doubt that a promise is broken; None: nothing is promised."""
    facts = {**checks.as_json(), "promise": promise, "days": days, "model": model}
    is_broken = checks.checked - checks.right >= _LEAST_WRONG and checks.at_best < (promise or 0)
    return Observation("accuracy_below_promise", is_broken, facts)


def of_removals(doubted: Mapping[str, Sequence[int]]) -> Observation:
    """Whether many photos are gone at once. doubted: by the time since when, as ISO 8601."""
    facts = {"photos": sum(map(len, doubted.values())), "gone_since": min(doubted, default=None)}
    return Observation("many_removed", bool(doubted), facts)


def of_end(error: Exception, why: str) -> Observation:
    """What an error that ends the process means. why: one line."""
    if isinstance(error, ModelError):
        return Observation("model_failed", True, {"why": why, "waiting": None})
    return Observation("run_failed", True, {"why": why, "failures": 1, "waiting": None})


# --- windows -------------------------------------------------------------------------------------


def of_forecast(document: LiveStatus, now: datetime) -> Observation | None:
    """Whether the queue fits into the window that is open or opens soon; None: too early to say."""
    window, seen = document["window"], document["forecast"]
    if seen is None or window["opens"] is None:
        return None
    if now < datetime.fromisoformat(window["opens"]) - _FORECAST_LEAD:
        return None
    facts = {
        "waiting": seen["waiting"],
        "will_not_fit": seen["will_not_fit"],
        "opens": window["opens"],
        "closes": window["closes"],
        "done_by": seen["done_by"],
    }
    return Observation("forecast_misses_window", seen["will_not_fit"] > 0, facts)


def is_attended(document: LiveStatus) -> bool:
    """Whether the service does now what it is there for, or has no window to do it in."""
    if document["failing"] is not None or document["state"] in ("share unavailable", "hangs"):
        return False
    window = document["window"]
    return bool(window["mode"] != "window" or window["open"])


def missed_window(schedule: Schedule, attended_at: datetime, now: datetime) -> Window | None:
    """The first window after that in which the service was last seen to work, if it is past."""
    window = schedule.next_window(attended_at)
    return window if window.closes.astimezone(UTC) <= now.astimezone(UTC) else None


def of_missed_window(
    window: Window | None, now: datetime, hours: float, waiting: int | None
) -> Observation:
    """Whether a window was missed so long ago that it must be told."""
    if window is None:
        return Observation("window_missed", False, {})
    age = now.astimezone(UTC) - window.opens.astimezone(UTC)
    facts = {
        "opened": window.opens.isoformat(),
        "hours": age // timedelta(hours=1),
        "waiting": waiting,
    }
    # A younger one says nothing: it may follow upon an older one that was told.
    return Observation("window_missed", age >= timedelta(hours=hours) or None, facts)


# --- runs ----------------------------------------------------------------------------------------


def of_open_run(under_way: RunSoFar, settings: AlertSettings) -> Observation | None:
    """Whether a run takes long already; None while that cannot be said.

    under_way: the keys of a summary, as far as they are known; seconds since it was opened.
    """
    seen = _slow_run(under_way, settings)
    return seen if seen.holds else None


def of_closed_run(
    summary: RunSummary, settings: AlertSettings, incidents: Iterable[Incident]
) -> Observation | None:
    """How long a run took; None where the opposite was told of it while it went on."""
    seen = _slow_run(summary, settings)
    was_told = any(
        incident.rule == "slow_run" and incident.facts["run"] == summary["run"]
        for incident in incidents
    )
    return None if was_told and not seen.holds else seen


def _slow_run(summary: RunSoFar | RunSummary, settings: AlertSettings) -> Observation:
    minutes = summary["processing_time_seconds"] / _MINUTE
    facts = {
        "run": summary["run"],
        "minutes": round(minutes, 1),
        "limit_minutes": settings.slow_run_minutes,
        "total_processed": summary["total_processed"],
        "waiting": summary["waiting_after"],
        "has_ended": "finished" in summary,
    }
    return Observation("slow_run", minutes > settings.slow_run_minutes, facts)


def of_results(
    summaries: Sequence[RunSoFar | RunSummary],
    settings: AlertSettings,
    files: Files | None = None,
    *,
    of_day: bool = False,
) -> Iterator[Observation]:
    """What share of photos failed, and how many a person must decide.

    summaries: of a run, or of_day: of all runs of the last day, in continuous mode.
    """
    attachments = files.attachments if files else ()
    total = _sum(summaries, "total_processed")
    judged = {
        "run": None if of_day or not summaries else summaries[-1]["run"],
        "total_processed": total,
    }
    if total >= settings.rate_photos:
        failed = _sum(summaries, "failed")
        facts = {
            **judged,
            "failed": failed,
            "rate": round(failed / total, 4),
            "limit": settings.error_rate,
            "errors": [error for summary in summaries for error in summary["errors"]][
                :_MOST_ERRORS
            ],
        }
        is_high = failed / total > settings.error_rate
        yield Observation("high_error_rate", is_high, facts, attachments)
    if total:
        review = _sum(summaries, "review")
        facts = {**judged, "review": review, "limit": settings.low_confidence}
        are_many = review > settings.low_confidence
        yield Observation("many_in_review", are_many, facts, attachments)


def imbalance(summary: RunSummary, at: datetime) -> Alert | None:
    """Tell of a run whose figures do not add up; of one a day, however many there are."""
    if not (photos := missing(summary)):
        return None
    keys = RULES["imbalance"].facts
    facts = {key: value for key, value in summary.items() if key in keys}
    return news("imbalance", f"{at:%Y%m%d}", at, {**facts, "missing": photos})


def run_finished(
    summaries: Sequence[RunSummary],
    mark: str,
    at: datetime,
    undecided: UndecidedStatus,
    files: Files | None = None,
) -> Alert | None:
    """Tell of a run, or of all that ended since yesterday; None when there was nothing to do.

    summaries: oldest first. mark: the run's id, or the day. undecided: of all nights.
    """
    if not _sum(summaries, "total_processed"):
        return None
    files = files or Files()
    counts = ("total_processed", "successful", "review", "duplicates", "failed")
    judged = sum(map(with_verdict, summaries))
    tried = judged + _sum(summaries, "failed")
    sureness = (one["average_confidence"] * with_verdict(one) for one in summaries)
    last = summaries[-1]
    facts = {
        "run": last["run"],
        "runs": len(summaries),
        "started": summaries[0]["started"],
        "finished": last["finished"],
        **{key: _sum(summaries, key) for key in counts},
        "deferred": last["deferred"],
        "waiting_after": last["waiting_after"],
        "undecided": undecided["photos"],
        "undecided_since": undecided["oldest"],
        "success_rate": round(100 * judged / tried, 2) if tried else 0.0,
        "processing_time_seconds": round(_sum(summaries, "processing_time_seconds"), 1),
        "average_confidence": round(sum(sureness) / judged, 4) if judged else None,
        "categories": _most_first(summaries),
        "value": added(one.get("value") for one in summaries),
        "report": files.report and files.report.name,
        "results": files.results and files.results.name,
    }
    return news("run_finished", mark, at, facts, files.attachments)


@dataclass(frozen=True, slots=True)
class Files:
    """What a run left that people may read; None: it is not there."""

    report: Path | None = None
    results: Path | None = None

    @property
    def attachments(self) -> tuple[Path, ...]:
        """Those that are there."""
        return tuple(path for path in (self.report, self.results) if path is not None)


def _sum(summaries: Iterable[Mapping[str, Any]], key: str) -> Any:
    return sum(summary[key] for summary in summaries)


def _most_first(summaries: Iterable[RunSummary]) -> dict[str, int]:
    photos: dict[str, int] = {}
    for summary in summaries:
        for category, count in summary["categories"].items():
            photos[category] = photos.get(category, 0) + count
    return dict(sorted(photos.items(), key=lambda item: (-item[1], item[0])))


# --- other systems -------------------------------------------------------------------------------


def of_handover(seen: Unreached | None, now: datetime, minutes: float) -> Observation:
    """Whether another system has been out of reach for long."""
    if seen is None:
        return Observation("handover_undeliverable", False, {})
    facts = {"error": seen.error, "waiting": seen.waiting}
    is_long = now - seen.since >= timedelta(minutes=minutes)
    return Observation("handover_undeliverable", is_long or None, facts)


# --- targets -------------------------------------------------------------------------------------


def of_targets(
    failing: Iterable[Failing], targets: Iterable[str], now: datetime, minutes: float
) -> Iterator[Observation]:
    """Whether targets have been out of reach for long; those that are no more are not."""
    told = {one.target: one for one in failing}
    for target in targets:
        one = told.get(target)
        if one is None:
            yield Observation("target_undeliverable", False, {"target": target})
        elif now - one.since >= timedelta(minutes=minutes):
            facts = {"target": target, "error": one.error, "undelivered": one.undelivered}
            yield Observation("target_undeliverable", True, facts)

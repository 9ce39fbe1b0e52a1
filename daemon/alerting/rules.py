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

from config.errors import ModelError
from config.sections import AlertSettings
from daemon.alerting.alert import Alert, Incident, news
from daemon.alerting.conditions import Observation, Patience
from daemon.schedule import Schedule, Window
from daemon.store import Failing

Document = Mapping[str, Any]  # how things are, as `vitals` says it
Summary = Mapping[str, Any]  # of a run, as in its summary file

# So long before the window opens its forecast is judged; photos are still coming before.
_FORECAST_LEAD = timedelta(hours=1)
# Free space must be this much above a limit before it counts as enough again.
_ROOM = 1.1
_MOST_ERRORS = 5
_QUIET = Patience()

_MINUTE = 60.0


def patience(rule: str, settings: AlertSettings) -> Patience:
    """How long a condition of that rule must hold, and be over, before it is told.

    What is judged once for a run needs none; what can come and go within minutes does.
    """
    match rule:
        case "share_unavailable":
            return Patience(settings.share_minutes * _MINUTE, settings.share_minutes * _MINUTE)
        case "run_failed":
            return Patience(settings.failing_minutes * _MINUTE, settings.failing_minutes * _MINUTE)
        case "low_disk" | "disk_too_small" | "watch_degraded":
            return Patience(1 * _MINUTE, 10 * _MINUTE)
        case "forecast_misses_window":
            return Patience(1 * _MINUTE, 30 * _MINUTE)
        case "backup_failed":  # it is tried again within the hour
            return Patience(90 * _MINUTE, 90 * _MINUTE)
    return _QUIET


# --- how things are ------------------------------------------------------------------------------


def of_status(
    document: Document, settings: AlertSettings, needed_bytes: float | None
) -> Iterator[Observation]:
    """What the status shows.

    needed_bytes: free space on the disk of sorted_dir that the waiting photos need, above the
    minimum; None where that is not known.
    """
    yield from _failing(document)
    yield _low_disk(document["disk"], settings.low_disk_gb)
    if needed_bytes is not None and "sorted" in document["disk"]:
        yield _disk_too_small(document, needed_bytes)
    backup = document["backup"]
    yield Observation("backup_failed", backup is not None, {"why": backup})
    watch = document["watch"]
    yield Observation(
        "watch_degraded", watch["degraded"], {"mode": watch["mode"], "why": watch["why"]}
    )


def _failing(document: Document) -> Iterator[Observation]:
    """The share, the model, or something else that keeps the sorting from its work."""
    waiting = document["queue"]["waiting"]
    absent = {name: text for name, text in document["share"].items() if text != "available"}
    yield Observation("share_unavailable", bool(absent), {"folders": absent, "waiting": waiting})
    failing = document["failing"]
    facts = {"waiting": waiting, **(failing or {})}
    is_model = failing is not None and facts.pop("is_model")
    yield Observation("model_failed", is_model, {"why": facts.get("why"), "waiting": waiting})
    # A folder that is away is why the work fails, and told as that.
    holds = None if absent or is_model else failing is not None
    yield Observation("run_failed", holds, facts)


def _low_disk(disk: Mapping[str, int], limit_gb: float) -> Observation:
    limit_mb = round(limit_gb * 1000)
    low = {name: free for name, free in disk.items() if free < limit_mb}
    is_enough = all(free >= limit_mb * _ROOM for free in disk.values())
    holds = True if low else False if is_enough else None
    return Observation("low_disk", holds, {"disks": low, "limit_mb": limit_mb})


def _disk_too_small(document: Document, needed_bytes: float) -> Observation:
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


def of_end(error: Exception, why: str) -> Observation:
    """What an error that ends the process means. why: one line."""
    if isinstance(error, ModelError):
        return Observation("model_failed", True, {"why": why, "waiting": None})
    return Observation("run_failed", True, {"why": why, "failures": 1, "waiting": None})


# --- windows -------------------------------------------------------------------------------------


def of_forecast(document: Document, now: datetime) -> Observation | None:
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


def is_attended(document: Document) -> bool:
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


def of_open_run(under_way: Summary, settings: AlertSettings) -> Observation | None:
    """Whether a run takes long already; None while that cannot be said.

    under_way: the keys of a summary, as far as they are known; seconds since it was opened.
    """
    seen = _slow_run(under_way, settings)
    return seen if seen.holds else None


def of_closed_run(
    summary: Summary, settings: AlertSettings, incidents: Iterable[Incident]
) -> Observation | None:
    """How long a run took; None where the opposite was told of it while it went on."""
    seen = _slow_run(summary, settings)
    was_told = any(
        incident.rule == "slow_run" and incident.facts["run"] == summary["run"]
        for incident in incidents
    )
    return None if was_told and not seen.holds else seen


def _slow_run(summary: Summary, settings: AlertSettings) -> Observation:
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
    summaries: Sequence[Summary],
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


def imbalance(summary: Summary, at: datetime) -> Alert | None:
    """Tell of a run whose figures do not add up; of one a day, however many there are."""
    came = summary["waiting_before"] + summary["arrived"]
    went = summary["total_processed"] + summary["gone"] + summary["waiting_after"]
    if came == went:
        return None
    keys = ("run", "waiting_before", "arrived", "total_processed", "gone", "waiting_after")
    facts = {**{key: summary[key] for key in keys}, "missing": came - went}
    return news("imbalance", f"{at:%Y%m%d}", at, facts)


def run_finished(
    summaries: Sequence[Summary], mark: str, at: datetime, files: Files | None = None
) -> Alert | None:
    """Tell of a run, or of all that ended since yesterday; None when there was nothing to do.

    summaries: oldest first. mark: the run's id, or the day.
    """
    if not _sum(summaries, "total_processed"):
        return None
    files = files or Files()
    counts = ("total_processed", "successful", "review", "duplicates", "failed")
    judged = _sum(summaries, "successful") + _sum(summaries, "review")
    tried = judged + _sum(summaries, "failed")
    confidence = sum(
        one["average_confidence"] * (one["successful"] + one["review"]) for one in summaries
    )
    last = summaries[-1]
    facts = {
        "run": last["run"],
        "runs": len(summaries),
        "started": summaries[0]["started"],
        "finished": last["finished"],
        **{key: _sum(summaries, key) for key in counts},
        "deferred": last["deferred"],
        "waiting_after": last["waiting_after"],
        "success_rate": round(100 * judged / tried, 2) if tried else 0.0,
        "processing_time_seconds": round(_sum(summaries, "processing_time_seconds"), 1),
        "average_confidence": round(confidence / judged, 4) if judged else None,
        "categories": _most_first(summaries),
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


def weekly_summary(told: Mapping[str, Any], at: datetime, report: Path | None) -> Alert | None:
    """Tell of a week; None when there was nothing to do.

    told: `week`, `page` and `figures` as the periodical remembers them.
    """
    figures = told["figures"]
    if figures is None or not figures["total_processed"]:
        return None
    counts = ("runs", "total_processed", "successful", "review", "duplicates", "failed")
    facts = {
        "week": told["week"],
        "first_day": figures["from"],
        "last_day": figures["to"],
        **{key: figures[key] for key in counts},
        "success_rate": figures["success_rate"],
        "average_confidence": figures["average_confidence"],
        "categories": figures["categories"],
        "corrected": figures.get("corrected"),
        "report": told["page"],
    }
    return news("weekly_summary", told["week"], at, facts, (report,) if report else ())


def _sum(summaries: Iterable[Summary], key: str) -> Any:
    return sum(summary[key] for summary in summaries)


def _most_first(summaries: Iterable[Summary]) -> dict[str, int]:
    photos: dict[str, int] = {}
    for summary in summaries:
        for category, count in summary["categories"].items():
            photos[category] = photos.get(category, 0) + count
    return dict(sorted(photos.items(), key=lambda item: (-item[1], item[0])))


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

"""News: what is told once and cannot last: a run, a period, a lesson, a mended database.

What was told already is remembered by facts in the store, and by the keys of alerts.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import Settings
from daemon.alerting import rules
from daemon.alerting.period_news import monthly_summary, weekly_summary
from daemon.domain.alerts import RULES, Alert, news
from daemon.domain.promotions import Promoted
from daemon.domain.status import UndecidedStatus
from daemon.domain.summaries import RunSummary
from daemon.store import Store
from daemon.store.facts import MONTH_TOLD, PROMOTED, RESTORED, WEEK_TOLD

# Facts in the store.
_DAY_TOLD = "day_told"  # the local day on which the day before was told, in continuous mode
_WEEK_SAID = "week_said"  # the week that was summed up last
_MONTH_SAID = "month_said"  # the month that was summed up last
_RESTORED_SAID = "restored_said"  # when the database was mended that was told of last
_PROMOTION_SAID = "promotion_said"  # the mark of the promotion that was told of last
_LESSON_SAID = "lesson_said"  # when the lesson was held that was told of last

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
# A share that hangs must not hold up who asks for its files.
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell, and what is to be remembered with it."""

    alerts: tuple[Alert, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def news_at(now: datetime, store: Store, settings: Settings) -> News:
    """What is to be told at this time."""
    parts = [
        _day(now, store, settings),
        _week(now, store, settings),
        _month(now, store, settings),
        _mended(now, store),
        _lesson(now, store),
        _promotion(now, store),
    ]
    facts = {key: value for part in parts for key, value in part.facts.items()}
    return News(tuple(alert for part in parts for alert in part.alerts), facts)


def news_of_run(
    summary: RunSummary, files: rules.Files, undecided: UndecidedStatus, now: datetime
) -> list[Alert]:
    """What is to be told of a run that has ended. undecided: of all nights."""
    told = (
        rules.imbalance(summary, now),
        rules.run_finished([summary], summary["run"], now, undecided, files),
    )
    return [alert for alert in told if alert is not None]


def files_of(run: str, results_dir: Path) -> rules.Files:
    """What a run left that people may read."""
    report, results = _existing(
        results_dir / f"batch_report_{run}.html", results_dir / f"batch_results_{run}.csv"
    )
    return rules.Files(report, results)


def _mended(now: datetime, store: Store) -> News:
    """Whether the database had to be mended since the last start."""
    restored = store.facts.get(RESTORED)
    if restored is None or store.facts.get(_RESTORED_SAID) == restored["at"]:
        return News()
    mark = datetime.fromisoformat(restored["at"]).strftime("%Y%m%dT%H%M%S")
    told = {key: restored[key] for key in RULES["database_restored"].facts}
    return News((news("database_restored", mark, now, told),), {_RESTORED_SAID: restored["at"]})


def _lesson(now: datetime, store: Store) -> News:
    """Whether a lesson was held by itself since the last one that was told."""
    last = store.examples.last_lesson()
    if last is None or not last["by_itself"] or store.facts.get(_LESSON_SAID) == last["at"]:
        return News()
    mark = datetime.fromisoformat(last["at"]).strftime("%Y%m%dT%H%M%S")
    known = {"new_labels": [], **last}  # a lesson of an older nightsort says less
    told = {key: value for key, value in known.items() if key in RULES["lesson_learnt"].facts}
    return News((news("lesson_learnt", mark, now, told),), {_LESSON_SAID: last["at"]})


def _promotion(now: datetime, store: Store) -> News:
    """Whether a version that head office offers was compared since the last one told of."""
    promoted: Promoted | None = store.facts.get(PROMOTED)
    if promoted is None or promoted["state"] != "over" or not promoted["judgement"]:
        return News()
    mark = f"{promoted['id']}-{promoted['sha256'][:12]}"  # the mirror may count anew
    if store.facts.get(_PROMOTION_SAID) == mark:
        return News()
    told = {"version": promoted["name"], **promoted}
    facts = {key: told[key] for key in RULES["promotion_compared"].facts}
    said = news("promotion_compared", mark, now, facts)
    return News((said,), {_PROMOTION_SAID: mark})


def _day(now: datetime, store: Store, settings: Settings) -> News:
    """In continuous mode: what was sorted from one morning to the next."""
    if settings.window.mode != "continuous":
        return News()
    told = store.facts.get(_DAY_TOLD)
    morning = datetime.combine(now.date(), settings.alerts.morning, now.tzinfo)
    if now < morning:
        morning -= _DAY
    day = morning.date().isoformat()
    if told == day:
        return News()
    summaries = [
        summary
        for summary in store.runs.summaries_of_days((now - 3 * _DAY).date(), now.date())
        if morning - _DAY < datetime.fromisoformat(summary["finished"]) <= morning
    ]
    said = None
    if told is not None and summaries:  # a new instance, or a new mode, has no yesterday
        files = files_of(summaries[-1]["run"], settings.results_dir)
        undecided = store.history.undecided()
        said = rules.run_finished(summaries, f"{morning:%Y%m%d}", now, undecided, files)
    return News((said,) if said else (), {_DAY_TOLD: day})


def _week(now: datetime, store: Store, settings: Settings) -> News:
    alerts = settings.alerts
    if _DAYS[now.weekday()] != alerts.weekly_summary or now.time() < alerts.morning:
        return News()
    told = store.facts.get(WEEK_TOLD)
    if told is None or told["week"] == store.facts.get(_WEEK_SAID):
        return News()
    (report,) = _existing(settings.results_dir / told["page"]) if told["page"] else (None,)
    said = weekly_summary(told, now, report)
    return News((said,) if said else (), {_WEEK_SAID: told["week"]})


def _month(now: datetime, store: Store, settings: Settings) -> News:
    """The month before, on the first morning on which its report is there."""
    told = store.facts.get(MONTH_TOLD)
    if told is None or told["month"] == store.facts.get(_MONTH_SAID):
        return News()
    if now.time() < settings.alerts.morning:
        return News()
    if told["month"] != f"{now.date().replace(day=1) - _DAY:%Y-%m}":
        return News()
    (report,) = _existing(settings.results_dir / told["page"]) if told["page"] else (None,)
    said = monthly_summary(told, now, report)
    return News((said,) if said else (), {_MONTH_SAID: told["month"]})


def _existing(*paths: Path) -> tuple[Path | None, ...]:
    """Each path that is a file, None for each that is not or does not answer in time."""
    found: dict[Path, bool] = {}

    def look() -> None:
        for path in paths:
            with suppress(OSError):
                found[path] = path.is_file()

    thread = threading.Thread(target=look, name="files", daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return tuple(path if found.get(path) else None for path in paths)

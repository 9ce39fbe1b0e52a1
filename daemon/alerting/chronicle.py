"""The chronicle: what is told once and cannot last: a run, a day, a week, a mended database.

What was told already is remembered by facts in the store, and by the keys of alerts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from config.settings import Settings
from daemon.alerting import rules
from daemon.alerting.alert import RULES, Alert, news
from daemon.alerting.files import existing
from daemon.housekeeping.healing import RESTORED
from daemon.reporting.periodical import WEEK_TOLD
from daemon.store import Store

# Facts in the store.
_DAY_TOLD = "day_told"  # the local day on which the day before was told, in continuous mode
_WEEK_SAID = "week_said"  # the week that was summed up last
_RESTORED_SAID = "restored_said"  # when the database was mended that was told of last

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


class Chronicle:
    """Says what there is to tell of what has happened."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """From now on these settings hold."""
        self._settings = settings
        self._is_continuous = settings.window.mode == "continuous"

    def news(self, now: datetime, facts: dict[str, Any]) -> Iterator[Alert]:
        """What is to be told at this time. facts: gets what is to be remembered with it."""
        yield from self._daily(now, facts)
        yield from self._weekly(now, facts)
        yield from self._restored(now, facts)

    def of_run(self, summary: dict[str, Any], files: rules.Files, now: datetime) -> Iterator[Alert]:
        """What is to be told of a run that has ended; in continuous mode the day tells of it."""
        told = [rules.imbalance(summary, now)]
        if not self._is_continuous:
            told.append(rules.run_finished([summary], summary["run"], now, files))
        yield from filter(None, told)

    def files(self, run: str) -> rules.Files:
        """What a run left that people may read."""
        folder = self._settings.results_dir
        report, results = existing(
            folder / f"batch_report_{run}.html", folder / f"batch_results_{run}.csv"
        )
        return rules.Files(report, results)

    def _restored(self, now: datetime, facts: dict[str, Any]) -> Iterator[Alert]:
        """Whether the database had to be mended since the last start."""
        restored = self._store.fact(RESTORED)
        if restored is None or self._store.fact(_RESTORED_SAID) == restored["at"]:
            return
        facts[_RESTORED_SAID] = restored["at"]
        mark = datetime.fromisoformat(restored["at"]).strftime("%Y%m%dT%H%M%S")
        told = {key: restored[key] for key in RULES["database_restored"].facts}
        yield news("database_restored", mark, now, told)

    def _daily(self, now: datetime, facts: dict[str, Any]) -> Iterator[Alert]:
        """In continuous mode: what was sorted from one morning to the next."""
        if not self._is_continuous:
            return
        told = self._store.fact(_DAY_TOLD)
        morning = datetime.combine(now.date(), self._settings.alerts.morning, now.tzinfo)
        if now < morning:
            morning -= _DAY
        day = morning.date().isoformat()
        if told == day:
            return
        facts[_DAY_TOLD] = day
        summaries = [
            summary
            for summary in self._store.summaries_of_days((now - 3 * _DAY).date(), now.date())
            if morning - _DAY < datetime.fromisoformat(summary["finished"]) <= morning
        ]
        if told is not None and summaries:  # a new instance, or a new mode, has no yesterday
            files = self.files(summaries[-1]["run"])
            mark = morning.strftime("%Y%m%d")
            yield from filter(None, [rules.run_finished(summaries, mark, now, files)])

    def _weekly(self, now: datetime, facts: dict[str, Any]) -> Iterator[Alert]:
        alerts = self._settings.alerts
        if _DAYS[now.weekday()] != alerts.weekly_summary or now.time() < alerts.morning:
            return
        told = self._store.fact(WEEK_TOLD)
        if told is None or told["week"] == self._store.fact(_WEEK_SAID):
            return
        facts[_WEEK_SAID] = told["week"]
        page = told["page"] and self._settings.results_dir / told["page"]
        (report,) = existing(page) if page else (None,)
        yield from filter(None, [rules.weekly_summary(told, now, report)])

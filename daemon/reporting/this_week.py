"""The week so far: what was done since Monday, added up for the status."""

from __future__ import annotations

from datetime import date, timedelta

from daemon.domain.clock import Clock
from daemon.domain.summaries import RunSummary
from daemon.reporting.figures import Counts
from daemon.store import Runs


class ThisWeek:
    """Counts anew only when a run has ended, or a week."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._runs = runs
        self._clock = clock
        self._counted: tuple[date, str | None] | None = None
        self._figures: dict[str, int] = {}

    def figures(self, last_run: RunSummary | None) -> dict[str, int]:
        """Runs and photos since Monday; a run belongs to the day on which it began."""
        today = self._clock.now().date()
        monday = today - timedelta(days=today.weekday())
        now = (monday, None if last_run is None else last_run["run"])
        if now != self._counted:
            counts = Counts()
            for summary in self._runs.summaries_of_days(monday, monday + timedelta(days=6)):
                counts.add(summary)
            self._figures = {
                "runs": counts.runs,
                "total_processed": counts.photos,
                "successful": counts.successful,
                "review": counts.review,
                "duplicates": counts.duplicates,
                "failed": counts.failed,
            }
            self._counted = now
        return self._figures

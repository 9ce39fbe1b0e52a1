"""The press: has everything written that people read, and written again when they spoke.

Lists for the warehouse follow a person's word at once; pages, which take longer, once nobody has
said anything more for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from config.errors import TransientError
from daemon.clock import Clock
from daemon.reporting.exports import Exports
from daemon.reporting.periodical import Periodical
from daemon.reporting.reporter import Reporter
from daemon.store import Store

log = structlog.get_logger()

# The fact that holds the number of the last correction that the lists tell of.
_LISTED = "corrections_listed"


@dataclass(frozen=True, slots=True)
class Writers:
    """Who writes what."""

    exports: Exports
    reporter: Reporter
    periodical: Periodical


class Press:
    """Keeps what people read up to date."""

    def __init__(self, store: Store, writers: Writers, clock: Clock) -> None:
        self._store = store
        self._writers = writers
        self._clock = clock
        self._stale: dict[str, None] = {}  # runs whose page is older than their lists

    def tell(self, summary: dict[str, Any], go_on: Callable[[], bool] = lambda: True) -> list[Path]:
        """Write lists, page and workbook of a closed run; returns where.

        go_on: asked now and then; False ends it, and nothing is returned.
        Raises TransientError when a folder does not answer.
        """
        is_newest = summary["run"] == self.newest_run()
        lists = self._writers.exports.write_lists(summary, self._clock.now(), is_newest=is_newest)
        pages = self._writers.reporter.write(summary, is_newest=is_newest, go_on=go_on)
        self._stale.pop(summary["run"], None)
        return [*pages, *lists] if pages else []

    def follow(self) -> bool:
        """Bring the lists up to what people said; whether there was anything new.

        What is refused now is written next time.
        """
        listed = self._store.fact(_LISTED) or 0
        runs, newest = self._store.corrected_since(listed)
        if newest == listed:
            return False
        try:
            self._writers.exports.write_corrections(self._clock.now())
            for summary in filter(None, map(self._store.summary, runs)):
                self._writers.exports.write_lists(
                    summary, self._clock.now(), is_newest=summary["run"] == self.newest_run()
                )
        except TransientError as exc:
            log.warning("corrections_not_exported", why=str(exc))
            return True
        self._stale |= dict.fromkeys(runs)
        self._store.remember(_LISTED, newest)
        return True

    def catch_up(self, go_on: Callable[[], bool]) -> None:
        """Write the pages again of those runs that people spoke of; gives up where refused."""
        while self._stale and go_on():
            run = next(iter(self._stale))
            try:
                if (summary := self._store.summary(run)) is not None:
                    self.tell(summary, go_on)
            except TransientError as exc:
                log.warning("report_not_written", run=run, why=str(exc))
            self._stale.pop(run, None)

    def week(self) -> None:
        """When a week is over and was not told of yet, do so. Never raises for a folder."""
        self._writers.periodical.check()

    @property
    def periodical(self) -> Periodical:
        """Who writes of periods."""
        return self._writers.periodical

    def newest_run(self) -> str | None:
        """The run that was closed last."""
        return next((str(one["run"]) for one in self._store.summaries(limit=1)), None)

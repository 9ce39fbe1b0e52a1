"""Upkeep: all that is done beside sorting photos and for its sake.

Reports, backups, what is too old, folders that were emptied; new settings, another model, and what
people's decisions teach.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime

from config.settings import Settings
from daemon.domain.examples import LearningStatus
from daemon.domain.status_words import Problem
from daemon.intake.empty_folders import EmptyFolders
from daemon.maintenance.housekeeper import Housekeeper
from daemon.maintenance.reconcile import Reconciler
from daemon.reporting.report_thread import ReportThread
from daemon.reporting.report_updater import ReportUpdater
from daemon.service.reload import Reloading
from daemon.service.teaching import Teaching
from daemon.sorting.model_slot import ModelSlot

# Between two looks at a lesson that is held.
_LESSON_SECONDS = 0.5


class Upkeep:
    """Keeps one instance well."""

    def __init__(
        self,
        housekeeper: Housekeeper,
        reports: ReportThread,
        reloading: Reloading,
        slot: ModelSlot,
        empty_folders: EmptyFolders,
        teaching: Teaching,
        reconciler: Reconciler,
    ) -> None:
        self._housekeeper = housekeeper
        self._reports = reports
        self._reloading = reloading
        self._slot = slot
        self._empty_folders = empty_folders
        self._teaching = teaching
        self.ask_reload, self.reload_if_asked = reloading.ask, reloading.check
        self.reconcile = reconciler.reconcile

    @contextmanager
    def kept(self, *, is_service: bool) -> Iterator[None]:
        """Work in threads of its own until the end of the `with` block.

        is_service: else the process ends with its run, and makes no backups.
        """
        with self._reports.kept():
            if not is_service:
                yield
                return
            try:
                with self._housekeeper.kept():
                    yield
            finally:
                self._teaching.lessons.stop()

    def end(self) -> None:
        """Leave what can be left; from any thread."""
        self._reports.end()

    def check(self, quiet_since: datetime | None = None) -> None:
        """Let what is due be done. quiet_since: when the last run ended; None: somebody works.

        Raises StoreDamaged when one of the threads met that.
        """
        self._reports.check()
        self._housekeeper.check(quiet_since)

    def tidy(self, *, is_quiet: bool) -> None:
        """Remove what is not needed any more, and learn. All folders must be there, nobody sorting.

        is_quiet: no run is open; in continuous mode one is for hours, and who asks for a lesson
        does not wait for its end. Raises TransientError when a folder does not answer.
        """
        self._empty_folders.tidy()
        if is_quiet:
            self._housekeeper.tidy()
        may_learn = is_quiet or self._teaching.lessons.is_asked_for
        if may_learn and not self._reports.is_awaited:  # who waits for reports comes first
            self._teaching.step()

    def catch_up(self) -> Future[None]:
        """Have the pages written that people made old, which otherwise waits a while."""
        return self._reports.make(ReportUpdater.catch_up)

    @property
    def settings(self) -> Settings:
        """Those that are in use; from any thread."""
        return self._reloading.settings

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What people should see in the status."""
        own = self._reloading.problem, self._slot.problem
        return tuple(filter(None, (*own, *self._housekeeper.problems)))

    def give_way(self) -> None:
        """Photos are being sorted: leave them the machine."""
        self._teaching.lessons.give_way()

    @property
    def longest_sleep_seconds(self) -> float:
        """How long the loop may sleep: a lesson that is held ends within seconds."""
        return _LESSON_SECONDS if self._teaching.lessons.is_wanted else float("inf")

    @property
    def learning(self) -> LearningStatus:
        """How much was said to learn from, and what came of the last lesson."""
        return self._teaching.lessons.status()

    @property
    def model_problem(self) -> Problem | None:
        """Why another model judges than the one that is to; None: all is well."""
        return self._slot.problem or None

    @property
    def promise(self) -> float | None:
        """What the card of the model in use promises of what is filed without a look."""
        return self._slot.model.promise

    @property
    def backup_problem(self) -> Problem | None:
        """Why there is no new backup; None: all is well."""
        return self._housekeeper.backup_problem

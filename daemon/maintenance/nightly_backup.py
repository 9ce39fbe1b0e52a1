"""The nightly backup: made by itself, once a day, when nobody works.

In a thread of its own and with the lowest priority, so that neither a huge database nor a folder
that hangs holds up the sorting. What fails is told, and tried again within the hour.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import structlog

from config.errors import NightsortError, StoreDamaged
from daemon.domain.clock import Clock
from daemon.domain.status_words import NO_PROBLEM, problem
from daemon.maintenance.backups import Backups

log = structlog.get_logger()

TURN_SECONDS = 60.0
_TRY_AGAIN_SECONDS = 3600.0
_DAY = timedelta(days=1)
_LONG_ENOUGH = timedelta(hours=12)
_JOIN_SECONDS = 2.0
_PAUSE_SECONDS = 0.005
_LOWEST_PRIORITY = 19


class _Ending(Exception):
    """The service ends: the backup is made another time."""


def backup_is_due(newest: datetime | None, run_ended: datetime, now: datetime) -> bool:
    """Say whether to make one now that it is quiet. newest: when the newest was made.

    A day after the last one; or after half a day, once a run has ended since, so that it follows
    the night's run.
    """
    if newest is None:
        return True
    age = now - newest
    return age >= _DAY or (age >= _LONG_ENOUGH and run_ended > newest)


class NightlyBackup:
    """Makes a backup every day."""

    def __init__(self, backups: Backups, clock: Clock, *, is_wanted: bool) -> None:
        self._backups = backups
        self._clock = clock
        self._is_wanted = is_wanted
        self._quiet_since: datetime | None = None
        self._try_again_at = float("-inf")
        self._ending = threading.Event()
        self.problem = NO_PROBLEM  # why there is no new backup, for the status
        self.damage: StoreDamaged | None = None  # what a backup showed of the database

    def note(self, quiet_since: datetime | None) -> None:
        """Take the service's word: when the last run ended; None: somebody works."""
        self._quiet_since = quiet_since

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Make backups when they are due, until the end of the `with` block."""
        thread = threading.Thread(target=self._keep, name="backup", daemon=True)
        if self._is_wanted:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            if self._is_wanted:
                thread.join(_JOIN_SECONDS)

    def turn(self) -> None:
        """Make a backup if one is due."""
        now, run_ended = self._clock.now(), self._quiet_since
        if run_ended is None or self._clock.steady() < self._try_again_at:
            return
        try:
            made = [one.made_at for one in self._backups.listed() if one.made_at <= now + _DAY]
            if backup_is_due(next(iter(made), None), run_ended, now):
                self._backups.make(now, pause=self._pause)
                self._backups.drop_old(now)
            self.problem = NO_PROBLEM
        except NightsortError as exc:
            self._try_again_at = self._clock.steady() + _TRY_AGAIN_SECONDS
            self.problem = problem("no_backup", problem=exc)
            self.damage = exc if isinstance(exc, StoreDamaged) else None
            log.error("backup_failed", why=str(exc))

    def _keep(self) -> None:
        with suppress(OSError):  # a hardened unit forbids even that
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        while not self._ending.wait(TURN_SECONDS):
            try:
                self.turn()
            except _Ending:
                return
            except Exception as exc:
                self._try_again_at = self._clock.steady() + _TRY_AGAIN_SECONDS
                self.problem = problem("no_backup", problem=exc)
                log.critical("defect_met", exc_info=True)

    def _pause(self) -> None:
        if self._ending.is_set():
            raise _Ending
        time.sleep(_PAUSE_SECONDS)

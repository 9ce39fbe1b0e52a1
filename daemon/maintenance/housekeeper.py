"""The housekeeper: does what keeps an instance well, a little at a time, while nobody works."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from daemon.domain.clock import Clock
from daemon.domain.status_words import NO_PROBLEM, Problem, problem
from daemon.maintenance.nightly_backup import NightlyBackup
from daemon.maintenance.retention import Retention
from daemon.store import Store
from daemon.store.facts import RESTORED

# So long people see in the status that the database was mended, also those back from a weekend.
_TOLD_FOR = timedelta(days=3)


class Housekeeper:
    """Keeps one instance."""

    def __init__(
        self,
        store: Store,
        nightly: NightlyBackup,
        retention: Retention,
        clock: Clock,
    ) -> None:
        self._nightly = nightly
        self._retention = retention
        self._clock = clock
        self._restored = store.facts.get(RESTORED)

    def kept(self) -> AbstractContextManager[None]:
        """Make nightly backups until the end of the `with` block."""
        return self._nightly.kept()

    def check(self, quiet_since: datetime | None) -> None:
        """Let what is due be done. quiet_since: when the last run ended; None: somebody works.

        Raises StoreDamaged when a backup showed that the database is.
        """
        self._nightly.note(quiet_since)
        if self._nightly.damage is not None:
            raise self._nightly.damage

    def tidy(self) -> None:
        """Let go of a few things that are too old. All folders must be there, nobody sorting."""
        self._retention.step()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What people should see in the status."""
        return tuple(filter(None, (self._mended(), self._nightly.problem)))

    @property
    def backup_problem(self) -> Problem | None:
        """Why there is no new backup; None: all is well."""
        return self._nightly.problem or None

    def _mended(self) -> Problem:
        told = self._restored
        if told is None or self._clock.now() - datetime.fromisoformat(told["at"]) > _TOLD_FOR:
            return NO_PROBLEM
        about = {"problem": told["why"], "when": told["at"][:16].replace("T", " ")}
        if told["backup"]:
            return problem("restored", backup=told["backup"], **about)
        return problem("begun_anew", **about)

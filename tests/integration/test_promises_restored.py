"""Promise 1 holds too where older databases are restored, in any order with everything else.

The machine of `test_promises`, whose administrator makes backups at any moment, also in mid-run,
and restores any of them; each time the rest is taken from results and folders. Left out are sources
that had to stay: they are known again by the clock, which stands still here (`test_restoring`).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from daemon.maintenance.backups import Backups
from daemon.maintenance.reconcile import Reconciler
from daemon.maintenance.repair import heal
from daemon.maintenance.restore import restore
from daemon.store import DATABASE
from tests.integration.test_promises import WHICH, Night
from tests.support.long import LONG

pytestmark = pytest.mark.timeout(1800 if LONG else 300)


class RestoredNight(Night):
    """A share whose database is an older one now and then."""

    @property
    def backups(self) -> Backups:
        return Backups(self.core.state, None, keep_days=0)

    def _reconcile(self) -> None:
        core = self.core
        assert Reconciler(core.store, core.trees, core.seeker, core.clock).reconcile()
        core.store._db.execute("PRAGMA synchronous = OFF")

    @rule(folder=st.sampled_from(["sorted", "results"]))
    def it_works_while_a_folder_refuses(self, folder: str) -> None:
        self._work_while_refused(folder)

    def nothing_of_ours_is_left(self) -> None:
        """A copy that was under way stays, hidden, where nobody knows of it any more."""

    @rule()
    def a_backup_is_made(self) -> None:
        self.backups.make(self.core.clock.now(), pause=lambda: None)
        self.core.clock.advance(1)

    @precondition(lambda self: hasattr(self, "core") and self.backups.listed())
    @rule(which=WHICH)
    def a_backup_is_restored(self, which: int) -> None:
        made = self.backups.listed()
        self.core.stop()
        restore(self.core.state, made[which % len(made)].path, self.core.clock.now())
        self.core._start()
        self._reconcile()

    @rule(is_cut_off=st.booleans())
    def the_database_is_damaged(self, is_cut_off: bool) -> None:
        self.core.stop()
        database = self.core.state / DATABASE
        whole = database.read_bytes()
        database.write_bytes(whole[: len(whole) // 2] if is_cut_off else b"\xa5" * len(whole))
        heal(self.backups, self.core.clock.now(), str)
        self.core._start()
        self._reconcile()


TestRestoredNight = RestoredNight.TestCase
TestRestoredNight.settings = settings(
    max_examples=500 if LONG else 60,
    derandomize=not LONG,  # the same nights each time; the long version looks for others
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

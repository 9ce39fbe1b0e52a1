"""A core with what keeps it for years: backups, restoring, retention."""

from __future__ import annotations

from pathlib import Path

from config.settings import RetentionSettings
from daemon.folders.tree import Tree
from daemon.maintenance.backups import Backups
from daemon.maintenance.reconcile import Reconciler
from daemon.maintenance.repair import heal
from daemon.maintenance.restore import restore
from daemon.maintenance.retention import Retention
from daemon.reporting.exports import Exports
from daemon.reporting.run_files import RunResults
from daemon.sorting.filer import FilingPolicy
from tests.support.core import Core, tiny_photo


class Shop(Core):
    """Nights, and what a housekeeper does between them."""

    def __init__(self, folder: Path, filing: FilingPolicy | None = None) -> None:
        super().__init__(folder, inline=True, filing=filing)
        self.backups = Backups(self.state, None, keep_days=14)
        self.rules = RetentionSettings()
        self.retention = self._retention()

    def _retention(self) -> Retention:
        trees = Tree(self.sorted), Tree(self.results)
        return Retention(self.store, *trees, self.rules, self.clock)

    def keep(self, **rules: float) -> None:
        """From now on these days hold in `[retention]`; nothing else does."""
        self.rules = RetentionSettings(**({"compress_results_days": 0.0} | rules))
        self.retention = self._retention()

    def tidy(self, steps: int = 1000) -> None:
        """Take all steps of a day."""
        for _ in range(steps):
            self.retention.step()

    def back_up(self) -> Path:
        return self.backups.make(self.clock.now(), pause=lambda: None).path

    def restore(self, backup: Path) -> None:
        """As `nightsort restore`; the daemon is not running."""
        self.stop()
        restore(self.state, backup, self.clock.now())
        self._start()
        assert self.reconciler().reconcile()

    def heal(self, instance: str = "") -> None:
        """As every start does."""
        self.stop()
        heal(self.backups, self.clock.now(), lambda: instance)
        self._start()
        assert self.reconciler().reconcile()

    def reconciler(self) -> Reconciler:
        return Reconciler(self.store, self.trees, self.seeker, self.clock)

    def night(self, *names: str, first: int = 0, category: str = "Shirts") -> str:
        """Drop photos and sort them; returns the run's id. The next day begins."""
        for number, name in enumerate(names, start=first):
            self.drop(name, tiny_photo(category, number))
        run = str(self.recover_and_drain()["run"])
        self.clock.advance(86_400)
        return run

    def export_corrections(self) -> None:
        Exports(self.store, Tree(self.results), {}).write_corrections(self.clock.now())

    def history(self) -> dict[str, tuple[object, ...]]:
        """What is known of each photo, by its result, as far as the results tell it."""
        return {
            f"{run['run']}/{story.source}": (
                story.state, story.status, story.category, story.place, story.decided,
                story.return_id, story.sha256, story.recorded_at, story.fingerprint,
            )
            for run in self.store.runs.summaries()
            for story in self.store.history.stories_of_run(run["run"])
        }  # fmt: skip

    def rebuilt(self, run: str) -> bytes:
        """The CSV of a run as `results rebuild` makes it."""
        folder = self.state / "rebuilt"
        folder.mkdir(exist_ok=True)
        results = RunResults(folder, run, self.incoming, self.sorted)
        results.begin(self.store.runs.rows(run))
        return results.csv_path.read_bytes()

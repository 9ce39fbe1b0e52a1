"""The results of the run under way: files that say at any moment what the store says."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from daemon.domain.runs import ResultRow
from daemon.domain.summaries import RunSummary
from daemon.folders.tree import Tree
from daemon.reporting.run_files import RunResults
from daemon.store import Runs


class OpenResults:
    """Keeps the files of one run at a time."""

    def __init__(self, runs: Runs, results: Tree, incoming: Path, sorted_dir: Path) -> None:
        self._runs = runs
        self._results = results
        self._incoming = incoming
        self._sorted_dir = sorted_dir
        self._open: RunResults | None = None

    def begin(self, run: str) -> None:
        """Make sure that results can be written, before the first photo moves.

        Raises TransientError when the folder is away or refuses.
        """
        self._results.require()
        if self._open is None:
            self._open = self._begun(run)

    def append(self, run: str, rows: Collection[ResultRow]) -> None:
        """Add rows, which the store has already. Raises TransientError as `begin` does."""
        if self._open is None or not self._open.append(rows):
            self._open = None  # a person changed or removed the file: once more from the store
            self.begin(run)

    def finish(self, run: str, summary: RunSummary) -> None:
        """Write the summary, and copies of the newest. Raises TransientError as `begin` does."""
        self._results.require()
        # Not used twice: of what a disk refused to take it may say nothing the next time.
        results, self._open = self._open, None
        # Between a photo's record and its row something may have failed, which was told then.
        if results is None or not results.is_whole(summary["total_processed"]):
            results = self._begun(run)
        results.finish(summary)
        results.copy_as_latest()

    def discard(self, run: str) -> None:
        """Remove what a run left that came to nothing."""
        self._of(run).discard()

    def leave(self) -> None:
        """Let go of the run; the next call is about another, or about what the store says of it."""
        self._open = None

    def _begun(self, run: str) -> RunResults:
        results = self._of(run)
        results.begin(self._runs.rows(run))
        return results

    def _of(self, run: str) -> RunResults:
        return RunResults(self._results.root, run, self._incoming, self._sorted_dir)

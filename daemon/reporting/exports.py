"""What other people and programs take from results_dir/exports, made from the store each time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from daemon.records import as_text
from daemon.store import Store
from daemon.tree import Tree
from daemon.writing import write_csv

EXPORTS = "exports"
CORRECTION_COLUMNS = (
    "filename", "return_id", "run", "what", "category_before", "category", "person", "timestamp",
    "moved_from", "moved_to", "sha256",
)  # fmt: skip


class Exports:
    """The folder `exports` in results_dir."""

    def __init__(self, store: Store, results: Tree) -> None:
        self._store = store
        self._results = results

    def write_corrections(self, now: datetime) -> Path | None:
        """Write `corrections_<date>.csv` of the local day of `now`; None when there were none.

        Raises TransientError when the folder refuses.
        """
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        corrections = self._store.corrections_between(begin, begin + timedelta(days=1))
        if not corrections:
            return None
        path = self._folder() / f"corrections_{begin:%Y%m%d}.csv"
        rows = [
            (
                story.filename,
                story.return_id,
                story.run,
                one.word,
                one.before,
                one.category,
                one.person,
                one.at.astimezone(now.tzinfo).isoformat(timespec="seconds"),
                as_text(one.move.source),
                as_text(one.move.target),
                story.sha256,
            )
            for one, story in corrections
        ]
        write_csv(path, CORRECTION_COLUMNS, rows)
        return path

    def _folder(self) -> Path:
        """The folder, made when missing; never through a link that somebody put there."""
        with self._results.folder(EXPORTS, create=True):
            return self._results.root / EXPORTS

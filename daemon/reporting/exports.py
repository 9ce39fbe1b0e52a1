"""What other people and programs take from results_dir/exports, made from the store each time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.records import as_text
from daemon.reporting.latest import copy_as_latest
from daemon.reporting.pick_page import write_pick_lists
from daemon.reporting.picking import Codes, Filed, filed, pick_lists, waiting
from daemon.store import Store
from daemon.tree import Tree
from daemon.writing import number, replacing, write_csv

EXPORTS = "exports"
INVENTORY_COLUMNS = (
    "return_id", "category", "category_code", "confidence", "auto_classified", "location",
    "filename",
)  # fmt: skip
CORRECTION_COLUMNS = (
    "filename", "return_id", "run", "what", "category_before", "category", "person", "timestamp",
    "moved_from", "moved_to", "sha256",
)  # fmt: skip


class Exports:
    """The folder `exports` in results_dir."""

    def __init__(self, store: Store, results: Tree, codes: Codes) -> None:
        """codes: what the warehouse calls each category, and where it is stored."""
        self._store = store
        self._results = results
        self._codes = codes

    def write_lists(self, summary: dict[str, Any], now: datetime, *, is_newest: bool) -> list[Path]:
        """Write pick lists and inventory of a closed run as its photos lie now; returns where.

        Raises TransientError when the folder refuses.
        """
        run, folder = summary["run"], self._folder()
        picks, inventory = folder / f"pick_lists_{run}.html", folder / f"inventory_{run}.csv"
        write_csv(
            inventory,
            INVENTORY_COLUMNS,
            map(self._inventory_row, filed(self._store.stories_of_run(run))),
        )
        lists = pick_lists(filed(self._store.stories_of_run(run)), self._codes)
        left = list(waiting(self._store.stories_of_run(run)))
        with replacing(picks) as file:
            write_pick_lists(file, summary, lists, left, now)
        if is_newest:
            copy_as_latest(picks, "pick_lists_latest.html")
            copy_as_latest(inventory, "inventory_latest.csv")
        return [picks, inventory]

    def _inventory_row(self, photo: Filed) -> tuple[str, ...]:
        code, location = self._codes.get(photo.category, ("", ""))
        return (
            photo.return_id,
            photo.category,
            code,
            number(photo.confidence),
            "false" if photo.is_checked else "true",
            location,
            photo.filename,
        )

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

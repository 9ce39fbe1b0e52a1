"""Writes what people read of a run beside its CSV: the page, and the workbook.

Made after the run, from the store and the photos where they lie now; made again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from daemon.reporting.latest import copy_as_latest
from daemon.reporting.morning import Morning, gather
from daemon.reporting.run_page import Reach, write_report
from daemon.reporting.workbook import write_workbook
from daemon.store import Store
from daemon.thumbnails import Thumbnails
from daemon.tree import Tree
from daemon.writing import replacing

LARGE, LITTLE = 360, 176  # pixels of the longer side


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """What reports say beside the figures."""

    links: str | None  # how people reach sorted
    settings: list[tuple[str, str]]  # those worth telling


class Reporter:
    """Writes reports into results_dir."""

    def __init__(
        self,
        store: Store,
        sorted_tree: Tree,
        results: Tree,
        thumbnails: Thumbnails,
        policy: ReportPolicy,
    ) -> None:
        self._store = store
        self._sorted = sorted_tree
        self._results = results
        self._thumbnails = thumbnails
        self._policy = policy

    def write(
        self,
        summary: dict[str, Any],
        *,
        is_newest: bool,
        go_on: Callable[[], bool] = lambda: True,
    ) -> list[Path]:
        """Write page and workbook of a closed run; returns where, nothing when it was ended early.

        go_on: asked now and then; False ends it, and nothing is written.
        Raises TransientError when a folder does not answer.
        """
        morning = gather(self._store, summary)
        pictures = self._pictures(morning, go_on)
        if not go_on():
            return []
        self._results.require()
        run, folder = summary["run"], self._results.root
        page, book = folder / f"batch_report_{run}.html", folder / f"batch_results_{run}.xlsx"
        reach = Reach(self._policy.links, str(self._sorted.root))
        with replacing(page) as file:
            write_report(file, morning, pictures, reach, self._policy.settings)
        with replacing(book) as file:
            write_workbook(file, self._store.rows(run), morning, pictures, self._policy.links)
        if is_newest:
            copy_as_latest(page, "batch_report_latest.html")
            copy_as_latest(book, "batch_results_latest.xlsx")
        return [page, book]

    def _pictures(self, morning: Morning, go_on: Callable[[], bool]) -> dict[str, bytes]:
        little = [
            *(twin.original for twin in morning.duplicates if twin.original),
            *(story.place for story in chain.from_iterable(morning.samples.values())),
        ]
        large = [story.place for story in morning.review if story.state != "undone"]
        return self._thumbnails.of(little, LITTLE, go_on) | self._thumbnails.of(large, LARGE, go_on)

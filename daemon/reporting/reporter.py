"""Writes what people read of a run beside its CSV: the page, and the workbook.

Made after the run, from the store and the photos where they lie now; made again at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from config.errors import PhotoError
from daemon.examine import Limits, read_photo
from daemon.heralding import forecast_for
from daemon.reporting.latest import copy_as_latest
from daemon.reporting.morning import Morning, gather
from daemon.reporting.remains import may_be_shown, remains
from daemon.reporting.run_page import Reach, write_report
from daemon.reporting.workbook import write_workbook
from daemon.store import Store
from daemon.thumbnails import Thumbnails
from daemon.tree import Tree
from daemon.writing import replacing

LITTLE = 176  # pixels of the longer side
# Of photos to decide: up to so many on a page are so large.
_SIDES = ((60, 360), (150, 260))
_SMALL_RUN = 300  # photos, up to which a page keeps below three megabytes
_MOST_DAMAGED = 60


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """What reports say beside the figures."""

    links: str | None  # how people reach sorted
    settings: list[tuple[str, str]]  # those worth telling
    limits: Limits  # of what is decoded


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
            expected = forecast_for(self._store, morning.started)
            write_report(file, morning, pictures, reach, self._policy.settings, expected)
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
        return (
            self._thumbnails.of(little, LITTLE, go_on)
            | self._thumbnails.of(large, _side(len(large), morning), go_on)
            | self._damaged(morning, go_on)
        )

    def _damaged(self, morning: Morning, go_on: Callable[[], bool]) -> dict[str, bytes]:
        """What can still be seen of photos in quarantine."""
        found: dict[str, bytes] = {}
        limits = self._policy.limits
        there = (story for story in morning.quarantined if story.state == "quarantined")
        for story in islice((s for s in there if may_be_shown(s.reason)), _MOST_DAMAGED):
            if not go_on():
                break
            with suppress(FileNotFoundError, PhotoError):
                data, _ = read_photo(self._sorted, story.place, limits.max_file_bytes)
                if (picture := remains(data, LITTLE, limits.max_megapixels)) is not None:
                    found[story.place] = picture
        return found


def _side(pictures: int, morning: Morning) -> int:
    """How large pictures may be when there are so many: the page of a small run stays light."""
    side = next((side for most, side in _SIDES if pictures <= most), LITTLE)
    return side if morning.summary["total_processed"] <= _SMALL_RUN else max(side, _SIDES[-1][1])

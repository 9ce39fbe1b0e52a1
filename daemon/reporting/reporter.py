"""Writes what people read of a run beside its CSV: the page, and the workbook.

Made after the run, from the store and the photos where they lie now; made again at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from config.errors import PhotoBusy, PhotoError
from config.value import UNSAID, ValueSettings
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import RunSummary
from daemon.folders.photo_files import Limits, read_photo
from daemon.folders.tree import Tree
from daemon.folders.writing import replacing
from daemon.reporting.forecast_log import forecast_for
from daemon.reporting.latest import copy_as_latest
from daemon.reporting.remains import may_be_shown, remains
from daemon.reporting.run_data import RunData, gather
from daemon.reporting.run_page import Reach, write_report
from daemon.reporting.thumbnails import Shown, Thumbnails
from daemon.reporting.value import facts_of_run
from daemon.reporting.workbook import write_workbook
from daemon.reporting.workbook_files import WorkbookFiles
from daemon.store import Store
from daemon.store.facts import WORKBOOKS_OWED

LITTLE = 176  # pixels of the longer side
# Of photos to decide: up to so many on a page are so large.
_SIDES = ((60, 360), (150, 260))
_SMALL_RUN = 300  # photos, up to which a page keeps below three megabytes
_MOST_DAMAGED = 60
MOST_SPOT_CHECKS = 250
_LATEST_BOOK = "batch_results_latest.xlsx"


@dataclass(frozen=True, slots=True)
class ReportPolicy:
    """What reports say beside the figures."""

    links: str | None  # how people reach sorted
    settings: Callable[[], list[tuple[str, str]]]  # those worth telling, as they hold now
    limits: Limits  # of what is decoded
    categories: Callable[[], Sequence[str]] = tuple  # what people may choose
    value: ValueSettings = UNSAID  # what is assumed where it is told what was saved
    spot_checks: float = 0.05  # share of what was filed without a look
    say: Speech = ENGLISH


class _InUse(Exception):
    """Somebody saved the workbook while it was made anew."""


class Reporter:
    """Writes reports into results_dir."""

    def __init__(
        self,
        store: Store,
        sorted_tree: Tree,
        results: Tree,
        thumbnails: Thumbnails,
        policy: ReportPolicy,
        beat: Callable[[], object] = lambda: None,
    ) -> None:
        """beat: called now and then on the way; what it raises ends it, and nothing is written."""
        self._beat = beat
        self._store = store
        self._sorted = sorted_tree
        self._results = results
        self._thumbnails = thumbnails
        self._policy = policy
        self._books = WorkbookFiles(results, store.workbooks)

    def write(self, summary: RunSummary, *, is_newest: bool) -> list[Path]:
        """Write page and workbook of a closed run; returns where.

        A workbook that somebody has open, or saved a moment ago, is left: it is owed.
        Raises TransientError when a folder does not answer.
        """
        say = self._policy.say
        self._store.spot_checks.choose(summary["run"], self._policy.spot_checks, MOST_SPOT_CHECKS)
        run_data = gather(self._store, summary, say)
        pictures = self._pictures(run_data)
        self._beat()
        self._results.require()
        run, folder = summary["run"], self._results.root
        page = folder / f"batch_report_{run}.html"
        reach = Reach(self._policy.links, str(self._sorted.root))
        with replacing(page) as file:
            expected = forecast_for(self._store.facts, run_data.started)
            worth = facts_of_run(self._store, summary, self._policy.value, say)
            facts = [*worth, *self._policy.settings()]
            write_report(file, run_data, pictures, reach, facts, expected, say)
        self._beat()  # not within: a workbook that is left leaves its temporary files
        if is_newest:
            copy_as_latest(page, "batch_report_latest.html")
        book = self._write_book(run_data, pictures)
        is_owed = book is None or (is_newest and not self._copy_book(book))
        self._owe(run, is_owed=is_owed)
        return [page] if book is None else [page, book]

    def is_there(self, run: str) -> bool:
        """Whether a run has its page or workbook. Raises TransientError when the folder is away."""
        return not {f"batch_report_{run}.html", _book_of(run)}.isdisjoint(self._results.names())

    # --- the workbook ----------------------------------------------------------------------------

    def owed(self, newest: str | None) -> list[str]:
        """Runs whose workbook could not be written anew, under both its names, and now can be."""
        runs: list[str] = self._store.facts.get(WORKBOOKS_OWED) or []
        return [
            run
            for run in runs
            if self._books.may_replace(_book_of(run))
            and (run != newest or self._books.may_replace(_LATEST_BOOK))
        ]

    def _owe(self, run: str, *, is_owed: bool) -> None:
        before: list[str] = self._store.facts.get(WORKBOOKS_OWED) or []
        after = sorted({*before, run} if is_owed else {*before} - {run})
        if after != before:
            self._store.facts.remember(WORKBOOKS_OWED, after)

    def _write_book(self, run_data: RunData, pictures: dict[str, bytes]) -> Path | None:
        """Write the workbook; None where people are at it."""
        run = run_data.summary["run"]
        name, rows = _book_of(run), self._store.runs.rows(run)
        path, links = self._results.root / name, self._policy.links
        categories, say = self._policy.categories(), self._policy.say
        if not self._books.may_replace(name):
            return None
        try:
            with replacing(path) as file:
                write_workbook(file, rows, run_data, pictures, links, categories, say)
                if not self._books.may_replace(name):  # it was saved meanwhile
                    raise _InUse
        except _InUse:
            return None
        self._books.written(name)
        return path

    def _copy_book(self, book: Path) -> bool:
        """Whether the newest workbook has its other name, too."""
        if not self._books.may_replace(_LATEST_BOOK):
            return False
        copy_as_latest(book, _LATEST_BOOK)
        self._books.written(_LATEST_BOOK)
        return True

    # --- pictures --------------------------------------------------------------------------------

    def _pictures(self, run_data: RunData) -> dict[str, bytes]:
        little = [
            *self._originals(run_data),
            *map(Shown.of, chain.from_iterable(run_data.samples.values())),
        ]
        large = [Shown.of(story) for story in run_data.review if story.state != "undone"]
        return (
            self._thumbnails.of(little, LITTLE)
            | self._thumbnails.of(large, _side(len(large), run_data))
            | self._damaged(run_data)
        )

    def _originals(self, run_data: RunData) -> Iterator[Shown]:
        """The photos that duplicates are duplicates of, where they lie now."""
        for place in (twin.original for twin in run_data.duplicates if twin.original):
            for story in islice(self._store.history.lying_at(place), 1):
                yield Shown.of(story)

    def _damaged(self, run_data: RunData) -> dict[str, bytes]:
        """What can still be seen of photos in quarantine."""
        found: dict[str, bytes] = {}
        limits = self._policy.limits
        there = (story for story in run_data.quarantined if story.state == "quarantined")
        for story in islice((s for s in there if may_be_shown(s.reason)), _MOST_DAMAGED):
            self._beat()
            if (kept := self._thumbnails.kept(Shown.of(story), LITTLE)) is not None:
                found[story.place] = kept
                continue
            with suppress(FileNotFoundError, PhotoBusy, PhotoError):
                data, _ = read_photo(self._sorted, story.place, limits.max_file_bytes)
                if (picture := remains(data, LITTLE, limits.max_megapixels)) is not None:
                    found[story.place] = picture
        return found


def _book_of(run: str) -> str:
    return f"batch_results_{run}.xlsx"


def _side(pictures: int, run_data: RunData) -> int:
    """How large pictures may be when there are so many: the page of a small run stays light."""
    side = next((side for most, side in _SIDES if pictures <= most), LITTLE)
    return side if run_data.summary["total_processed"] <= _SMALL_RUN else max(side, _SIDES[-1][1])

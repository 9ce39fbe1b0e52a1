"""What other people and programs take from results_dir/exports, made from the store each time.

`returns_<run>_changes.csv` holds those rows of `returns_<run>.csv` that changed once the run was
closed; a header alone while nothing did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from daemon.domain.photos import as_text
from daemon.domain.phrases import undecided_words
from daemon.domain.returns import ReturnState, changed_since, state_of
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import RunSummary
from daemon.folders.called import as_called
from daemon.folders.tree import Tree
from daemon.folders.writing import number, replacing, write_csv
from daemon.reporting.latest import copy_as_latest
from daemon.reporting.pick_page import Rest, write_pick_lists
from daemon.reporting.picking import Codes, Double, Filed, filed, lies, pick_lists, waiting
from daemon.reporting.retakes import Retakes
from daemon.store import Store

EXPORTS = "exports"
INVENTORY_COLUMNS = (
    "return_id", "category", "category_code", "confidence", "auto_classified", "location",
    "filename", "retaken",
)  # fmt: skip
RETURN_COLUMNS = (
    "return_id", "status", "category", "category_code", "location", "photos", "confidence",
    "decided_by", "updated",
)  # fmt: skip
CORRECTION_COLUMNS = (
    "filename", "return_id", "run", "what", "category_before", "category", "person", "timestamp",
    "moved_from", "moved_to", "sha256",
)  # fmt: skip


class Exports:
    """The folder `exports` in results_dir."""

    def __init__(
        self,
        store: Store,
        results: Tree,
        codes: Codes,
        say: Speech = ENGLISH,
        *,
        ask: str = "",
    ) -> None:
        """codes: what the warehouse calls each category, and where it is stored.

        say: how lists that people read speak. ask: whom people ask, on lists that are printed.
        """
        self._say = say
        self._ask = ask
        self._store = store
        self._results = results
        self._codes = codes

    def write_lists(self, summary: RunSummary, now: datetime, *, is_newest: bool) -> list[Path]:
        """Write pick lists, inventory and returns of a closed run as its photos lie now.

        Returns where. Raises TransientError when the folder refuses.
        """
        run, folder, retakes = summary["run"], self._folder(), Retakes()
        returns = list(self._returns(summary, retakes))
        written = [
            self._write_picks(folder / f"pick_lists_{run}.html", summary, retakes, now),
            self._write_inventory(folder / f"inventory_{run}.csv", run, retakes),
            *self._write_returns(folder, run, returns, now),
        ]
        if is_newest:
            for path in written:
                copy_as_latest(path, path.name.replace(run, "latest"))
        return written

    def _returns(self, summary: RunSummary, retakes: Retakes) -> Iterator[tuple[ReturnState, bool]]:
        """What became of each return of a run, and whether that was after the run was closed.

        retakes: takes in what they say of it.
        """
        run, closed = summary["run"], datetime.fromisoformat(summary["finished"])
        for photos in self._store.returns.of_run(run):
            retakes.see(photos)
            yield state_of(photos), changed_since(photos, run, closed)

    def _write_picks(
        self, path: Path, summary: RunSummary, retakes: Retakes, now: datetime
    ) -> Path:
        stories, run = self._store.history.stories_of_run, summary["run"]
        lists = pick_lists(filed(stories(run)), self._codes)
        others = [story for story in stories(run) if not lies(story)]
        left = list(waiting(story for story in others if story.id not in retakes.by))
        doubles = [
            double
            for story in others
            if story.state == "duplicate"
            and (double := Double.of(story, self._store.history.original(story.sha256)))
        ]
        in_all = undecided_words(**self._store.history.undecided(), say=self._say)
        with replacing(path) as file:
            rest = Rest(left, doubles, in_all)
            write_pick_lists(file, summary, lists, rest, now, self._say, ask=self._ask)
        return path

    def _write_inventory(self, path: Path, run: str, retakes: Retakes) -> Path:
        lying = (story for story in self._store.history.stories_of_run(run) if lies(story))
        rows = (self._inventory_row(Filed.of(story), story.id in retakes.of) for story in lying)
        write_csv(path, INVENTORY_COLUMNS, rows)
        return path

    def _write_returns(
        self, folder: Path, run: str, returns: Sequence[tuple[ReturnState, bool]], now: datetime
    ) -> list[Path]:
        """What became of each return, and those alone of which something was recorded since."""
        every, changes = (folder / f"returns_{run}{end}.csv" for end in ("", "_changes"))
        write_csv(every, RETURN_COLUMNS, (self._return_row(one, now) for one, _ in returns))
        later = (self._return_row(one, now) for one, has_changed in returns if has_changed)
        write_csv(changes, RETURN_COLUMNS, later)
        return [every, changes]

    def _return_row(self, one: ReturnState, now: datetime) -> tuple[str, ...]:
        return (
            one.return_id,
            one.status,
            one.category,
            *self._codes.get(one.category, ("", "")),
            str(one.photos),
            number(one.confidence),
            one.decided_by,
            one.updated.astimezone(now.tzinfo).isoformat(timespec="seconds"),
        )

    def _inventory_row(self, photo: Filed, is_retake: bool) -> tuple[str, ...]:
        code, location = self._codes.get(photo.category, ("", ""))
        return (
            photo.return_id,
            photo.category,
            code,
            number(photo.confidence),
            "false" if photo.is_checked else "true",
            location,
            photo.filename,
            "true" if is_retake else "false",
        )

    def write_corrections(self, now: datetime) -> Path | None:
        """Write `corrections_<date>.csv` of the local day of `now`; None when there were none.

        Raises TransientError when the folder refuses.
        """
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        corrections = self._store.corrections.between(begin, begin + timedelta(days=1))
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

    def rewrite_corrections(self, day: date, now: datetime) -> Path | None:
        """Write those of a day again where they were written, or remove what is empty now."""
        path = self._folder() / f"corrections_{day:%Y%m%d}.csv"
        if not path.exists():
            return None
        written = self.write_corrections(datetime.combine(day, time(12), now.tzinfo))
        if written is None:
            path.unlink(missing_ok=True)
        return path

    def is_there(self, run: str) -> bool:
        """Whether there are lists of a run. Raises TransientError when the folder is away."""
        names = (f"pick_lists_{run}.html", f"inventory_{run}.csv", f"returns_{run}.csv")
        return not {*names}.isdisjoint(self._results.names(as_called(self._results, EXPORTS)))

    def _folder(self) -> Path:
        """The folder, made when missing; never through a link that somebody put there."""
        called = as_called(self._results, EXPORTS)
        with self._results.folder(called, create=True):
            return self._results.root / called

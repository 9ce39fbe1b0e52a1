"""The core at work in real folders: store, workers, sorter and drain, without watcher and service.

    core = Core(tmp_path)
    core.drop("shirt.png", tiny_photo("Shirts", 1))
    core.take_in()                 what lies in incoming is admitted, settled or not
    core.drain()                   one run; returns its summary
    core.restart()                 as a new process on the same folders

A tiny photo's tone is its category: `by_tone` reads it, in place of a model.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from classifier.pixels import UInt8Array
from classifier.verdict import Band, Verdict
from config.errors import TransientError
from config.settings import Settings
from config.value import UNSAID, ValueSettings
from daemon.corrections.corrector import Corrector
from daemon.corrections.moved_photos import MovedPhotos
from daemon.domain.photos import Photo, Sighting
from daemon.domain.return_ids import return_id
from daemon.domain.sorting import Examined, JudgedAhead, Returned
from daemon.folders.photo_files import Limits
from daemon.folders.renaming import Way
from daemon.folders.tree import Folders, Tree, fingerprint_of
from daemon.reporting.kept_pictures import KeptPictures
from daemon.reporting.run_files import Warehouse
from daemon.sorting.back_to_queue import BackToQueue, Waits
from daemon.sorting.drain import Drain, DrainPolicy
from daemon.sorting.filer import Filer, FilingPolicy
from daemon.sorting.labels import label_reader
from daemon.sorting.look_ahead import LookAhead
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.open_results import OpenResults
from daemon.sorting.sorter import Sorter
from daemon.sorting.workers import LookedAhead, Workers, no_label
from daemon.store import Store
from tests.support.classifiers import ScriptedClassifier, verdict
from tests.support.clocks import ManualClock

TONES = {"Shirts": 40, "review": 128, "Tops": 210}
CATEGORIES = ("Shirts", "Tops", "Tshirts")
WAREHOUSE = Warehouse(return_id=return_id, codes={"Shirts": ("SH", "Section A, Aisle 3")})


@cache
def tiny_photo(category: str = "Shirts", number: int = 0) -> bytes:
    """The bytes of a photo that `by_tone` takes for `category`; each number gives other bytes."""
    note = PngInfo()
    note.add_text("number", str(number))
    file = BytesIO()
    Image.new("RGB", (8, 8), (TONES[category],) * 3).save(file, "PNG", pnginfo=note)
    return file.getvalue()


def by_tone(picture: UInt8Array) -> Verdict:
    """An opinion that a test can foresee."""
    tone = picture.mean()
    if 85 <= tone <= 170:
        return verdict("Tops", 0.4123, Band.REVIEW)
    return verdict("Shirts" if tone < 85 else "Tops", 0.9876)


class InlineWorkers(Workers):
    """Workers that have always finished already."""

    def examine(
        self, batch: Sequence[Photo], known: Mapping[int, JudgedAhead] | None = None
    ) -> Future[list[Examined | Returned]]:
        done = super().examine(batch, known or {})
        wait([done])
        return done

    def look_ahead(self, batch: Sequence[Photo]) -> Future[LookedAhead]:
        done = super().look_ahead(batch)
        wait([done])
        return done


class Core:
    """One instance's core; its folders are `incoming`, `sorted`, `results` and `state`."""

    def __init__(
        self,
        folder: Path,
        *,
        batch_size: int = 4,
        reached: Callable[[str], None] = lambda _: None,
        ways: Sequence[Way] | None = None,
        wrap: Callable[[Store], Any] = lambda store: store,
        think: Callable[[UInt8Array], Verdict] = by_tone,
        inline: bool = False,
        filing: FilingPolicy | None = None,
        labels: bool = False,
        value: ValueSettings = UNSAID,
    ) -> None:
        """inline: examine in the calling thread, so that everything happens in one order.

        labels: look for return ids in the photos.
        """
        self.incoming, self.sorted, self.results, self.state = (
            folder / name for name in ("incoming", "sorted", "results", "state")
        )
        for made in (self.incoming, self.sorted, self.results, self.state):
            made.mkdir(parents=True, exist_ok=True)
        self.clock = ManualClock()
        self._drain_policy = DrainPolicy(batch_size, value)
        self._reached, self._ways, self._wrap, self._think = reached, ways, wrap, think
        self._workers = InlineWorkers if inline else Workers
        self._filing = filing or FilingPolicy()
        self._label_of = label_reader(return_id, 1.0) if labels else no_label
        self.pictures = KeptPictures(self.state)
        self.share_log: str | None = None
        self._start()

    def settings(self, **more: Any) -> Settings:
        """Settings of its folders."""
        return Settings(
            incoming_dir=self.incoming,
            sorted_dir=self.sorted,
            results_dir=self.results,
            state_dir=self.state,
            **more,
        )

    @property
    def trees(self) -> Folders:
        """The folders, as the service uses them."""
        return Folders(Tree(self.incoming), Tree(self.sorted), Tree(self.results))

    def _start(self) -> None:
        self.store = Store(self.state)
        used = self._wrap(self.store)
        incoming, sorted_tree = Tree(self.incoming), Tree(self.sorted)
        self.filer = Filer(
            incoming, sorted_tree, self._filing, reached=self._reached, ways=self._ways
        )
        self.classifier = ScriptedClassifier(self._think)
        self.slot = ModelSlot(lambda: self.classifier, count=1)
        self.workers = self._workers(
            incoming, self.slot, Limits(1_000_000, 1.0), 1, self._label_of, self.pictures
        )
        self.sorter = Sorter(used, self.filer, incoming, sorted_tree, WAREHOUSE, self.clock)
        self.seeker = MovedPhotos(
            self.store, sorted_tree, self.filer, lambda: CATEGORIES, self.clock, self.share_log
        )
        self.corrector = Corrector(
            self.store,
            incoming,
            sorted_tree,
            self._filing,
            self.seeker,
            self.clock,
            self._reached,
        )
        patience = Waits(settle_seconds=5.0, cut_off_seconds=600.0)
        back = BackToQueue(used.queue, incoming, self.clock, patience)
        results = OpenResults(used.runs, Tree(self.results), self.incoming, self.sorted)
        self.drainer = Drain(
            used,
            self.workers,
            self.sorter,
            results,
            back,
            self.clock,
            self._drain_policy,
        )

        self.ahead = LookAhead(used.ahead, self.workers, self.clock, share=1.0)

    def stop(self) -> None:
        """End the process, as far as there is one."""
        self.workers.stop()
        self.store.close()

    def restart(self, *, reboot: bool = False) -> None:
        """Go on as a new process, which has not recovered yet."""
        self.stop()
        if reboot:
            self.clock.reboot()
        self._start()

    def drop(self, path: str, content: bytes) -> Path:
        """Put a file into incoming."""
        file = self.incoming / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def sightings(self) -> list[Sighting]:
        """What a look at incoming sees."""
        found = Tree(self.incoming).walk(lambda path: path.rpartition("/")[2].startswith("."))
        return sorted(
            (Sighting(path, fingerprint_of(seen)) for path, seen in found), key=lambda s: s.path
        )

    def take_in(self) -> list[Sighting]:
        """Admit what lies in incoming and is new; returns that."""
        return self.store.admissions.admit(
            self.store.admissions.unknown(self.sightings()), self.clock.now()
        )

    def look_ahead(self) -> None:
        """Judge all that waits and may be judged ahead."""
        self.ahead.turn()
        while self.ahead._in_hand is not None:
            wait([self.ahead._in_hand.looked])
            self.ahead.turn()

    def work(self) -> bool:
        """Drain what is due; the run stays open."""
        return self.drainer.work(lambda: True, lambda: None)

    def drain(self) -> Any:
        """Take in, drain what is due, close the run; returns its summary."""
        self.take_in()
        self.work()
        return self.drainer.close(settling=0)

    def recover_and_drain(self) -> Any:
        """What `nightsort now` does after a start."""
        self.drainer.recover()
        return self.drain()

    def failing(self) -> TransientError | None:
        """Work; the trouble that it met, after which it recovers like the service."""
        try:
            self.work()
        except TransientError as exc:
            return exc
        return None

    def files(self) -> dict[str, bytes]:
        """All files of incoming and sorted but reasons and nightsort's own, with their bytes."""
        return {
            f"{root.name}/{path.relative_to(root)}": path.read_bytes()
            for root in (self.incoming, self.sorted)
            for path in sorted(root.rglob("*"))
            if path.is_file()
            and not path.name.startswith(".nightsort")
            and not path.name.endswith(".reason.txt")
        }

    def rows(self, run: str = "latest") -> list[dict[str, str]]:
        """The rows of a run's CSV."""
        path = self.results / f"batch_results_{run}.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def all_rows(self) -> list[dict[str, str]]:
        """The rows of all runs' CSVs."""
        runs = sorted(self.results.glob("batch_results_2*.csv"))
        return [row for run in runs for row in self.rows(run.stem.removeprefix("batch_results_"))]


@contextmanager
def running(core: Core) -> Iterator[Core]:
    """`core`, stopped at the end."""
    try:
        yield core
    finally:
        core.stop()

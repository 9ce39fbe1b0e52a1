"""Retention: lets go of what is older than `[retention]` says, a few files at a time.

Two things must agree before a file is touched: it is called and placed as nightsort calls it, and
the store knows the run, the corrections or the photo that it is of. Whatever people put beside
goes untouched, as do links, `latest` copies and the newest run. Compressed results hold the same
bytes. Where nothing is set, nothing is removed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

import structlog

from config.errors import FolderRefused, FolderUnavailable, PhotoError, TransientError
from config.settings import RetentionSettings
from daemon.domain.clock import Clock
from daemon.domain.photos import Story, as_text
from daemon.folders.called import as_called
from daemon.folders.names import with_suffix
from daemon.folders.os_errors import printable, trouble
from daemon.folders.tree import Tree, join, split
from daemon.folders.writing import replacing
from daemon.maintenance.validate_results import RUN_ID
from daemon.reporting.exports import EXPORTS
from daemon.reporting.periods import Period
from daemon.sorting.filer import REASON_SUFFIX
from daemon.store import Store
from daemon.store.bucket_copies import copies_of_results

log = structlog.get_logger()

_DAY_SECONDS = 86_400.0
_TRY_AGAIN_SECONDS = 3600.0
_AT_ONCE = 50
_FORGOTTEN_AT_ONCE = 500
_COUNTED = ("compressed", "removed", "photos", "refused", "history", "words")
Rewrite = Callable[[Sequence[str], Sequence[date]], None]
# Photos looked through in one step: some milliseconds of the database's time.
_LOOKED_THROUGH = 5000


@dataclass(frozen=True, slots=True)
class _Kind:
    """Files that nightsort writes into results_dir."""

    folder: str
    pattern: re.Pattern[str]  # its group says of which run, day or period
    is_for_programs: bool  # else for people, who can have it written again


def _kind(folder: str, pattern: str, *, is_for_programs: bool) -> _Kind:
    return _Kind(folder, re.compile(pattern), is_for_programs)


_CSV = re.compile(rf"batch_results_({RUN_ID})\.csv")
_KINDS = (
    _kind("", rf"batch_results_({RUN_ID})\.csv(?:\.gz)?", is_for_programs=True),
    _kind("", rf"summary_({RUN_ID})\.json", is_for_programs=True),
    _kind(EXPORTS, rf"inventory_({RUN_ID})\.csv", is_for_programs=True),
    _kind(EXPORTS, rf"returns_({RUN_ID})(?:_changes)?\.csv", is_for_programs=True),
    _kind(EXPORTS, r"corrections_(\d{8})\.csv", is_for_programs=True),
    _kind("", rf"batch_report_({RUN_ID})\.html", is_for_programs=False),
    _kind("", rf"batch_results_({RUN_ID})\.xlsx", is_for_programs=False),
    _kind("", rf"batch_results_({RUN_ID})\.note\.txt", is_for_programs=False),
    _kind(EXPORTS, rf"pick_lists_({RUN_ID})\.html", is_for_programs=False),
    _kind("", r"period_report_(\d{4}-W\d\d)\.html", is_for_programs=False),
    _kind("", r"period_report_(\d{4}-\d\d)\.html", is_for_programs=False),
    _kind("", r"period_report_(\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d)\.html", is_for_programs=False),
)


def files_of_results(results: Tree) -> Iterator[tuple[str, str, str]]:
    """The files in results_dir that are called as nightsort calls them, but `latest` copies.

    Each by the name that nightsort gave it, where it lies, and its run, day or period. Raises
    TransientError when the folder does not answer.
    """
    results.require()
    for folder in ("", EXPORTS):
        called = as_called(results, folder)
        for name in results.names(called):
            for kind in _KINDS:
                if kind.folder == folder and (match := kind.pattern.fullmatch(name)):
                    yield join(folder, name), join(called, name), match[1]


def is_of_results(name: str) -> bool:
    """Whether nightsort calls a file in results_dir so; `exports/` and all."""
    folder, _, last = name.rpartition("/")
    return any(kind.folder == folder and kind.pattern.fullmatch(last) for kind in _KINDS)


class Retention:
    """Does once a day what `[retention]` asks for."""

    def __init__(
        self,
        store: Store,
        sorted_tree: Tree,
        results: Tree,
        settings: RetentionSettings,
        clock: Clock,
        forget_picture: Callable[[str], None] = lambda _sha256: None,
        rewrite: Rewrite = lambda _runs, _days: None,
    ) -> None:
        """forget_picture: called with the hash of each photo that is removed.

        rewrite: has written again what people read of runs and days, where it is there.
        """
        self._rewrite = rewrite
        self._forget_picture = forget_picture
        self._store = store
        self._sorted = sorted_tree
        self._results = results
        self._settings = settings
        self._clock = clock
        self._steps: Iterator[None] | None = None
        self._due = float("-inf")  # steady seconds
        self._counts: dict[str, int] = {}

    def step(self) -> None:
        """Take one small step, if there is one to take today. Nobody must be sorting.

        A folder that fails is told, and the rest tried again later.
        """
        if self._clock.steady() < self._due:
            return
        if self._steps is None:
            self._counts = dict.fromkeys(_COUNTED, 0)
            self._steps = self._all()
        try:
            next(self._steps)
        except StopIteration:
            self._rest(_DAY_SECONDS)
            if any(self._counts.values()):
                tell = log.warning if self._counts["refused"] else log.info
                tell("retention_applied", **self._counts)
        except TransientError as exc:
            self._rest(_TRY_AGAIN_SECONDS)
            log.warning("retention_interrupted", why=str(exc))

    def _rest(self, seconds: float) -> None:
        self._steps = None
        self._due = self._clock.steady() + seconds

    def _all(self) -> Iterator[None]:
        yield from self._compress()
        yield from self._remove_files(self._settings.results_days, is_for_programs=True)
        yield from self._remove_files(self._settings.reports_days, is_for_programs=False)
        yield from self._let_go_of_photos()
        yield from self._drop_history()
        self._drop_people()

    # --- files of results_dir --------------------------------------------------------------------

    def _compress(self) -> Iterator[None]:
        if not self._settings.compress_results_days:
            return
        before = self._before(self._settings.compress_results_days)
        ends = self._older_runs()
        for name in self._results.names():
            match = _CSV.fullmatch(name)
            if match and self._is_older(name, ends.get(match[1]), before):
                self._compress_one(name)
                yield

    def _compress_one(self, name: str) -> None:
        """Compress a CSV; it goes once what took its place was read again and is the same."""
        self._results.require()
        mark = self._results.seen(name)
        compressed = self._results.root / f"{name}.gz"
        try:
            with (
                os.fdopen(self._results.open_file(name), "rb") as plain,
                replacing(compressed) as file,
            ):
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                    shutil.copyfileobj(plain, packed)
                file.flush()
                at = os.fstat(plain.fileno()).st_mtime_ns  # it is as old as what it holds
                os.utime(file.fileno(), ns=(at, at))
            is_same = self._hash(name) == self._hash(f"{name}.gz")
        except (FileNotFoundError, PhotoError):
            return  # taken away, or nobody may read it
        except (OSError, EOFError, zlib.error) as exc:
            raise FolderUnavailable(
                f"{printable(str(compressed))}: cannot be read again; check that disk"
            ) from exc
        if is_same and self._results.seen(name) == mark:
            self._unlink(self._results, name)  # its copy goes once there is one of the compressed
            self._counts["compressed"] += 1
        else:  # somebody writes to it
            self._unlink(self._results, f"{name}.gz")

    def _hash(self, name: str) -> str:
        with os.fdopen(self._results.open_file(name), "rb") as file:
            plain = gzip.GzipFile(fileobj=file) if name.endswith(".gz") else file
            return hashlib.file_digest(plain, "sha256").hexdigest()

    def _remove_files(self, days: float, *, is_for_programs: bool) -> Iterator[None]:
        if not days:
            return
        before, ends = self._before(days), self._older_runs()
        for kind in _KINDS:
            if kind.is_for_programs is not is_for_programs:
                continue
            folder = as_called(self._results, kind.folder)
            for name in self._results.names(folder):
                match = kind.pattern.fullmatch(name)
                place = join(folder, name)
                if match and self._is_older(place, self._ended(match[1], ends), before):
                    self._remove_file(place)
                    self._store.bucket.let_go(copies_of_results(join(kind.folder, name)))
                    yield

    def _remove_file(self, place: str) -> None:
        try:
            self._counts["removed"] += self._unlink(self._results, place)
        except FolderRefused:
            self._counts["refused"] += 1

    def _older_runs(self) -> dict[str, datetime]:
        """When each closed run but the newest ended."""
        ends = self._store.retention.run_ends()
        if ends:
            ends.popitem()
        return ends

    def _ended(self, what: str, ends: dict[str, datetime]) -> datetime | None:
        """When that run, day or period ended; None when the store knows nothing of it."""
        if what in ends or ("-" not in what and "_" in what):
            return ends.get(what)
        try:
            last = _last_day(what)
        except ValueError:
            return None
        zone = self._clock.now().tzinfo
        begin = datetime(last.year, last.month, last.day, tzinfo=zone)
        end = begin + timedelta(days=1)
        if what.isdecimal():
            return end if self._store.corrections.between(begin, end) else None
        return end if self._store.runs.has_run_by(last) else None

    def _is_older(self, name: str, ended: datetime | None, before: datetime) -> bool:
        """Whether both what a file is of and the file itself are older."""
        if ended is None or ended >= before:
            return False
        mark = self._results.seen(name)
        return mark is not None and mark.mtime_ns < before.timestamp() * 1e9

    # --- photos ----------------------------------------------------------------------------------

    def _let_go_of_photos(self) -> Iterator[None]:
        kept = {
            "filed": self._settings.filed_days,
            "duplicate": self._settings.duplicates_days,
            "quarantined": self._settings.quarantine_days,
        }
        oldest = {state: self._before(days).date() for state, days in kept.items() if days}
        if not oldest:
            return
        for after in range(0, self._store.retention.newest_photo(), _LOOKED_THROUGH):
            photos = iter(self._store.retention.expired(oldest, after, after + _LOOKED_THROUGH))
            while some := list(islice(photos, _AT_ONCE)):
                self._let_go(some)
                yield
            yield

    def _let_go(self, photos: list[Story]) -> None:
        settled = []
        for photo in photos:
            try:
                is_removed = self._remove_photo(photo)
            except FolderRefused:
                self._counts["refused"] += 1
                continue
            settled.append(photo.id)
            event = "photo_removed" if is_removed else "photo_let_go"
            log.info(event, name=as_text(photo.place), category=photo.category_now, run=photo.run)
            self._counts["photos"] += is_removed
        self._store.retention.let_go(settled, self._clock.now())

    def _remove_photo(self, photo: Story) -> bool:
        """Remove a photo that lies where it was put, byte for byte; anything else stays."""
        mark = self._sorted.seen(photo.place)
        if mark is None or not photo.sha256 or self._sorted.sha256(photo.place) != photo.sha256:
            return False
        if self._sorted.seen(photo.place) != mark:
            return False  # somebody writes it this moment
        self._unlink(self._sorted, photo.place)
        self._forget_picture(photo.sha256)
        if photo.state == "quarantined":
            folder, name = split(photo.place)
            reason = join(folder, with_suffix(name, REASON_SUFFIX))
            if self._sorted.seen(reason) is not None:
                self._unlink(self._sorted, reason)
        return True

    # --- what is known ---------------------------------------------------------------------------

    def _drop_history(self) -> Iterator[None]:
        if not self._settings.history_days:
            return
        oldest = self._before(self._settings.history_days).date()
        for after in range(0, self._store.retention.newest_photo(), _FORGOTTEN_AT_ONCE):
            last = after + _FORGOTTEN_AT_ONCE
            self._counts["history"] += self._store.retention.drop_history(
                oldest, after, last, self._clock.now()
            )
            yield

    def _drop_people(self) -> None:
        if not self._settings.people_days:
            return
        before = self._before(self._settings.people_days)
        unnamed = self._store.retention.drop_people(before, self._clock.now())
        if unnamed.spoken_at:
            zone = self._clock.now().tzinfo
            moments = map(datetime.fromisoformat, unnamed.spoken_at)
            self._counts["words"] += len(unnamed.spoken_at)
            self._rewrite(unnamed.runs, sorted({at.astimezone(zone).date() for at in moments}))

    # --- both ------------------------------------------------------------------------------------

    def _before(self, days: float) -> datetime:
        return self._clock.now() - timedelta(days=days)

    @staticmethod
    def _unlink(tree: Tree, path: str) -> bool:
        """Take a file's name away, never through a link; False when it is gone already."""
        folder, name = split(path)
        try:
            with tree.folder(folder) as fd:
                os.unlink(name, dir_fd=fd)
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise trouble(exc, tree.full(path)) from exc
        return True


def _last_day(what: str) -> date:
    """The last day of `20261122`, `2026-W47` or `2026-11-01_2026-11-15`; raises ValueError."""
    if what.isdecimal():
        return date(int(what[:4]), int(what[4:6]), int(what[6:]))
    if "_" in what:
        return date.fromisoformat(what.rpartition("_")[2])
    return (Period.week(what) if "W" in what else Period.month(what)).last

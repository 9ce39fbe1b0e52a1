"""Forgetting a photo, or all of a return, for good: files, pictures, rows, and what was told.

First it is noted in the store what is to go. Then go the files, which may refuse: nothing is
forgotten of a photo that stays. Then the rows, the pictures, the lines in results; then reports and
lists are made again without it, and the database is written anew. The note goes last, so that the
next start finishes what a crash left; and salted digests stay (`daemon.folders.forgotten`), by
which an older database, once restored, forgets the same again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date, datetime

import structlog

from config.errors import RefusedError, TransientError
from config.settings import Settings
from daemon.corrections.moved_photos import MovedPhotos
from daemon.domain.clock import Clock
from daemon.domain.forgetting import Gone, Job, Receipt, Trace
from daemon.domain.photos import Story, as_text
from daemon.folders.contents import drop
from daemon.folders.forgotten import Forgotten, content_mark, result_mark, row_mark
from daemon.folders.os_errors import trouble
from daemon.folders.renaming import Entry
from daemon.folders.tree import Folders
from daemon.maintenance.forgotten_files import Files
from daemon.maintenance.forgotten_remains import (
    copies_elsewhere,
    copies_here,
    export_of,
    file_of,
    workbook_of,
)
from daemon.maintenance.forgotten_versions import strip_versions, that_learnt
from daemon.reporting.kept_pictures import KeptPictures
from daemon.reporting.report_updater import ReportUpdater
from daemon.reporting.run_files import RunResults
from daemon.store import Store
from daemon.store.bucket_copies import copies_of_results
from daemon.store.facts import EXPORTS, FORGOTTEN_CAME, WORKBOOKS_OWED
from daemon.store.traces import Known

log = structlog.get_logger()

_IN_HAND = ("claimed", "classified")
_AGAIN = "nightsort, as it was forgotten before"


class NotExact(RefusedError):
    """What was named is not exactly one photo or one return."""


class Forgetter:
    """Forgets photos."""

    def __init__(
        self,
        store: Store,
        folders: Folders,
        moved_photos: MovedPhotos,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._folders = folders
        self._files = Files(store, folders, moved_photos)
        self._settings = settings
        self._clock = clock
        self._forgotten = Forgotten(settings.state_dir)

    # --- beginning -------------------------------------------------------------------------------

    def begin(self, what: str, photos: Iterable[int], by: str) -> Job:
        """Note what is to be forgotten.

        photos: what whoever asks was shown. Raises NotExact, RefusedError where they are others
        now, one is in hand, or the list of the forgotten is damaged; TransientError when a folder
        does not answer.
        """
        meant = self._store.traces.meant(what)
        if not meant.is_exact:
            raise NotExact(not_exact(what, meant.stories))
        if {story.id for story in meant.stories} != {*photos}:
            raise RefusedError(f"{as_text(what)}: these are other photos by now; ask once more")
        if _are_in_hand(meant.stories):
            raise RefusedError(
                f"{as_text(what)}: it is being sorted right now; ask again in a minute"
            )
        asked = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()
        job = self._job(meant.stories, by, asked, is_return=meant.is_return)
        self._store.forgetting.begin(job)
        return job

    def begin_what_came(self) -> None:
        """Where the list came, or grew, from elsewhere: as `begin_again`."""
        if (size := self._store.facts.get(FORGOTTEN_CAME)) is None:
            return
        self._forgotten.require()
        if len(self._forgotten) >= size:  # else it has not arrived yet
            self.begin_again()
            self._store.facts.remember(FORGOTTEN_CAME, None)

    def begin_again(self) -> None:
        """After an older database took over: note what in it was forgotten before."""
        known, forgotten = self._store.traces, self._forgotten
        if not len(forgotten):
            return
        again = [
            photo
            for photo, seen, source, run, at in known.rows()
            if forgotten.knows(row_mark(photo, seen, source))
            or (run and forgotten.knows(result_mark(run, at, source)))
        ]
        if again:
            self._store.forgetting.begin(
                self._job(known.stories(again), _AGAIN, "", is_return=False)
            )

    def is_forgotten(self, sha256: str) -> bool:
        """Whether a photo of these bytes was forgotten."""
        return len(self._forgotten) > 0 and self._forgotten.knows(content_mark(sha256))

    def remove_again(self, place: str) -> None:
        """Remove a file in sorted whose photo was forgotten, and of which nothing is known."""
        self._files.remove_sorted(place)
        log.info("photos_forgotten", count=1, person=_AGAIN)

    def under_way(self) -> list[Job]:
        """What was begun and is not done."""
        return self._store.forgetting.under_way()

    def renewed(self, job: Job) -> Job:
        """A job of before, with what became since of those photos that are not taken out yet.

        Raises RefusedError while one is in hand, TransientError when a folder does not answer.
        """
        stories = self._store.traces.stories(job.numbers)
        if _are_in_hand(stories):
            raise RefusedError("what is to be forgotten is being sorted right now")
        gone = {one.photo for one in job.photos if one.are_files_gone}
        now = self._job(stories, job.by, job.asked_sha256, is_return=job.is_return, gone=gone)
        had_files = {one.photo for one in job.photos if one.files}  # which are removed if not there
        known = {
            one.photo: replace(one, is_missing=one.is_missing and one.photo not in had_files)
            for one in now.photos
        }
        before = job if len(known) < len(job.photos) else now
        renewed = replace(
            before,
            at=job.at,
            photos=tuple(
                known.get(one.photo, replace(one, files=(), are_files_gone=True))
                for one in job.photos
            ),
            names=tuple(sorted({*before.names, *now.names})),
            runs=tuple(sorted({*job.runs, *now.runs})),
            days=tuple(sorted({*job.days, *now.days})),
        )
        self._store.forgetting.begin(renewed)
        return renewed

    def _job(
        self,
        stories: list[Story],
        by: str,
        asked: str,
        *,
        is_return: bool,
        gone: Container[int] = (),
    ) -> Job:
        """gone: photos whose files were removed already."""
        self._forgotten.require()  # before anything goes: else nobody could note that it is gone
        known = self._store.traces.known([story.id for story in stories])
        zone = self._clock.now().tzinfo
        days = {f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d}" for at in known.spoken_at}
        return Job(
            at=self._clock.now().isoformat(timespec="seconds"),
            by=by,
            asked_sha256=asked,
            is_return=is_return,
            photos=tuple(self._trace(story, known, is_gone=story.id in gone) for story in stories),
            names=known.names,
            runs=known.runs,
            days=tuple(sorted(days)),
            same_bytes=known.same_bytes,
        )

    def _trace(self, story: Story, known: Known, *, is_gone: bool) -> Trace:
        files = () if is_gone else tuple(self._files.of(story))
        hashes = tuple(dict.fromkeys(one for photo, one in known.hashes if photo == story.id))
        return Trace(
            story.id,
            story.first_seen_at,
            story.source,
            story.run,
            story.recorded_at,
            hashes,
            tuple(one for one in hashes if one in known.own_hashes),
            files,
            is_gone,
            not is_gone and self._files.is_missing(story, files),
        )

    # --- taking out ------------------------------------------------------------------------------

    def remove_files(self, job: Job, *, is_new: bool) -> int:
        """Remove the photos' files; returns how many there were.

        is_new: nothing of it was done before; let go of it where the first file cannot be removed.
        Raises TransientError where one cannot; what follows is then done another time.
        """
        removed, gone = 0, set()
        try:
            for photo in job.photos:
                for lying in photo.files:
                    removed += self._files.remove(lying)
                if not photo.is_missing:
                    gone.add(photo.photo)
        except TransientError:
            if is_new and not removed:
                self._store.forgetting.end(job)
            else:
                self._note_gone(job, gone)
            raise
        self._note_gone(job, gone)
        return removed

    def _note_gone(self, job: Job, gone: Container[int]) -> None:
        """Note whose files are removed: the same bytes dropped anew are a new photo."""
        photos = (
            replace(one, are_files_gone=one.are_files_gone or one.photo in gone)
            for one in job.photos
        )
        self._store.forgetting.begin(replace(job, photos=tuple(photos)))

    def erase(self, job: Job) -> None:
        """Take out rows, pictures and lines of results, once the files are gone.

        Raises TransientError when a folder fails: it is finished later.
        """
        self._forgotten.add(_marks(job))
        self._clear_pictures(job)
        strip_versions(self._store, self._settings.state_dir)
        self._store.forgetting.erase(job)
        self._rewrite_results(job)
        log.info("photos_forgotten", count=len(job.photos), person=job.by)

    def conclude(self, updater: ReportUpdater, job: Job, removed: int) -> Receipt:
        """Have all made again that people read; write the database anew; the note goes.

        In the thread of the updater. Raises TransientError when a folder fails.
        """
        self._drop_notes(job)
        rewritten = updater.without(job.runs, map(date.fromisoformat, job.days))
        with closing(Store(self._settings.state_dir)) as store:
            store.forgetting.erase(job)  # what others, who knew of it, have noted since
            store.forgetting.scrub()
            owed = [run for run in store.facts.get(WORKBOOKS_OWED) or () if run in job.runs]
            exports = store.facts.get(EXPORTS) or {}
            store.forgetting.end(job)
            store.forgetting.cut_log()
            waiting = store.mirrored.waiting()
        log.info("forgetting_done", count=len(job.photos), person=job.by)
        return Receipt(
            job.at,
            job.by,
            job.asked_sha256,
            job.is_return,
            tuple(Gone(one.photo, next(iter(one.hashes), "")) for one in job.photos),
            removed,
            tuple(sorted({*self._results_of(job), *(path.name for path in rewritten)})),
            job.same_bytes,
            (
                *copies_here(self._settings, self._clock.now()),
                *(file_of(one.photo) for one in job.photos if one.is_missing),
                *map(workbook_of, owed),
                *that_learnt(self._settings.state_dir, _hashes(job)),
                *map(export_of, exports.items()),
                *copies_elsewhere(self._settings, waiting),
            ),
        )

    # --- pictures --------------------------------------------------------------------------------

    def _clear_pictures(self, job: Job) -> None:
        """Small pictures that were kept; the page clears its own away, too, where we may not."""
        state = self._settings.state_dir
        kept = KeptPictures(state)
        for sha256 in _hashes(job):
            kept.forget(sha256)
            with suppress(OSError):
                for made in (state / "web" / "pictures" / sha256[:2]).glob(f"{sha256}-*"):
                    made.unlink()

    # --- results ---------------------------------------------------------------------------------

    def _rewrite_results(self, job: Job) -> None:
        """The CSV and the summary of each run, where they still are, from what the store has."""
        self._folders.results.require()
        newest = self._store.runs.newest()
        for run in job.own_runs:
            results = self._run_results(run)
            packed = results.csv_path.with_name(f"{results.csv_path.name}.gz")
            names = {*self._folders.results.names()}
            if {results.csv_path.name, packed.name} & names:
                results.begin(self._store.runs.rows(run))
                if packed.name in names:
                    self._drop_result(packed.name)
            summary = self._store.runs.summary(run)
            if summary is not None and results.summary_path.name in names:
                results.finish(summary)
            if newest and run == newest["run"]:
                results.copy_as_latest()

    def _drop_notes(self, job: Job) -> None:
        """Notes beside workbooks say what photos rows were about."""
        for run in job.runs:
            self._drop_result(f"batch_results_{run}.note.txt")

    def _drop_result(self, name: str) -> None:
        try:
            with self._folders.results.folder() as fd:
                drop(Entry(fd, name))
        except OSError as exc:
            raise trouble(exc, self._folders.results.full(name)) from exc
        with closing(Store(self._settings.state_dir)) as store:
            store.bucket.let_go(copies_of_results(name))

    def _results_of(self, job: Job) -> list[str]:
        found = (self._run_results(run) for run in job.own_runs)
        paths = (path for one in found for path in (one.csv_path, one.summary_path))
        return [path.name for path in paths if path.exists()]

    def _run_results(self, run: str) -> RunResults:
        folders = self._folders
        return RunResults(folders.results.root, run, folders.incoming.root, folders.sorted.root)


def not_exact(what: str, stories: Iterable[Story]) -> str:
    """That this is not one photo or one return, in words."""
    found = [*stories]
    if not found:
        return f"{as_text(what)}: no photo of that name or return id"
    listed = "; ".join(f"#{one.id} {one.filename}, {as_text(one.place)}" for one in found[:20])
    more = f"; and {len(found) - 20:,} more" if len(found) > 20 else ""
    unclear = f"{len(found)} photos are called so, and are not one return"
    if len(found) == 1:
        unclear = "may be another day's return of that number"
    return f"{as_text(what)}: {unclear}; name one by its number: {listed}{more}"


def _are_in_hand(stories: Iterable[Story]) -> bool:
    return any(story.state in _IN_HAND for story in stories)


def _marks(job: Job) -> Iterable[str]:
    for one in job.photos:
        yield row_mark(one.photo, one.first_seen_at, one.source)
        if one.run and one.recorded_at:
            yield result_mark(one.run, one.recorded_at, one.source)
        yield from map(content_mark, one.own_hashes)


def _hashes(job: Job) -> list[str]:
    return [one for photo in job.photos for one in photo.own_hashes]

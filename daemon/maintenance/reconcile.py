"""Reconciling: after an older database was restored, the folders tell what it cannot know.

What was sorted since that copy was made stands in the results, line by line, and in the exported
corrections: it is recorded again as it was recorded then, so that no photo is sorted twice and
none is missing in the history. A photo in sorted that no results tell of any more is recorded as
found. What is queued and gone, or planned and half done, the drain finds out by itself.

It may be interrupted at any point and begun again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog

from config.errors import PhotoError
from config.junk import JUNK
from daemon.corrections.moved_photos import MovedPhotos
from daemon.domain.clock import Clock
from daemon.domain.corrections import Correction, Word
from daemon.domain.photo_names import has_photo_extension
from daemon.domain.photos import Fingerprint, Status, as_text
from daemon.domain.runs import ResultRow
from daemon.domain.sorting import Move
from daemon.folders.contents import drop
from daemon.folders.names import DUPLICATES, QUARANTINE, REVIEW
from daemon.folders.os_errors import trouble
from daemon.folders.own_files import RESERVATION
from daemon.folders.renaming import Entry
from daemon.folders.tree import Folders, Tree, fingerprint_of, split
from daemon.intake.screening import Screening, is_private
from daemon.maintenance import validate_results
from daemon.maintenance.forgetting import Forgetter
from daemon.maintenance.read_results import ReadResults, Told
from daemon.maintenance.restore import UNRECONCILED
from daemon.maintenance.stripped import note_all_stripped
from daemon.reporting.run_files import summarise
from daemon.store import Found, Recalled, Store

log = structlog.get_logger()

_JUNK = Screening(JUNK)
GoOn = Callable[[], bool]

_AT_ONCE = 200
# Clocks of file servers, and the moment between a photo's move and its record.
_SLACK = timedelta(minutes=10)
_A_SECOND = 1.0
# Without any results and any backup, photos that came to sorted in this time are looked at.
_WITHOUT_RESULTS = timedelta(days=7)


class Reconciler:
    """Brings the store to what the folders say."""

    def __init__(
        self,
        store: Store,
        folders: Folders,
        moved_photos: MovedPhotos,
        clock: Clock,
        forgetter: Forgetter | None = None,
    ) -> None:
        """forgetter: knows what was forgotten, which an older database does not."""
        self._forgetter = forgetter
        self._store = store
        self._incoming = folders.incoming
        self._sorted = folders.sorted
        self._results = ReadResults(folders.results, folders.incoming, folders.sorted)
        self._moved_photos = moved_photos
        self._clock = clock
        self._counts: dict[str, int] = {}

    def reconcile(self, go_on: GoOn = lambda: True) -> bool:
        """Do so, if an older copy took the database's place; whether nothing is left to do.

        go_on: asked now and then; False leaves the rest for the next time.
        Raises TransientError when a folder does not answer.
        """
        told = self._store.facts.get(UNRECONCILED)
        if told is None:
            return True
        self._counts = dict.fromkeys(("runs", "photos", "corrections", "found"), 0)
        for step in (self._recall_runs, self._recall_corrections, self._find_strays):
            step(told["since"], go_on)
            if not go_on():
                return False
        if self._forgetter is not None:
            self._forgetter.begin_again()
        note_all_stripped(self._store, self._sorted)
        self._store.recall.balance_open_runs()
        self._store.facts.remember(UNRECONCILED, None)
        log.info("database_reconciled", **self._counts, strange=self._results.strange)
        return True

    # --- runs ----------------------------------------------------------------------------------

    def _recall_runs(self, _since: str | None, go_on: GoOn) -> None:
        for run, name in self._results.runs().items():
            if not go_on():
                return
            if self._store.runs.summary(run) is None:
                self._counts["runs"] += 1
                self._counts["photos"] += self._recall(run, name, go_on)

    def _recall(self, run: str, name: str, go_on: GoOn) -> int:
        """Record a run that the store does not know, or knows the beginning of."""
        summary = self._results.summary(run)
        was_open = any(known.id == run for known in self._store.runs.unclosed())
        began = self._began(run) if summary is None else datetime.fromisoformat(summary["started"])
        if summary is not None or not was_open:
            self._store.recall.run(run, began, summary["model"] if summary else "")
        sentences = iter([error["error"] for error in summary["errors"]] if summary else ())
        photos = 0
        lines = self._results.rows(run, name)
        while some := list(islice(lines, _AT_ONCE)):
            recalled = [
                self._look(number, row, next(sentences, "") if row.status is Status.ERROR else "")
                for number, row in some
            ]
            photos += self._store.recall.rows(run, recalled)
            if not go_on():
                return photos
        if summary is not None:
            ended = datetime.fromisoformat(summary["finished"])
            self._store.runs.close(run, ended, summary)
        elif not was_open:
            self._close_without_summary(run)
        return photos

    def _began(self, run: str) -> datetime:
        """When a run began, by its id; that time is local."""
        return validate_results.began(run).replace(tzinfo=self._clock.now().tzinfo)

    def _close_without_summary(self, run: str) -> None:
        """A run whose end nobody saw ended with its last photo."""
        store = self._store
        store.recall.balance_recalled(run)
        tally = store.runs.tally(run)
        last = max((row.timestamp for row in store.runs.rows(run)), default=None)
        ended = datetime.fromisoformat(last) if last else tally.started_at
        summary = summarise(
            replace(tally, waiting_after=0, gone=0), ended, 0, store.runs.errors(run)
        )
        store.runs.close(run, ended, summary)

    def _look(self, number: int, row: ResultRow, reason_text: str) -> Recalled:
        """A line, with what the folders say of its photo now."""
        kept = self._kept_source(row)
        mark = kept or self._sorted.seen(row.target)
        return Recalled(number, row, mark, kept is not None, reason_text)

    def _kept_source(self, row: ResultRow) -> Fingerprint | None:
        """The source, if it had to stay in incoming; not a file that came there later."""
        found = self._stat(self._incoming, row.source)
        if found is None:
            return None
        recorded = datetime.fromisoformat(row.timestamp).timestamp()
        if found.st_ctime > recorded + _A_SECOND:
            return None
        # What nobody may read has no hash, and stays where it cannot be renamed.
        same = not row.sha256 or self._incoming.sha256(row.source) == row.sha256
        return fingerprint_of(found) if same else None

    # --- corrections -----------------------------------------------------------------------------

    def _recall_corrections(self, _since: str | None, _go_on: GoOn) -> None:
        for told in self._results.corrections():
            self._counts["corrections"] += self._recall_correction(told)

    def _recall_correction(self, told: Told) -> bool:
        """Record a correction that is not known; False when it is, or its photo is not."""
        for story in self._store.history.stories(told.moved_from):
            if story.place != told.moved_from or story.sha256 != told.sha256:
                continue
            undone = told.word is Word.UNDONE
            mark = (self._incoming if undone else self._sorted).seen(told.moved_to)
            mark = mark or story.fingerprint
            move = Move(story.id, told.moved_from, told.moved_to, mark, told.sha256)
            known = self._store.corrections.of(story.id)
            if any(one.word is told.word and one.at >= told.at for one in known):
                continue
            self._store.corrections.note(
                Correction(
                    0, story.id, told.word, told.before, told.category, told.person, told.at, move
                )
            )
            if undone:
                self._store.recall.forget_queued(told.moved_to, mark)
            return True
        return False

    # --- files that no results tell of -----------------------------------------------------------

    def _find_strays(self, since: str | None, go_on: GoOn) -> None:
        """Plan anew what was moved, and of which neither results nor an intention tell any more."""
        begin = datetime.fromisoformat(since) if since else self._last_begin()
        for found in self._strays((begin - _SLACK).timestamp(), go_on):
            self._store.recall.replan_found(found, self._source_of(found))
            self._counts["found"] += 1
            log.warning("photo_found", place=as_text(found.place))

    def _last_begin(self) -> datetime:
        """Since when results may lack photos, where no backup says: the newest run's begin."""
        newest = max(self._results.runs(), default=None)
        return self._began(newest) if newest else self._clock.now() - _WITHOUT_RESULTS

    def _strays(self, since: float, go_on: GoOn) -> Iterator[Found]:
        """Photos in sorted that came there since, of which nothing is known."""
        walk = self._sorted.walk(_is_hidden)
        for number, (place, found) in enumerate(walk):
            if number % 1000 == 0 and not go_on():
                return
            if found.st_ctime < since or not has_photo_extension(place):
                continue
            if self._store.recall.is_place_known(place) or self._is_reservation(place, found):
                continue
            sha256 = self._sorted.sha256(place)
            if self._forgetter is not None and self._forgetter.is_forgotten(sha256):
                self._forgetter.remove_again(place)
            elif sha256 and not self._is_elsewhere(sha256):
                status, category = _by_folder(place)
                at = datetime.fromtimestamp(found.st_ctime, UTC)
                yield Found(place, status, category, fingerprint_of(found), sha256, at)

    def _is_reservation(self, place: str, found: os.stat_result) -> bool:
        """Whether it is a name that was kept for a photo that then did not come; it goes."""
        if found.st_size > len(RESERVATION) + 64:
            return False
        folder, name = split(place)
        try:
            with os.fdopen(self._sorted.open_file(place), "rb") as file:
                is_ours = file.read().startswith(RESERVATION)
            if is_ours:
                with self._sorted.folder(folder) as fd:
                    drop(Entry(fd, name))
        except (FileNotFoundError, PhotoError):
            return False
        except OSError as exc:
            raise trouble(exc, self._sorted.full(place)) from exc
        return is_ours

    def _is_elsewhere(self, sha256: str) -> bool:
        """Whether it is a known photo that somebody moved there, which is recorded, or copied."""
        twins = [place for place, _ in self._store.history.twins(sha256)]
        for place in twins:
            if self._sorted.seen(place) is None:
                for story in self._store.history.stories(place):
                    self._moved_photos.notice(story)
        return bool(twins)

    def _source_of(self, found: Found) -> str | None:
        """What a found photo was in incoming, as far as that can be told.

        A photo of its name and size that was queued and is gone; or one that is the very file,
        as it was given its second name and not yet relieved of its first.
        """
        name = split(found.place)[1]
        for path in self._store.recall.queued_as(name, found.mark.size_bytes):
            if self._stat(self._incoming, path) is None:
                return path
        stat = self._stat(self._sorted, found.place)
        if stat is not None and stat.st_nlink > 1:
            for path, other in self._incoming.walk(is_private):
                if os.path.samestat(stat, other):
                    return path
        return None

    # --- looking ---------------------------------------------------------------------------------

    @staticmethod
    def _stat(tree: Tree, path: str) -> os.stat_result | None:
        try:
            return tree.stat(path)
        except OSError as exc:
            raise trouble(exc, tree.full(path)) from exc


def _by_folder(place: str) -> tuple[Status, str]:
    """What the folder says that became of a photo, and its category."""
    top, _, rest = place.partition("/")
    if top == DUPLICATES:
        return Status.DUPLICATE, ""
    if top == QUARANTINE:
        return Status.ERROR, ""
    if top == REVIEW:
        return Status.REVIEW, rest.partition("/")[0]
    return Status.SUCCESS, top if rest else ""


def _is_hidden(path: str) -> bool:
    return _JUNK.is_junk(path) or path.rpartition("/")[2].startswith(("@", "#"))

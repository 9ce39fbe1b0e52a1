"""A person's later word on photos: another category, or back to where it came from.

Each move is planned in the store, made, then recorded, like the filing of a photo, so that a crash
leaves nothing that the next start cannot finish or take back; nothing is ever overwritten. The
results of the run in which a photo was filed never change: history and reports tell of it.

A photo that was put back is left alone in incoming until a person touches it (renames it, moves it,
writes it anew): sorted again at once, it would only go where it was taken from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, islice

import structlog

from config.errors import FolderRefused, TransientError
from daemon.corrections.answers import NOT_MOVED, WHY_NOT, NoSuchCategory, NoSuchPhoto, PhotosDone
from daemon.corrections.moved_photos import MovedPhotos, Seen
from daemon.corrections.reason_notes import keep_reasons
from daemon.domain.clock import Clock
from daemon.domain.corrections import Correction, Via, Word
from daemon.domain.orders import Code, PhotosAnswer, Speaker
from daemon.domain.photos import Fingerprint, Status, Story, as_text
from daemon.domain.sorting import Move, Placement, Source
from daemon.folders.called import as_called
from daemon.folders.contents import drop
from daemon.folders.mounts import events_arrive, mount_of
from daemon.folders.names import (
    RETAKE,
    compare_key,
    label_problem,
    numbered,
    safe_name,
)
from daemon.folders.renaming import Entry
from daemon.folders.tree import Tree, join, split
from daemon.sorting.filer import Filer, FilingPolicy
from daemon.sorting.moves import carry_out, recovered
from daemon.store import Store

log = structlog.get_logger()

# How many photos are planned, moved and recorded together.
_AT_ONCE = 32
_CORRECTABLE = ("filed", "review", "retake")
_UNDOABLE = ("filed", "review", "retake", "duplicate", "quarantined")


class Corrector:
    """Carries out what people say of sorted photos."""

    def __init__(
        self,
        store: Store,
        incoming: Tree,
        sorted_tree: Tree,
        policy: FilingPolicy,
        moved_photos: MovedPhotos,
        clock: Clock,
        reached: Callable[[str], None] = lambda _point: None,
    ) -> None:
        """reached: told of each point passed on the way."""
        self._store = store
        self._incoming = incoming
        self._sorted = sorted_tree
        self._within = Filer(sorted_tree, sorted_tree, policy, reached=reached)
        self._back = Filer(sorted_tree, incoming, FilingPolicy(), reached=reached)
        self._moved_photos = moved_photos
        self._clock = clock
        self.say = self._within.say  # how people are spoken to in notes

    def correct(
        self, what: str, category: str, person: str, via: Via = Via.COMMAND
    ) -> PhotosAnswer:
        """Give a photo another category, or confirm the one that it has.

        Raises NoSuchPhoto when there is not exactly one such photo, NoSuchCategory, and
        TransientError when a folder fails: what was under way is then left to
        `finish_interrupted`.
        """
        self.finish_interrupted()
        known = self.category(category)
        story = self._one(what, _CORRECTABLE)
        answer, by = PhotosDone(), Speaker(person, via)
        if (seen := self._seen(story, answer)) is None:
            return answer.whole()
        story = self._one(what, _CORRECTABLE) if seen.place != story.place else story
        folder = self._folder_for(story, Status.SUCCESS, known)
        word = Word.CORRECTED
        if story.state != "review" and _lies_in(folder, seen):
            if story.status != Status.SUCCESS or self._store.corrections.of(story.id):
                answer.leave(story, Code.ALREADY, _as_it_was(story, known, seen))
                return answer.whole()
            word = Word.CHECKED
        self._put(story, seen, folder, word, known, by, answer)
        return answer.whole()

    def put(self, story: Story, word: Word, category: str, by: Speaker) -> PhotosAnswer:
        """Carry a decision out; the photo moves to where it belongs after that, if need be.

        category: what it is from now on, or is guessed to be. Raises TransientError as `correct`.
        """
        answer = PhotosDone()
        if (seen := self._seen(story, answer)) is not None:
            status = Status.REVIEW if word is Word.TAKEN_BACK else Status.SUCCESS
            folder = RETAKE if word is Word.RETAKE else self._folder_for(story, status, category)
            self._put(story, seen, folder, word, category, by, answer)
        return answer.whole()

    def undo(self, what: str, person: str, via: Via = Via.COMMAND) -> PhotosAnswer:
        """Put a photo, or all photos of a run, back where they came from.

        Raises as `correct` does.
        """
        self.finish_interrupted()
        answer, by = PhotosDone(), Speaker(person, via)
        photos = iter(self._all(what))
        while some := list(islice(photos, _AT_ONCE)):
            try:
                self._undo(some, by, answer)
            except TransientError as exc:
                if not answer.done:
                    raise
                answer.leave_rest(some, Code.UNKNOWN_OUTCOME, str(exc))
                answer.leave_rest(photos, Code.UNAVAILABLE, str(exc))
        return answer.whole()

    def _undo(self, some: Iterable[Story], by: Speaker, answer: PhotosDone) -> None:
        jobs = []
        for story in some:
            seen = self._seen(story, answer)
            if seen is None:
                continue
            if story.kept_source:
                answer.leave(story, Code.ALREADY, "its source still lies in incoming")
                continue
            folder = as_called(self._incoming, split(story.source)[0])
            ways = _ways_back(story, seen, folder)
            jobs.append(self._job(story, Word.UNDONE, "", by, ways))
        self._carry_out(jobs, answer)

    def notice_dragged(self, limit: int) -> int:
        """Record which of the newest `limit` photos people dragged on the share; how many.

        Raises TransientError when the folder does not answer.
        """
        return self._moved_photos.notice_dragged(limit)

    def notice_decided(self, limit: int) -> int:
        """As `notice_dragged`, of the newest `limit` photos in review only."""
        return self._moved_photos.notice_decided(limit)

    def finish_interrupted(self) -> None:
        """Finish, or take back, what was under way when something failed.

        Raises TransientError when a folder still fails; call it again later.
        """
        unfinished = self._store.corrections.unfinished()
        for planned, how in recovered(unfinished, self._filer, _tell_out_of_reach):
            if how is None:
                self._take_back(planned, None)
            else:
                self.record([(planned, how)])
            log.info("correction_recovered", photo=planned.photo_id, ended=how or "undone")

    # --- inside --------------------------------------------------------------------------------

    def _carry_out(self, jobs: Iterable[_Job], answer: PhotosDone) -> None:
        """Plan, move, record jobs of one kind; what cannot be moved is left."""
        waiting = {job.story.id: job for job in jobs}
        if not waiting:
            return
        wanted = [job.next() for job in waiting.values()]
        ended = carry_out(
            self._filer(wanted[0]),
            self,
            wanted,
            lambda taken: [waiting[one.photo_id].next() for one in taken],
        )
        for one, how in ended:
            if how is Placement.MOVED:
                answer.did(one)
            else:
                answer.leave(waiting[one.photo_id].story, *NOT_MOVED[how])

    def _mark(self, moved: Correction) -> Fingerprint:
        """The photo as it lies at its new place."""
        seen = self._goal(moved).seen(moved.move.target) or moved.move.fingerprint
        # A mount caches what a server says: there its time may be that from before the move.
        has_true_times = events_arrive(mount_of(self._incoming.root))
        return seen if has_true_times else replace(seen, ctime_ns=0)

    # --- how moves are journaled (`moves.Journal`) -----------------------------------------------

    def plan(self, wanted: Sequence[Correction]) -> Sequence[Correction]:
        """Record what is about to be moved; returns it with its numbers."""
        return self._store.corrections.plan(wanted)

    def record(self, ended: Sequence[tuple[Correction, Placement]]) -> None:
        """Record what was moved, and forget what was not."""
        moved = [one for one, how in ended if how is Placement.MOVED]
        self._store.corrections.record([(one, self._mark(one)) for one in moved])
        for one in moved:
            self._tell(one)
            keep_reasons(one, self._within, self._sorted)
        for one, how in ended:
            if how is not Placement.MOVED:
                self._take_back(one, how)

    def refused(self, _planned: Correction, error: FolderRefused) -> None:
        """Whoever asked is told why; `finish_interrupted` takes back what was planned."""
        raise error

    def _tell(self, one: Correction) -> None:
        name = as_text(split(one.move.source)[1])
        about = {"photo": one.photo_id, "name": name, "person": one.person, "via": one.via}
        match one.word:
            case Word.UNDONE:
                log.info("photo_put_back", **about)
            case Word.RETAKE:
                log.info("photo_to_retake", **about)
            case Word.TAKEN_BACK:
                log.info("decision_taken_back", **about)
            case _:
                log.info("photo_corrected", **about, category=one.category)

    def _take_back(self, planned: Correction, how: Placement | None) -> None:
        """Forget a move that was not made; a copy whose original may not go is no move."""
        if how is Placement.COPIED:
            folder, name = split(planned.move.target)
            with self._goal(planned).folder(folder) as fd:
                drop(Entry(fd, name))
        self._store.corrections.drop([planned])

    def _put(
        self,
        story: Story,
        seen: Seen,
        folder: str,
        word: Word,
        category: str,
        by: Speaker,
        answer: PhotosDone,
    ) -> None:
        if _lies_in(folder, seen):
            move = Move(story.id, seen.place, seen.place, seen.fingerprint, seen.sha256)
            said = self._word(story, word, category, by, move)
            self._store.corrections.note(said)
            self._tell(said)
            answer.did(said)
        else:
            moves = _anew(self._within, _source(story, seen), folder)
            self._carry_out([self._job(story, word, category, by, moves)], answer)

    def _folder_for(self, story: Story, status: Status, category: str) -> str:
        filed_at = datetime.fromisoformat(story.recorded_at).date()
        return self._within.target_folder(status, category, filed_at)

    def _job(
        self, story: Story, word: Word, category: str, by: Speaker, moves: Iterator[Move]
    ) -> _Job:
        return _Job(story, lambda move: self._word(story, word, category, by, move), moves)

    def _word(self, story: Story, word: Word, category: str, by: Speaker, move: Move) -> Correction:
        now = self._clock.now()
        before = story.category_now
        return Correction(0, story.id, word, before, category, by.person, now, move, by.via)

    def _goal(self, one: Correction) -> Tree:
        return self._incoming if one.word is Word.UNDONE else self._sorted

    def _filer(self, one: Correction) -> Filer:
        return self._back if one.word is Word.UNDONE else self._within

    def _seen(self, story: Story, answer: PhotosDone) -> Seen | None:
        """The photo where it lies now, dragged or not; else it is left, and the answer says so."""
        seen = self._moved_photos.look(story)
        if seen is None and story.state in _CORRECTABLE:
            seen = self._moved_photos.notice(story)
        if seen is None:
            answer.leave(story, Code.GONE, f"it is not at {as_text(story.place)} any more")
        return seen

    def category(self, said: str) -> str:
        """The category of that name, however it is written. Raises NoSuchCategory."""
        for category in self._moved_photos.categories:
            if compare_key(category) == compare_key(said):
                return category
        known = ", ".join(sorted(self._moved_photos.categories))
        raise NoSuchCategory(f"{said}: no such category; there are {known}")

    def _all(self, what: str) -> list[Story]:
        """The photos of a run, else the one photo, that `what` names."""
        if self._store.runs.summary(what) is not None:
            return [s for s in self._store.history.stories_of_run(what) if s.state in _UNDOABLE]
        return [self._one(what, _UNDOABLE)]

    def _one(self, what: str, states: Sequence[str]) -> Story:
        stories = self._store.history.stories(what)
        fitting = [story for story in stories if story.state in states]
        exact = [story for story in fitting if story.place == what]
        match exact or fitting:
            case [story]:
                return story
            case []:
                code = Code.STATE if stories else Code.NOT_FOUND
                why = f"; {WHY_NOT[stories[0].state]}" if stories else ""
                raise NoSuchPhoto(what, code, f"no such photo among the sorted{why}")
            case several:
                places = ", ".join(as_text(story.place) for story in several[:5])
                raise NoSuchPhoto(
                    what,
                    Code.AMBIGUOUS,
                    f"{len(several)} photos are called so; name one by its place: {places}"
                    f"{' …' if len(several) > 5 else ''}",
                )


@dataclass(frozen=True, slots=True)
class _Job:
    """One photo to be moved at a person's word, and the moves to be tried for it, in turn."""

    story: Story
    word: Callable[[Move], Correction]
    moves: Iterator[Move]

    def next(self) -> Correction:
        """The next one."""
        return self.word(next(self.moves))


def _source(story: Story, seen: Seen) -> Source:
    """The photo's file where it lies now, to be called again as it was dropped."""
    name = split(story.source)[1]
    return Source(story.id, seen.place, name, seen.fingerprint, seen.sha256)


def _lies_in(folder: str, seen: Seen) -> bool:
    return compare_key(split(seen.place)[0]) == compare_key(folder)


def _as_it_was(story: Story, category: str, seen: Seen) -> str:
    if story.decided == story.category:
        return f"{category} is confirmed already"
    return f"it is in {split(seen.place)[0]} already"


def _anew(filer: Filer, source: Source, folder: str) -> Iterator[Move]:
    """Moves to a free name in `folder`, as often as the name is taken meanwhile."""
    while True:
        yield filer.plan(source, folder)


def _tell_out_of_reach(planned: Correction, error: FolderRefused) -> None:
    log.warning("correction_out_of_reach", photo=planned.photo_id, why=str(error))


def _ways_back(story: Story, seen: Seen, folder: str) -> Iterator[Move]:
    """Back into the folder that it came from, as that is called now, or under the next number."""
    name = split(story.source)[1]
    move = Move(story.id, seen.place, join(folder, name), seen.fingerprint, seen.sha256)
    yield move
    for number in count(2):
        yield replace(move, target=join(folder, numbered(safe_name(name), number)))


def new_category(corrector: Corrector, said: str) -> str:
    """The category of that name, or the name for one that there was not so far.

    Raises NoSuchCategory for what cannot be a folder's name on every disk.
    """
    with suppress(NoSuchCategory):
        return corrector.category(said)
    name = said.strip()
    if problem := label_problem(name):
        raise NoSuchCategory(f"{said}: cannot be the name of a category: {problem}")
    return name

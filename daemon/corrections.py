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
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count, islice
from typing import Any

import structlog

from config.errors import FolderRefused, NightsortError
from daemon.clock import Clock
from daemon.contents import drop
from daemon.filing import REASON_SUFFIX, Filer, FilingPolicy
from daemon.names import compare_key, numbered, safe_name, with_suffix
from daemon.records import (
    Correction,
    Examined,
    Move,
    Photo,
    Placement,
    Status,
    Story,
    Word,
    as_text,
)
from daemon.renaming import Entry
from daemon.seeking import Seeker, Seen
from daemon.store import Store
from daemon.tree import Tree, join, split

log = structlog.get_logger()

# How many photos are planned, moved and recorded together.
_AT_ONCE = 32
_CORRECTABLE = ("filed", "review")
_UNDOABLE = ("filed", "review", "duplicate", "quarantined")
_WHY_NOT = {
    "queued": "it is not sorted yet",
    "claimed": "it is being sorted right now",
    "classified": "it is being sorted right now",
    "duplicate": "it is a duplicate; correct the photo that is filed",
    "quarantined": "it could not be read; photograph the item again",
    "gone": "a person took it away before it was sorted",
    "undone": "it was put back into incoming already",
}


class NoSuchPhoto(NightsortError):
    """What was asked for cannot be done, because of what it was asked for."""


@dataclass(slots=True)
class Answer:
    """What was done, and what was left as it was and why."""

    done: list[Correction] = field(default_factory=list)
    left: list[tuple[Story, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For programs, and for the command that asked."""
        return {
            "done": [
                {
                    "filename": as_text(split(one.move.target)[1]),
                    "category": one.category,
                    "from": as_text(one.move.source),
                    "to": as_text(one.move.target),
                }
                for one in self.done
            ],
            "left": [{"filename": story.filename, "why": why} for story, why in self.left],
        }


class Corrector:
    """Carries out what people say of sorted photos."""

    def __init__(
        self,
        store: Store,
        incoming: Tree,
        sorted_tree: Tree,
        policy: FilingPolicy,
        seeker: Seeker,
        clock: Clock,
        reached: Callable[[str], None] = lambda _point: None,
    ) -> None:
        """reached: told of each point passed on the way."""
        self._store = store
        self._incoming = incoming
        self._sorted = sorted_tree
        self._within = Filer(sorted_tree, sorted_tree, policy, reached=reached)
        self._back = Filer(sorted_tree, incoming, FilingPolicy(), reached=reached)
        self._seeker = seeker
        self._clock = clock

    def correct(self, what: str, category: str, person: str) -> Answer:
        """Give a photo another category, or confirm the one that it has in review.

        Raises NoSuchPhoto when there is not exactly one such photo or no such category,
        TransientError when a folder fails: what was under way is then left to
        `finish_interrupted`.
        """
        self.finish_interrupted()
        known = self._category(category)
        story = self._one(what, _CORRECTABLE)
        answer = Answer()
        if (seen := self._seen(story, answer)) is None:
            return answer
        story = self._one(what, _CORRECTABLE) if seen.place != story.place else story
        filed_at = datetime.fromisoformat(story.recorded_at).date()
        folder = self._within.target_folder(Status.SUCCESS, known, filed_at)
        if split(seen.place)[0] == folder:
            self._leave_there(story, seen, known, person, answer)
            return answer
        move = self._plan_within(story, seen, folder)
        planned = self._word(story, Word.CORRECTED, known, person, move)
        self._carry_out([(story, planned, _again(self._plan_within, story, seen, folder))], answer)
        return answer

    def undo(self, what: str, person: str) -> Answer:
        """Put a photo, or all photos of a run, back where they came from.

        Raises as `correct` does.
        """
        self.finish_interrupted()
        answer = Answer()
        photos = iter(self._all(what))
        while some := list(islice(photos, _AT_ONCE)):
            jobs = []
            for story in some:
                seen = self._seen(story, answer)
                if seen is None:
                    continue
                if story.kept_source:
                    answer.left.append((story, "its source still lies in incoming"))
                    continue
                names = _ways_back(story, seen)
                planned = self._word(story, Word.UNDONE, "", person, next(names))
                jobs.append((story, planned, names))
            self._carry_out(jobs, answer)
        return answer

    def notice_dragged(self, limit: int) -> int:
        """Record which of the newest `limit` photos people dragged on the share; how many.

        Raises TransientError when the folder does not answer.
        """
        return self._seeker.notice_dragged(limit)

    def notice_decided(self, limit: int) -> int:
        """As `notice_dragged`, of the newest `limit` photos in review only."""
        return self._seeker.notice_decided(limit)

    def finish_interrupted(self) -> None:
        """Finish, or take back, what was under way when something failed.

        Raises TransientError when a folder still fails; call it again later.
        """
        for planned in self._store.unfinished_corrections():
            try:
                how = self._filer(planned).recover(planned.move)
            except FolderRefused as exc:
                log.warning("correction_out_of_reach", photo=planned.photo_id, why=str(exc))
                continue
            if how is Placement.MOVED:
                self._record([planned])
            else:
                self._take_back(planned, how)
            log.info("correction_recovered", photo=planned.photo_id, ended=how or "undone")

    # --- inside --------------------------------------------------------------------------------

    def _carry_out(
        self, jobs: Iterable[tuple[Story, Correction, Iterator[Move]]], answer: Answer
    ) -> None:
        """Plan, move, record; where a name is taken, the job's next move is tried."""
        waiting = list(jobs)
        while waiting:
            planned = self._store.plan_corrections([one for _, one, _ in waiting])
            placed = [(one, self._filer(one).place(one.move)) for one in planned]
            for word in {one.word for one in planned}:
                self._filer_of(word).sync([one.move for one, _ in placed if one.word is word])
            self._record([one for one, how in placed if how is Placement.MOVED])
            again = []
            for (story, wanted, names), (one, how) in zip(waiting, placed, strict=True):
                if how is Placement.MOVED:
                    answer.done.append(one)
                    continue
                self._take_back(one, how)
                if how is Placement.NAME_TAKEN:
                    again.append((story, replace(wanted, move=next(names)), names))
                else:
                    answer.left.append((story, _WHY[how]))
            waiting = again

    def _record(self, moved: list[Correction]) -> None:
        done = []
        for one in moved:
            seen = self._goal(one).seen(one.move.target)
            done.append((one, seen or one.move.fingerprint))
        self._store.record_corrections(done)
        for one in moved:
            self._drop_reason(one)
            self._tell(one)

    def _tell(self, one: Correction) -> None:
        name = as_text(split(one.move.source)[1])
        if one.word is Word.UNDONE:
            log.info("photo_put_back", photo=one.photo_id, name=name, person=one.person)
        else:
            log.info(
                "photo_corrected",
                photo=one.photo_id,
                name=name,
                category=one.category,
                person=one.person,
            )

    def _take_back(self, planned: Correction, how: Placement | None) -> None:
        """Forget a move that was not made; a copy whose original may not go is no move."""
        if how is Placement.COPIED:
            folder, name = split(planned.move.target)
            with self._goal(planned).folder(folder) as fd:
                drop(Entry(fd, name))
        self._store.drop_corrections([planned])

    def _drop_reason(self, one: Correction) -> None:
        """What lies beside a photo in quarantine goes when the photo does."""
        folder, name = split(one.move.source)
        if one.word is Word.UNDONE and not one.before:
            with suppress(OSError), self._sorted.folder(folder) as fd:
                drop(Entry(fd, with_suffix(name, REASON_SUFFIX)))

    def _leave_there(
        self, story: Story, seen: Seen, category: str, person: str, answer: Answer
    ) -> None:
        """A photo that lies where it belongs: what waited for a decision is confirmed."""
        if story.state == "review":
            move = Move(story.id, seen.place, seen.place, seen.fingerprint, story.sha256)
            confirmed = self._word(story, Word.CORRECTED, category, person, move)
            self._store.note_done(confirmed)
            self._tell(confirmed)
            answer.done.append(confirmed)
        elif story.decided == story.category:
            answer.left.append((story, f"{category} is confirmed already"))
        else:
            answer.left.append((story, f"it is in {split(seen.place)[0]} already"))

    def _plan_within(self, story: Story, seen: Seen, folder: str) -> Move:
        photo = Photo(story.id, story.source, seen.fingerprint, self._clock.now())
        examined = Examined(photo, seen.fingerprint, story.sha256, None)
        return replace(self._within.plan(photo, folder, examined, ()), source=seen.place)

    def _word(self, story: Story, word: Word, category: str, person: str, move: Move) -> Correction:
        return Correction(
            0, story.id, word, story.category_now, category, person, self._clock.now(), move
        )

    def _goal(self, one: Correction) -> Tree:
        return self._incoming if one.word is Word.UNDONE else self._sorted

    def _filer(self, one: Correction) -> Filer:
        return self._filer_of(one.word)

    def _filer_of(self, word: Word) -> Filer:
        return self._back if word is Word.UNDONE else self._within

    def _seen(self, story: Story, answer: Answer) -> Seen | None:
        """The photo where it lies now, dragged or not; else it is left, and the answer says so."""
        seen = self._seeker.look(story)
        if seen is None and story.state in _CORRECTABLE:
            seen = self._seeker.notice(story)
        if seen is None:
            answer.left.append((story, f"it is not at {as_text(story.place)} any more"))
        return seen

    def _category(self, said: str) -> str:
        for category in self._seeker.categories:
            if compare_key(category) == compare_key(said):
                return category
        raise NoSuchPhoto(
            f"{said}: no such category; there are {', '.join(sorted(self._seeker.categories))}"
        )

    def _all(self, what: str) -> list[Story]:
        """The photos of a run, else the one photo, that `what` names."""
        if self._store.summary(what) is not None:
            return [s for s in self._store.stories_of_run(what) if s.state in _UNDOABLE]
        return [self._one(what, _UNDOABLE)]

    def _one(self, what: str, states: Sequence[str]) -> Story:
        stories = self._store.stories(what)
        fitting = [story for story in stories if story.state in states]
        exact = [story for story in fitting if story.place == what]
        match exact or fitting:
            case [story]:
                return story
            case []:
                why = f"; {_WHY_NOT[stories[0].state]}" if stories else ""
                raise NoSuchPhoto(f"{as_text(what)}: no such photo among the sorted{why}")
            case several:
                places = ", ".join(as_text(story.place) for story in several[:5])
                raise NoSuchPhoto(
                    f"{as_text(what)}: {len(several)} photos are called so; name one by its "
                    f"place: {places}{' …' if len(several) > 5 else ''}"
                )


_WHY = {
    Placement.GONE: "a person took it away this moment",
    Placement.CHANGED: "its file is being changed",
    Placement.COPIED: "it may not be removed from its folder; correct the folder's rights",
}


def _again(plan: Any, *arguments: Any) -> Iterator[Move]:
    """The same planned anew, as often as the name is taken meanwhile."""
    while True:
        yield plan(*arguments)


def _ways_back(story: Story, seen: Seen) -> Iterator[Move]:
    """Back to where it came from, else beside that under the next number."""
    folder, name = split(story.source)
    move = Move(story.id, seen.place, story.source, seen.fingerprint, story.sha256)
    yield move
    for number in count(2):
        yield replace(move, target=join(folder, numbered(safe_name(name), number)))

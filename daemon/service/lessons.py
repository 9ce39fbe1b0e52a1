"""Lessons: those that people ask for, and by themselves when enough was said; beside no sorting.

A lesson is held by a process of its own, and is in the store from the moment it is wanted. What is
sorted meanwhile ends the process, and it is begun again later. A candidate is adopted here, if the
settings say so.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from classifier.learning.document import LessonDocument
from config.errors import NightsortError
from config.learning import LearningSettings
from config.settings import Settings
from daemon.corrections.answers import NoSuchCategory
from daemon.domain.clock import Clock
from daemon.domain.effects import effect_of
from daemon.domain.examples import LearningStatus
from daemon.domain.lessons import LearningCode, Lesson, LessonAnswer, LessonState, Wanted
from daemon.domain.orders import (
    Adopt,
    Answer,
    AnyOrder,
    CancelLesson,
    ChangeModel,
    Given,
    GoBack,
    Learn,
    Speaker,
)
from daemon.folders.child_processes import end, own
from daemon.service.adoption import Adoption
from daemon.service.promotions import Promotions
from daemon.sorting.lesson_process import Task
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.promoted import file_of_promoted
from daemon.sorting.version_copies import copy_versions
from daemon.sorting.versions import Versions
from daemon.store import Store

log = structlog.get_logger()

_LOOK_SECONDS = 10.0  # between two looks at how much was said
_RUNS_LOOKED_AT = 40
_LONGEST_SECONDS = 600.0
_TRY_AGAIN_SECONDS = 3600.0
_STOPPED = "nightsort was stopped while it was being held; ask for it again"
_BY_ITSELF = "nightsort"  # who adopts, where the settings say so


class _Held:
    """A lesson that a process is holding."""

    def __init__(self, lesson: Lesson, until: str, task: Task, began: float) -> None:
        """until: when the newest of its examples was said, as far as is known before.

        Raises OSError where no process can be started.
        """
        self.lesson, self.until, self.began = lesson, until, began
        self.progress = 0.0
        self._told = os.memfd_create("lesson")  # however much it says, it never waits for us
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own code
                own("daemon.sorting.lesson_process"),
                stdin=subprocess.PIPE,
                stdout=self._told,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us
            )
        except OSError:
            os.close(self._told)
            raise
        try:
            assert self.process.stdin is not None
            with suppress(BrokenPipeError), self.process.stdin as given:  # its exit code says why
                given.write(task.model_dump_json().encode())  # less than a pipe holds
        except OSError:
            self.close()
            raise

    def said(self) -> Iterator[dict[str, Any]]:
        """What it has said so far, in whole lines."""
        text = os.pread(self._told, os.fstat(self._told).st_size, 0)
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            yield json.loads(line)

    def close(self) -> None:
        """End it, if it goes on still."""
        end(self.process)
        os.close(self._told)


class Lessons:
    """Holds lessons when they are wanted or due. For one thread."""

    def __init__(self, store: Store, slot: ModelSlot, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._slot = slot
        self._settings = settings
        self._clock = clock
        self.adoption = Adoption(slot, store, settings)
        self._promotions = Promotions(store, clock, file_of_promoted(settings.state_dir))
        self._held: _Held | None = None
        self._until = ""  # when the newest of the examples was said for which one is due
        self._look_at = self._try_at = float("-inf")  # steady seconds
        self._known: LearningStatus | None = None
        self._known_at = float("-inf")
        store.lessons.fail_interrupted(clock.now())

    def take(self, settings: Settings) -> None:
        """From now on these settings hold."""
        self._settings = settings
        self.adoption.take(settings)

    # --- what people ask for ---------------------------------------------------------------------

    @property
    def orders(self) -> dict[type[AnyOrder], Callable[[Given], Answer]]:
        """What is carried out here, by the order's type."""
        about_lessons = dict.fromkeys((Learn, CancelLesson), self._about_lessons)
        about_versions = dict.fromkeys((Adopt, GoBack, ChangeModel), self._about_versions)
        return {**about_lessons, **about_versions}

    def _about_lessons(self, given: Given) -> Answer:
        assert isinstance(given.order, Learn | CancelLesson)
        return self.carry_out(given.order, given.by)

    def _about_versions(self, given: Given) -> Answer:
        if isinstance(given.order, ChangeModel):
            return self.adoption.changed(given.by.person)
        assert isinstance(given.order, Adopt | GoBack)
        return self.adoption.carry_out(given.order, given.by.person)

    def carry_out(self, order: Learn | CancelLesson, by: Speaker) -> LessonAnswer:
        """Note that a lesson is wanted, or is not any more. Raises NoSuchCategory."""
        if isinstance(order, Learn):
            return self._ask(order.wanted, by)
        lesson = self._store.lessons.of_number(order.lesson)
        if lesson is None:
            return LessonAnswer(order.lesson, LearningCode.NOT_FOUND)
        if lesson.state.is_over:
            return LessonAnswer(lesson.id, LearningCode.OVER)
        self._let_go()
        if lesson.by_itself:
            self._put_off()
        self._store.lessons.end(lesson.id, None, f"{by.person} cancelled it", self._clock.now())
        log.info("lesson_cancelled", lesson=lesson.id, person=by.person)
        return LessonAnswer(lesson.id)

    @property
    def is_wanted(self) -> bool:
        """Whether one is being held, or waits to be."""
        return self._held is not None or self._store.lessons.under_way() is not None

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody waits for one."""
        lesson = self._store.lessons.under_way()
        return lesson is not None and not lesson.by_itself

    def _ask(self, wanted: Wanted, by: Speaker) -> LessonAnswer:
        """Somebody's lesson goes before one by itself, and never beside another's."""
        self._require_known(wanted)
        now, other = self._clock.now(), self._store.lessons.under_way()
        if other is not None and other.by_itself:
            self._let_go()
            self._store.lessons.end(other.id, None, f"{by.person} asked for another", now)
        elif other is not None:
            return LessonAnswer(other.id, LearningCode.UNDER_WAY)
        number = self._store.lessons.ask(wanted, by, now)
        log.info("lesson_asked_for", lesson=number, person=by.person)
        return LessonAnswer(number)

    def _require_known(self, wanted: Wanted) -> None:
        known = {*self._slot.model.categories, *self._settings.categories}
        known |= {*self._store.examples.labels()}
        for name in wanted.named:
            if name not in known:
                there = ", ".join(sorted(known))
                raise NoSuchCategory(f"{name}: no such category; there are {there}")

    # --- by turns --------------------------------------------------------------------------------

    def step(self) -> None:
        """Begin a lesson that is wanted or due, or take what came of one. Nobody may be sorting."""
        if self._held is not None:
            self._look_after(self._held)
            return
        lesson = self._store.lessons.under_way() or self._promotions.due() or self._due()
        if lesson is not None:
            self._begin(lesson)

    def give_way(self) -> None:
        """End a lesson that is being held: there is something else to do."""
        if self._held is not None:
            lesson = self._held.lesson
            self._let_go()
            self._store.lessons.is_at(lesson.id, LessonState.WAITING, 0.0)
            log.info("lesson_put_off")

    def stop(self) -> None:
        """The service ends. What is being held has failed; what waits goes on waiting."""
        if self._held is not None:
            lesson = self._held.lesson
            self._let_go()
            self._store.lessons.end(lesson.id, None, _STOPPED, self._clock.now())

    def status(self) -> LearningStatus:
        """What people should know; looked up now and then only."""
        now = self._clock.steady()
        if self._known is None or now - self._known_at >= _LOOK_SECONDS:
            network, last = self._slot.model.network, self._store.examples.last_lesson()
            since = last["until"] if last else ""
            new, _ = self._store.examples.count_since(since, network)
            every, _ = self._store.examples.count_since("", network)
            runs = [*self._store.runs.summaries(limit=_RUNS_LOOKED_AT)][::-1]
            self._known = {
                "adopt": self._learning.adopt,
                "examples": every,
                "new": new,
                "last": last,
                "effect": effect_of(runs, self._slot.model.title),
            }
            self._known_at = now
        return self._known

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _learning(self) -> LearningSettings:
        return self._settings.learning

    def _due(self) -> Lesson | None:
        """One for which enough was said since the last, if nobody says more; looked now and then.

        It is one that waits from now on.
        """
        now = self._clock.steady()
        if now < max(self._look_at, self._try_at):
            return None
        self._look_at = now + min(_LOOK_SECONDS, 60 * self._learning.calm_minutes)
        copy_versions(self._store, Versions(self._settings.state_dir))
        if not self._is_due():
            return None
        self._store.lessons.ask(Wanted(), None, self._clock.now())
        return self._store.lessons.under_way()

    def _is_due(self) -> bool:
        """Whether enough was said since the last lesson, and nothing more for a while."""
        if self._learning.adopt == "off":
            return False
        last = self._store.examples.last_lesson()
        since = last["until"] if last else ""
        new, newest = self._store.examples.count_since(since, self._slot.model.network)
        if new < self._learning.new_examples:
            return False
        self._until = newest
        calm = timedelta(minutes=self._learning.calm_minutes)
        return self._clock.now() - datetime.fromisoformat(newest) >= calm

    def _begin(self, lesson: Lesson) -> None:
        settings = self._settings
        task = Task(
            state_dir=settings.state_dir,
            model_dir=settings.model_dir,
            bands=settings.bands,
            learning=settings.learning,
            wanted=lesson.wanted,
        )
        until = self._until if lesson.by_itself else ""
        try:
            self._held = _Held(lesson, until, task, self._clock.steady())
        except OSError as exc:
            self._fail(lesson, f"no process could be started: {exc.strerror}")
            return
        self._store.lessons.is_at(lesson.id, LessonState.RUNNING, 0.0)
        log.info("lesson_begun")

    def _look_after(self, held: _Held) -> None:
        if held.process.poll() is None and self._clock.steady() - held.began <= _LONGEST_SECONDS:
            for one in held.said():
                self._advance(held, one.get("progress", 0.0))
            return
        is_late = held.process.poll() is None
        said = [] if is_late else [*held.said()]
        self._let_go()
        if is_late:
            self._fail(held.lesson, "it took too long")
        elif said and "error" in said[-1]:
            self._fail(held.lesson, said[-1]["error"])
        elif said and "document" in said[-1]:
            self._conclude(held, **said[-1])
        else:
            code = held.process.returncode
            self._fail(held.lesson, f"its process ended early, with code {code}")

    def _advance(self, held: _Held, progress: float) -> None:
        if progress > held.progress:
            held.progress = progress
            self._store.lessons.is_at(held.lesson.id, LessonState.RUNNING, progress)

    def _conclude(
        self, held: _Held, document: LessonDocument, until: str, sha256: str = ""
    ) -> None:
        """sha256: of the file that was compared in place of a lesson."""
        is_better = document["judgement"] == "better"  # it was compared then
        version, lesson, now = document["version"], held.lesson, self._clock.now()
        if version is not None and self._learning.adopt == "auto" and is_better:
            is_offered = self._promotions.is_offered(lesson, sha256)
            document["adopted"] = is_offered and self._adopt(version)
        self._store.lessons.end(lesson.id, document, "", now)
        self._promotions.concluded(lesson, document, sha256)
        told: dict[str, object] = {
            "version": version,
            "judgement": document["judgement"],
            "why": document["why"],
            "adopted": document["adopted"],
        }
        if not lesson.wanted.promoted and (lesson.by_itself or document["after"] is not None):
            until = max(until, held.until)
            last = self._store.examples.learnt(document, until, now, by_itself=lesson.by_itself)
            told["new"] = last["new"]
        self._known = None
        log.info("lesson_learnt", **told)

    def _adopt(self, version: str) -> bool:
        """Judge with it from now on; False, and as before, where that cannot be."""
        try:
            self.adoption.adopt(version, _BY_ITSELF)
        except NightsortError as exc:
            log.error("model_refused", in_use=self._slot.model.title, why=str(exc))
            return False
        return True

    def _let_go(self) -> None:
        """End the process, if one is at it."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _put_off(self) -> None:
        """Hold none by itself for a while: the next would be the same."""
        self._try_at = self._clock.steady() + _TRY_AGAIN_SECONDS
        self._promotions.put_off()

    def _fail(self, lesson: Lesson, why: str) -> None:
        if lesson.by_itself:
            self._put_off()
        self._store.lessons.end(lesson.id, None, why, self._clock.now())
        log.error("lesson_failed", why=why)

"""Lessons as the daemon holds them: asked for, one at a time, put off, cancelled, interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.learning import LearningSettings
from daemon.corrections.answers import NoSuchCategory
from daemon.domain.corrections import Via
from daemon.domain.examples import Brought
from daemon.domain.lessons import LearningCode, Lesson, LessonAnswer, LessonState, Merge, Wanted
from daemon.domain.orders import CancelLesson, Given, Learn, Speaker
from daemon.service import lessons as module
from daemon.service.lessons import Lessons
from daemon.store import Store
from tests.support.core import Core, running
from tests.support.nights import Night, serving
from tests.support.photos import write_photo
from tests.support.waiting import eventually

ANNA, BERT = Speaker("Anna", Via.PAGE), Speaker("Bert", Via.API)
NETWORK = "scripted"
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with running(Core(tmp_path, inline=True)) as core:
        yield core


def lessons_of(core: Core, **learning: Any) -> Lessons:
    settings = core.settings(learning=LearningSettings(**learning))
    return Lessons(core.store, core.slot, settings, core.clock)


def ask(lessons: Lessons, by: Speaker = ANNA, **wanted: Any) -> LessonAnswer:
    return lessons.carry_out(Learn(Wanted(**wanted)), by)


def number(core: Core, lesson: int) -> Lesson:
    found = core.store.lessons.of_number(lesson)
    assert found is not None
    return found


def held(core: Core, lessons: Lessons, lesson: int) -> Lesson:
    """The lesson, held to its end."""

    def is_over() -> bool:
        lessons.step()
        return number(core, lesson).state.is_over

    eventually(is_over)
    return number(core, lesson)


def test_a_lesson_that_is_asked_for_waits_is_held_and_says_what_came(core: Core) -> None:
    lessons = lessons_of(core, adopt="off")
    answer = ask(lessons, only=True)
    asked = number(core, answer.lesson)
    assert (answer.code, asked.state, asked.person) == (None, LessonState.WAITING, "Anna")
    assert (asked.wanted, asked.result) == (Wanted(only=True), None)
    done = held(core, lessons, answer.lesson)
    # The process has the model that ships, and nobody said anything yet.
    assert (done.state, done.progress, done.why) == (LessonState.REFUSED, 1.0, "")
    assert done.result is not None
    assert done.ended is not None
    assert "there are 0 examples" in done.result["why"]
    assert set(done.result) >= {
        "version", "base", "examples", "new_labels", "seconds", "before", "after", "became_right",
        "became_wrong", "judgement", "why", "doubtful", "adopted",
    }  # fmt: skip


def test_there_is_one_lesson_at_a_time(core: Core) -> None:
    lessons = lessons_of(core)
    first = ask(lessons)
    assert ask(lessons, BERT) == LessonAnswer(first.lesson, LearningCode.UNDER_WAY)
    held(core, lessons, first.lesson)
    assert ask(lessons, BERT).code is None


def with_one_by_itself(core: Core) -> tuple[Lessons, Lesson]:
    """Enough was said for a lesson, and it is being held."""
    told = [Brought(f"{at}", f"{at}.jpg", "Shirts", "", b"abcd") for at in range(5)]
    core.store.examples.bring(told, "anna", core.clock.now(), NETWORK)
    lessons = lessons_of(core, new_examples=5, calm_minutes=0)
    core.clock.advance(60)
    lessons.step()
    by_itself = core.store.lessons.under_way()
    assert by_itself is not None
    assert (by_itself.by_itself, by_itself.state) == (True, LessonState.RUNNING)
    return lessons, by_itself


def test_somebodys_lesson_goes_before_one_by_itself(core: Core) -> None:
    lessons, by_itself = with_one_by_itself(core)
    answer = ask(lessons)
    assert answer.code is None
    before = number(core, by_itself.id)
    assert (before.state, before.why) == (LessonState.FAILED, "Anna asked for another")
    assert held(core, lessons, answer.lesson).state is LessonState.REFUSED


def test_a_lesson_that_waits_or_is_held_can_be_cancelled_and_no_other(core: Core) -> None:
    lessons = lessons_of(core)
    for steps in (0, 1):
        lesson = ask(lessons).lesson
        for _ in range(steps):
            lessons.step()
        assert lessons.carry_out(CancelLesson(lesson), BERT).code is None
        found = number(core, lesson)
        assert (found.state, found.why) == (LessonState.FAILED, "Bert cancelled it")
        assert found.progress == 0  # as far as it was
        over = lessons.carry_out(CancelLesson(lesson), BERT)
        assert over == LessonAnswer(lesson, LearningCode.OVER)
    assert lessons.carry_out(CancelLesson(4711), BERT).code is LearningCode.NOT_FOUND
    assert not lessons.is_wanted


def test_a_lesson_that_is_cancelled_half_way_stays_half_way(core: Core) -> None:
    lesson = ask(lessons_of(core)).lesson
    core.store.lessons.is_at(lesson, LessonState.RUNNING, 0.5)
    core.store.lessons.end(lesson, None, "Bert cancelled it", NOW)
    assert (number(core, lesson).state, number(core, lesson).progress) == (LessonState.FAILED, 0.5)


def test_one_by_itself_that_was_cancelled_is_not_begun_anew_at_once(core: Core) -> None:
    lessons, by_itself = with_one_by_itself(core)
    assert lessons.carry_out(CancelLesson(by_itself.id), ANNA).code is None
    for _ in range(3):
        core.clock.advance(1000)
        lessons.step()
        assert not lessons.is_wanted
    core.clock.advance(1000)
    lessons.step()
    assert lessons.is_wanted
    lessons.stop()


def test_sorting_puts_a_lesson_off_and_it_is_held_after_it(core: Core) -> None:
    lessons = lessons_of(core)
    lesson = ask(lessons).lesson
    lessons.step()
    assert number(core, lesson).state is LessonState.RUNNING
    lessons.give_way()
    assert number(core, lesson).state is LessonState.WAITING
    assert lessons.is_wanted
    assert held(core, lessons, lesson).state is LessonState.REFUSED


def test_what_a_restart_interrupts_has_failed_and_what_waited_goes_on_waiting(core: Core) -> None:
    lessons = lessons_of(core)
    running = ask(lessons).lesson
    lessons.step()
    lessons.give_way()  # the process is ours to end; its row is put back as a kill leaves it
    core.store.lessons.is_at(running, LessonState.RUNNING, 0.3)
    core.restart()
    lessons = lessons_of(core)
    found = number(core, running)
    assert (found.state, "started anew" in found.why) == (LessonState.FAILED, True)
    waiting = ask(lessons).lesson
    core.restart()
    lessons = lessons_of(core)
    assert number(core, waiting).state is LessonState.WAITING
    assert held(core, lessons, waiting).state is LessonState.REFUSED


def test_what_is_being_held_when_the_service_ends_has_failed(core: Core) -> None:
    lessons = lessons_of(core)
    lesson = ask(lessons).lesson
    lessons.step()
    lessons.stop()
    lessons.stop()
    found = number(core, lesson)
    assert (found.state, "was stopped" in found.why) == (LessonState.FAILED, True)
    waiting = ask(lessons).lesson
    lessons.stop()
    assert number(core, waiting).state is LessonState.WAITING


def test_a_category_that_there_is_not_is_refused(core: Core) -> None:
    lessons = lessons_of(core)
    for wanted in ({"without": ("Hats",)}, {"merged": (Merge("Tops", "Hats"),)}):
        with pytest.raises(NoSuchCategory, match="Hats: no such category; there are Shirts"):
            ask(lessons, **wanted)
    assert not lessons.is_wanted


def test_a_process_that_says_nothing_or_takes_too_long_has_failed(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = lessons_of(core)
    for code, why in (("import os; os._exit(3)", "code 3"), ("input(); input()", "code 1")):
        monkeypatch.setattr(module, "own", lambda _, code=code: [sys.executable, "-c", code])
        with capture_logs() as logs:
            found = held(core, lessons, ask(lessons).lesson)
        assert (found.state, why in found.why) == (LessonState.FAILED, True), found.why
        assert "lesson_failed" in [one["event"] for one in logs]
    slow = "import time; time.sleep(600)"
    monkeypatch.setattr(module, "own", lambda _: [sys.executable, "-c", slow])
    lesson = ask(lessons).lesson
    lessons.step()
    core.clock.advance(601)
    lessons.step()
    assert number(core, lesson).why == "it took too long"


class GoneAtOnce(subprocess.Popen[bytes]):
    """A process that has ended before it is told anything."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.wait()


def test_a_process_that_has_ended_before_it_is_told_its_task_has_failed_with_its_code(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = lessons_of(core)
    monkeypatch.setattr(module, "own", lambda _: [sys.executable, "-c", "import os; os._exit(3)"])
    monkeypatch.setattr("daemon.service.lessons.subprocess.Popen", GoneAtOnce)
    found = held(core, lessons, ask(lessons).lesson)
    assert found.why == "its process ended early, with code 3"


def test_a_process_that_cannot_be_told_its_task_is_ended(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    class Deaf(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            assert self.stdin is not None
            self.stdin.close()
            self.stdin = Path("/dev/full").open("wb")  # noqa: SIM115 - Popen closes it
            begun.append(self)

    lessons = lessons_of(core)
    slow = "import time; time.sleep(600)"
    monkeypatch.setattr(module, "own", lambda _: [sys.executable, "-c", slow])
    monkeypatch.setattr("daemon.service.lessons.subprocess.Popen", Deaf)
    found = held(core, lessons, ask(lessons).lesson)
    assert found.why == "no process could be started: No space left on device"
    assert [one.returncode for one in begun] == [-signal.SIGKILL]


def test_however_much_a_lesson_says_it_comes_to_an_end(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a pipe holds."""
    document: dict[str, Any] = {
        "version": None, "judgement": "refused", "why": "x", "before": None, "after": None,
        "examples": {}, "new_labels": [], "doubtful": ["#7 a.jpg"], "adopted": False,
    }  # fmt: skip
    code = f"import json; print(json.dumps({{'progress': 0.5}})); d={document!r}\n"
    code += "d['doubtful'] *= 30_000\n"
    code += "print(json.dumps({'document': d, 'until': ''}))"
    monkeypatch.setattr(module, "own", lambda _: [sys.executable, "-c", code])
    lessons = lessons_of(core)
    found = held(core, lessons, ask(lessons).lesson)
    assert found.result is not None
    assert len(found.result["doubtful"]) == 30_000


def test_only_so_many_lessons_are_remembered(core: Core) -> None:
    for _ in range(60):
        core.store.lessons.note({"version": None, "after": None}, ANNA, NOW)
    assert len(core.store.lessons.newest(-1)) == 50
    assert core.store.lessons.newest_result() is None
    core.store.lessons.note({"version": "a", "after": {}}, ANNA, NOW)
    shown = core.store.lessons.newest_result()
    assert shown is not None
    assert (shown.state, shown.wanted) == (LessonState.DONE, Wanted())


def test_in_continuous_mode_who_asks_does_not_wait_for_the_end_of_the_run(tmp_path: Path) -> None:
    night = Night.make(tmp_path / "site", "continuous")
    write_photo(night.site.incoming / "shirt-1.jpg", seed=1)
    with serving(night) as service:
        night.pass_time_until(night.has_begun)
        asked = service.order(Given(Learn(), ANNA))
        eventually(asked.done)
        answer = asked.result()
        assert isinstance(answer, LessonAnswer)
        with closing(Store(night.site.state, reading=True)) as store:

            def is_over() -> bool:
                found = store.lessons.of_number(answer.lesson)
                return found is not None and found.state.is_over

            eventually(is_over)
        assert night.summaries == []  # the run goes on


@pytest.mark.parametrize(
    ("adopt", "judgement", "adopted"),
    [
        ("auto", "better", True), ("auto", "as good", False), ("auto", "worse", False),
        ("ask", "better", False),
    ],
)  # fmt: skip
def test_by_itself_only_what_is_better_is_adopted_and_only_where_that_is_set(
    core: Core, monkeypatch: pytest.MonkeyPatch, adopt: str, judgement: str, adopted: bool
) -> None:
    document: dict[str, Any] = {
        "version": "2026-11-27.1", "judgement": judgement, "why": "x", "before": None, "after": {},
        "examples": {"Shirts": 5}, "new_labels": [], "doubtful": [], "adopted": False,
    }  # fmt: skip
    code = f"import json; print(json.dumps({{'document': {document!r}, 'until': ''}}))"
    monkeypatch.setattr(module, "own", lambda _: [sys.executable, "-c", code])
    lessons = lessons_of(core, adopt=adopt)
    by_whom: list[tuple[str, str]] = []
    monkeypatch.setattr(lessons.adoption, "adopt", lambda *asked: by_whom.append(asked))
    done = held(core, lessons, ask(lessons).lesson)
    assert done.result is not None
    assert done.result["adopted"] is adopted
    assert by_whom == ([("2026-11-27.1", "nightsort")] if adopted else [])

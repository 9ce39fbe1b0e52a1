"""A model takes another's place between two micro-batches, if it answers as it should."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from classifier.pixels import UInt8Array
from classifier.verdict import Verdict
from config.errors import ModelError, SelfTestFailed
from daemon.domain.photos import Photo
from daemon.domain.sorting import Examined
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.sorting.model_slot import Classifying, ModelSlot
from daemon.sorting.workers import Workers
from tests.support.classifiers import ScriptedClassifier, verdict
from tests.support.core import Core, tiny_photo
from tests.support.waiting import DEADLINE_SECONDS


def model(title: str, category: str = "Shirts") -> ScriptedClassifier:
    return ScriptedClassifier(lambda _: verdict(category), title=title)


def broken(title: str) -> ScriptedClassifier:
    made = model(title)
    made.complaints.append("it is 3.10 off")
    return made


def loading(*models: Classifying | ModelError) -> Callable[[], Classifying]:
    """Loads one after the other."""
    left = iter(models)

    def load() -> Classifying:
        found = next(left)
        if isinstance(found, ModelError):
            raise found
        return found

    return load


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, batch_size=1, inline=True)
    yield core
    core.stop()


def queued(core: Core, photos: int) -> None:
    for number in range(photos):
        core.drop(f"{number}.png", tiny_photo("Shirts", number))
    core.take_in()


def test_a_model_changes_between_two_micro_batches_of_a_run(core: Core) -> None:
    queued(core, 20)
    core.slot.take(loading(model("old"), model("new", "Tops")))
    changes = iter([False, True])

    def between() -> None:
        if next(changes, False):
            core.slot.change()

    core.drainer.work(lambda: True, between)
    summary = core.drainer.close(settling=0)
    assert summary["run"] is not None
    assert summary["model"] == "old, then new"
    categories = {
        story.model: story.category for story in core.store.history.stories_of_run(summary["run"])
    }
    assert categories == {"old": "Shirts", "new": "Tops"}


def test_a_verdict_is_recorded_with_its_model_also_when_a_crash_comes_between(
    tmp_path: Path,
) -> None:
    def crash(point: str) -> None:
        if point == "after_rename" and not crashed:
            crashed.append(point)
            raise RuntimeError("the power fails")

    crashed: list[str] = []
    core = Core(tmp_path, inline=True, reached=crash)
    core.slot.take(loading(model("old")))
    queued(core, 1)
    with pytest.raises(RuntimeError):
        core.work()
    core.restart()
    core.drainer.recover()
    summary = core.drainer.close(settling=0)
    assert summary["model"] == "old"
    core.stop()


def test_whoever_is_at_work_finishes_with_the_model_before(core: Core) -> None:
    is_judging, may_go_on = threading.Event(), threading.Event()

    def slowly(_: UInt8Array) -> Verdict:
        is_judging.set()
        assert may_go_on.wait(DEADLINE_SECONDS)
        return verdict("Shirts")

    slot = ModelSlot(loading(ScriptedClassifier(slowly, title="old"), model("new", "Tops")), 1)
    workers = Workers(Tree(core.incoming), slot, Limits(1_000_000, 1.0), count=1)
    queued(core, 2)
    first, second = photos(core)
    under_way = workers.examine([first])
    assert is_judging.wait(DEADLINE_SECONDS)
    assert slot.change() == ""
    may_go_on.set()
    after = workers.examine([second])
    assert [judged_by(one.result(DEADLINE_SECONDS)) for one in (under_way, after)] == [
        [("old", "Shirts")],
        [("new", "Tops")],
    ]
    workers.stop()


def photos(core: Core) -> list[Photo]:
    run = core.store.runs.open("20251013_020000", core.clock.now(), "old").id
    return core.store.queue.claim(
        run, 9, core.clock.steady(), core.clock.boot, max_bytes=10**6, hands_free=True
    )


def judged_by(found: Sequence[object]) -> list[tuple[str, str]]:
    return [
        (one.model, one.verdict.category)
        for one in found
        if isinstance(one, Examined) and one.verdict is not None
    ]


def test_every_copy_takes_its_self_test_before_any_judges() -> None:
    new = model("new")
    slot = ModelSlot(loading(model("old"), new), 3)
    slot.change()
    assert len(new.tested) == 3
    assert new.seen == []
    new.tested.clear()
    slot.self_test()
    assert len(new.tested) == 3


@pytest.mark.parametrize("bad", [broken("new"), ModelError("there is no model.tflite")])
def test_a_model_that_is_refused_changes_nothing_and_is_told(
    bad: Classifying | ModelError,
) -> None:
    slot = ModelSlot(loading(model("old"), bad, model("better")), 2)
    with capture_logs() as logs:
        problem = slot.change()
    assert problem.startswith("the new model is not in use: ")
    assert slot.problem == problem
    assert slot.model.title == "old"
    with slot.lease() as copy:
        assert copy.title == "old"
    (told,) = logs
    assert (told["event"], told["log_level"], told["in_use"]) == ("model_refused", "error", "old")
    with capture_logs() as logs:
        assert slot.change() == ""
    assert slot.problem == ""
    assert [(one["before"], one["model"]) for one in logs] == [("old", "better")]


def test_the_same_model_again_is_no_news() -> None:
    slot = ModelSlot(loading(model("old"), model("old")), 1)
    with capture_logs() as logs:
        slot.change()
    assert logs == []


def test_a_model_that_goes_wrong_while_it_is_in_use_is_noticed() -> None:
    old = model("old")
    slot = ModelSlot(loading(old), 2)
    slot.self_test()
    old.complaints.append("it is 3.10 off")
    with pytest.raises(SelfTestFailed, match=r"it is 3\.10 off"):
        slot.self_test()


def test_the_first_model_has_to_be_right() -> None:
    with pytest.raises(ModelError):
        ModelSlot(loading(ModelError("there is no model.tflite")), 2)


def test_what_cannot_be_trusted_at_the_start_is_stood_in_for_and_told_until_it_is_mended() -> None:
    damaged = ModelError("version 2.npz: is damaged")
    with capture_logs() as logs:
        slot = ModelSlot(loading(damaged, model("new")), 2, loading(model("shipped")))
    assert slot.model.title == "shipped"
    assert slot.problem == f"shipped judges instead of the version adopted: {damaged}"
    (told,) = logs
    assert (told["event"], told["in_use"], told["why"]) == (
        "model_refused", "shipped", str(damaged),
    )  # fmt: skip
    assert slot.change() == ""
    assert (slot.model.title, slot.problem) == ("new", "")


def test_without_any_model_to_be_trusted_nothing_is_judged() -> None:
    with pytest.raises(ModelError, match="no shipped"):
        ModelSlot(loading(ModelError("damaged")), 2, loading(ModelError("no shipped")))

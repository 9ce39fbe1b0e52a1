"""What people decide is kept as an example: with the decision, and as long as that holds."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.errors import FolderUnavailable
from config.learning import LearningSettings
from daemon.corrections.decisions import Decisions
from daemon.domain.corrections import Via
from daemon.domain.examples import Brought, Counted, Kept, Occasion, Stock
from daemon.domain.orders import Decision, Speaker
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.service.lessons import Lessons
from daemon.service.teaching import Teaching
from daemon.sorting.gathering import Gathering
from daemon.store import DATABASE, schema
from daemon.store import examples as kept_in_store
from tests.support.core import Core, tiny_photo

ANNA = Speaker("Anna", Via.PAGE)
NETWORK = "scripted"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A photo in review, taken for Tops, and one that was filed in Shirts without a look."""
    core = Core(tmp_path, inline=True)
    core.drop("return-60521_odd.png", tiny_photo("review", 1))
    core.drop("sure.png", tiny_photo("Shirts", 2))
    core.drain()
    yield core
    core.stop()


def photo(core: Core, name: str) -> int:
    (found,) = core.store.history.stories(name)
    return found.id


def decide(core: Core, name: str, decision: Decision, category: str = "") -> None:
    decisions = Decisions(core.store, core.corrector, core.clock)
    assert decisions.decide(photo(core, name), decision, category, ANNA).done


def gathering(core: Core) -> Gathering:
    return Gathering(core.store.examples, Tree(core.sorted), Limits(1_000_000, 1.0), core.slot)


def gather(core: Core) -> int:
    return gathering(core).gather(lambda: True)


def kept(core: Core) -> list[Kept]:
    return core.store.examples.usable(NETWORK)


def test_a_correction_becomes_an_example_with_all_that_is_known_of_it(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.CATEGORY, "Shirts")
    assert core.store.examples.stock(NETWORK) == Stock({}, unseen=1, lost=0)
    assert gather(core) == 1
    (one,) = kept(core)
    (file,) = core.sorted.rglob("return-60521_odd.png")
    assert one == Kept(
        photo(core, "return-60521_odd.png"),
        "return-60521_odd.png",
        "Shirts",
        Occasion.CORRECTION,
        "Anna",
        one.at,
        "60521",
        hashlib.sha256(file.read_bytes()).hexdigest(),
        one.features,
        "Shirts/return-60521_odd.png",
    )
    assert len(one.features) == 4
    assert core.store.examples.stock(NETWORK) == Stock({"Shirts": 1}, unseen=0, lost=0)


@pytest.mark.parametrize(
    ("name", "source"), [("return-60521_odd.png", Occasion.DECISION), ("sure.png", Occasion.CHECK)]
)
def test_what_is_agreed_to_teaches_too(core: Core, name: str, source: Occasion) -> None:
    decide(core, name, Decision.AGREE)
    gather(core)
    assert [one.source for one in kept(core)] == [source]


def test_a_photo_that_is_dragged_or_deleted_later_still_teaches(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.CATEGORY, "Shirts")
    gather(core)
    (file,) = core.sorted.rglob("return-60521_odd.png")
    file.unlink()
    core.corrector.notice_dragged(100)
    assert [one.label for one in kept(core)] == ["Shirts"]
    assert gather(core) == 0


def test_the_photo_that_somebody_drags_teaches_what_its_folder_says(core: Core) -> None:
    (file,) = core.sorted.rglob("return-60521_odd.png")
    (core.sorted / "Tshirts").mkdir()
    os.rename(file, core.sorted / "Tshirts" / file.name)  # noqa: PTH104
    core.corrector.notice_decided(100)
    gather(core)
    assert [(one.label, one.source) for one in kept(core)] == [("Tshirts", Occasion.CORRECTION)]


def test_another_word_counts_and_what_is_taken_back_teaches_nothing(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.CATEGORY, "Shirts")
    gather(core)
    core.corrector.correct("return-60521_odd.png", "Tshirts", "Bob")
    assert [(one.label, one.person) for one in kept(core)] == [("Tshirts", "Bob")]
    Decisions(core.store, core.corrector, core.clock).take_back(
        photo(core, "return-60521_odd.png"), ANNA
    )
    assert kept(core) == []
    decide(core, "return-60521_odd.png", Decision.AGREE)
    gather(core)
    core.corrector.undo("return-60521_odd.png", "Anna")
    assert core.store.examples.stock(NETWORK) == Stock({}, unseen=0, lost=0)


def test_a_photo_to_be_taken_again_teaches_nothing(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.RETAKE)
    assert core.store.examples.stock(NETWORK) == Stock({}, unseen=0, lost=0)


def test_what_is_gone_or_another_before_it_could_be_looked_at_is_counted_as_lost(
    core: Core,
) -> None:
    for name in ("return-60521_odd.png", "sure.png"):
        decide(core, name, Decision.AGREE)
    (gone,), (other,) = core.sorted.rglob("return-60521_odd.png"), core.sorted.rglob("sure.png")
    gone.unlink()
    other.write_bytes(tiny_photo("Tops", 9))
    assert gather(core) == 0
    assert core.store.examples.stock(NETWORK) == Stock({}, unseen=0, lost=2)


def test_with_the_row_of_a_photo_its_example_goes(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.AGREE)
    gather(core)
    number = photo(core, "return-60521_odd.png")
    with closing(sqlite3.connect(core.state / DATABASE)) as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("DELETE FROM corrections WHERE photo = ?", (number,))
        db.execute("DELETE FROM photos WHERE id = ?", (number,))
        db.commit()
        assert db.execute("SELECT count(*) FROM example_features").fetchone() == (0,)
    assert kept(core) == []


def test_another_network_looks_again_and_what_it_cannot_see_is_kept_for_the_first(
    core: Core,
) -> None:
    for name in ("return-60521_odd.png", "sure.png"):
        decide(core, name, Decision.AGREE)
    gather(core)
    (gone,) = core.sorted.rglob("sure.png")
    gone.unlink()
    core.classifier.network = "another"
    assert gather(core) == 1
    assert [one.name for one in core.store.examples.usable("another")] == ["return-60521_odd.png"]


def test_of_each_label_the_newest_are_kept(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_in_store, "MOST_OF_A_LABEL", 3)
    for number in range(5):
        one = Brought(f"{number}", f"{number}.jpg", "Sandals", "", b"abcd")
        core.clock.advance(1)
        core.store.examples.bring([one], "anna", core.clock.now(), NETWORK)
    assert [one.name for one in kept(core)] == ["2.jpg", "3.jpg", "4.jpg"]


def test_what_is_brought_twice_is_new_once_unless_it_is_said_to_be_something_else(
    core: Core,
) -> None:
    sandals = Brought("1", "1.jpg", "Sandals", "", b"abcd")
    boots = Brought("1", "1.jpg", "Boots", "", b"abcd")
    now, bring = core.clock.now(), core.store.examples.bring
    counts = [bring([one], "anna", now, NETWORK) for one in (sandals, sandals, boots)]
    assert counts == [Counted(1, 0), Counted(0, 0), Counted(0, 1)]
    assert core.store.examples.stock(NETWORK).labels == {"Boots": 1}
    count, newest = core.store.examples.count_since("", NETWORK)
    assert count == 1
    assert core.store.examples.count_since(newest, NETWORK) == (0, "")


def test_what_was_brought_can_be_removed_and_what_was_decided_stays(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.CATEGORY, "Shirts")
    gather(core)
    told = [Brought(f"{at}", f"{at}.jpg", "Shirts", "", b"abcd") for at in range(3)]
    core.store.examples.bring(told, "anna", core.clock.now(), NETWORK)
    assert core.store.examples.by_occasion() == {"Shirts": {"correction": 1, "upload": 3}}
    assert core.store.examples.remove_brought({"1", "unknown"}, None) == 1
    assert core.store.examples.remove_brought(None, "Tops") == 0
    assert core.store.examples.remove_brought(None, "Shirts") == 2
    assert core.store.examples.by_occasion() == {"Shirts": {"correction": 1}}


def teaching_of(core: Core) -> Teaching:
    sights = Gathering(core.store.sights, Tree(core.sorted), Limits(1_000_000, 1.0), core.slot)
    return Teaching(gathering(core), sights, lessons_of(core, adopt="off"), core.clock)


def test_a_folder_that_does_not_answer_is_no_trouble_and_asked_again_later(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(core, "return-60521_odd.png", Decision.AGREE)
    teaching = teaching_of(core)
    with monkeypatch.context() as away:

        def absent(*_: object) -> None:
            raise FolderUnavailable("sorted is away")

        away.setattr("daemon.sorting.gathering.read_photo", absent)
        teaching.step()
    teaching.step()
    assert kept(core) == []
    core.clock.advance(61)
    teaching.step()
    assert len(kept(core)) == 1


def test_the_decisions_of_an_older_history_teach_as_well(core: Core) -> None:
    decide(core, "return-60521_odd.png", Decision.CATEGORY, "Shirts")
    decide(core, "sure.png", Decision.AGREE)
    core.corrector.undo("sure.png", "Anna")
    with closing(sqlite3.connect(core.state / DATABASE)) as db:
        db.execute("DELETE FROM examples")
        db.execute(schema.TEACH_WHAT_WAS_SAID)  # as the step does, which made the table
        db.commit()
    assert core.store.examples.stock(NETWORK).unseen == 1
    gather(core)
    assert [(one.label, one.person) for one in kept(core)] == [("Shirts", "Anna")]


def lessons_of(core: Core, **learning: Any) -> Lessons:
    settings = core.settings(learning=LearningSettings(**learning))
    return Lessons(core.store, core.slot, settings, core.clock)


def taught(core: Core, count: int) -> None:
    told = [Brought(f"{at}", f"{at}.jpg", "Shirts", "", b"abcd") for at in range(count)]
    core.store.examples.bring(told, "anna", core.clock.now(), NETWORK)


def test_a_lesson_gives_way_to_the_sorting_and_is_held_later(core: Core) -> None:
    lessons = lessons_of(core, new_examples=5, calm_minutes=10)
    taught(core, 5)
    with capture_logs() as logs:
        lessons.step()
        assert logs == []  # somebody may go on deciding
        core.clock.advance(601)
        lessons.step()
        lessons.give_way()
        lessons.give_way()
        core.clock.advance(601)
        lessons.step()
        deadline = time.monotonic() + 60
        while core.store.examples.last_lesson() is None and time.monotonic() < deadline:
            lessons.step()
            time.sleep(0.05)
    assert [one["event"] for one in logs] == [
        "lesson_begun", "lesson_put_off", "lesson_begun", "lesson_learnt",
    ]  # fmt: skip
    last = core.store.examples.last_lesson()
    assert last is not None
    # The process has the model that ships, for which these are another network's.
    assert (last["judgement"], last["new"], last["by_itself"]) == ("refused", 5, True)
    assert "there are 0 examples" in last["why"]
    assert lessons.status()["new"] == 0
    core.clock.advance(3600)
    with capture_logs() as logs:
        lessons.step()
    assert logs == []


@pytest.mark.parametrize("learning", [{"adopt": "off"}, {"new_examples": 6}])
def test_without_enough_new_examples_or_with_off_nothing_is_learnt_by_itself(
    core: Core, learning: dict[str, Any]
) -> None:
    lessons = lessons_of(core, **{"new_examples": 5, "calm_minutes": 0} | learning)
    taught(core, 5)
    core.clock.advance(60)
    with capture_logs() as logs:
        lessons.step()
    assert logs == []
    assert lessons.status()["new"] == 5

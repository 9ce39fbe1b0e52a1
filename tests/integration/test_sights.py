"""What the network saw of photos that wait for people: kept while they wait, and no longer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.corrections.decisions import Decisions
from daemon.domain.orders import Decision
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.sorting.gathering import Gathering
from daemon.store import DATABASE, Store, sights
from tests.integration.test_examples import ANNA, NETWORK, photo, teaching_of
from tests.support.core import Core, tiny_photo


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """Two photos that wait for people, one that does not."""
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review", 1))
    core.drop("strange.png", tiny_photo("review", 2))
    core.drop("sure.png", tiny_photo("Shirts", 3))
    core.drain()
    yield core
    core.stop()


def looks(core: Core) -> Gathering:
    return Gathering(core.store.sights, Tree(core.sorted), Limits(1_000_000, 1.0), core.slot)


def seen(core: Core) -> set[str]:
    names = {photo(core, name): name for name in ("odd.png", "strange.png", "sure.png")}
    return {names[number] for number in core.store.sights.of([*names])}


def decide(core: Core, name: str, decision: Decision) -> None:
    decisions = Decisions(core.store, core.corrector, core.clock)
    assert decisions.decide(photo(core, name), decision, "", ANNA).done


def test_what_waits_is_looked_at_until_it_is_decided_and_again_when_that_is_undone(
    core: Core,
) -> None:
    assert looks(core).is_due
    assert looks(core).gather(lambda: True) == 2
    assert not looks(core).is_due
    assert seen(core) == {"odd.png", "strange.png"}
    decide(core, "odd.png", Decision.AGREE)
    assert seen(core) == {"strange.png"}
    decisions = Decisions(core.store, core.corrector, core.clock)
    assert decisions.take_back(photo(core, "odd.png"), ANNA).done
    assert looks(core).gather(lambda: True) == 1
    assert seen(core) == {"odd.png", "strange.png"}


def test_what_is_to_be_taken_again_or_gone_leaves_nothing(core: Core) -> None:
    looks(core).gather(lambda: True)
    decide(core, "odd.png", Decision.RETAKE)
    with closing(sqlite3.connect(core.state / DATABASE)) as db:
        db.execute("DELETE FROM photos WHERE filename = 'strange.png'")
        db.commit()
        assert db.execute("SELECT count(*) FROM sights").fetchone() == (0,)


def test_a_photo_that_cannot_be_read_is_not_asked_for_again(core: Core) -> None:
    (file,) = core.sorted.rglob("odd.png")
    file.write_bytes(b"no photo any more")
    looking = looks(core)
    assert looking.gather(lambda: True) == 1
    assert not looking.is_due
    assert seen(core) == {"strange.png"}


def test_what_another_network_saw_is_looked_at_anew(core: Core) -> None:
    looks(core).gather(lambda: True)
    core.store.sights.look_again("another")
    assert seen(core) == set()
    assert looks(core).gather(lambda: True) == 2


def test_there_is_an_end_to_how_many(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sights, "MOST", 1)
    assert [one.id for one in core.store.sights.unseen(1)] == [photo(core, "odd.png")]
    looks(core).gather(lambda: False)
    assert core.store.sights.unseen(4) == []


def test_where_there_is_no_room_those_that_wait_are_not_gone_through(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    database = core.store.sights._db
    execute = database.execute

    def noted(statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        asked.append(statement)
        return execute(statement, values)

    monkeypatch.setattr(database, "execute", noted)
    core.store.sights.unseen(1)
    assert any("FROM photos" in one for one in asked)
    monkeypatch.setattr(sights, "MOST", 0)
    asked.clear()
    assert core.store.sights.unseen(1) == []
    assert not any("FROM photos" in one for one in asked)


def test_the_daemon_looks_at_what_people_spoke_about_first(core: Core) -> None:
    decide(core, "odd.png", Decision.AGREE)
    teaching = teaching_of(core)
    teaching.step()
    assert core.store.examples.stock(NETWORK).unseen == 0
    assert seen(core) == set()
    teaching.step()
    assert seen(core) == {"strange.png"}


def test_a_turn_with_nothing_to_look_at_takes_no_copy_of_the_model(core: Core) -> None:
    teaching = teaching_of(core)
    with core.slot.lease():  # the only one: who asked for another would wait for ever
        assert looks(core).is_due
    looks(core).gather(lambda: True)
    with core.slot.lease():
        teaching.step()


def test_a_history_of_an_older_nightsort_has_none(core: Core) -> None:
    core.stop()
    with closing(sqlite3.connect(core.state / DATABASE)) as db:
        db.execute("DROP TABLE sights")
        db.execute(f"PRAGMA user_version = {sights._SINCE_VERSION - 1}")
        db.commit()
    with closing(Store(core.state, reading=True)) as store:
        assert store.sights.of([1, 2]) == {}

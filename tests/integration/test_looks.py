"""How long decisions take on the page: kept by week and band alone, told once they are enough."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from classifier.verdict import Band
from daemon.domain.looking import LEAST, LONGEST_MS, Looked
from daemon.store import DATABASE, Store
from daemon.store.schema import STEPS
from daemon.store.schema_parts import LOOKS
from tests.support.core import Core, tiny_photo

MONDAY = date(2025, 10, 13)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A photo to decide, and one that was filed without a look."""
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review", 1))
    core.drop("sure.png", tiny_photo("Shirts", 2))
    core.drain()
    yield core
    core.stop()


def number(core: Core, name: str) -> int:
    return core.store.history.stories(name)[0].id


def note(core: Core, seconds: float, times: int = 1, day: date = MONDAY) -> None:
    core.store.looks.note([number(core, "odd.png")] * times, round(1000 * seconds), day)


def test_the_median_is_told_from_thirty_decisions_on(core: Core) -> None:
    note(core, 8.04, LEAST - 1)
    assert core.store.looks.until(MONDAY) == {}
    note(core, 20)
    assert core.store.looks.until(MONDAY) == {Band.REVIEW: Looked(8.0, LEAST)}


def test_of_each_week_it_is_told_for_twelve(core: Core) -> None:
    note(core, 8, LEAST, MONDAY + timedelta(days=6))
    for weeks, known in ((-1, False), (0, True), (11, True), (12, False)):
        day = MONDAY + timedelta(weeks=weeks, days=2)
        assert bool(core.store.looks.until(day)) is known


def test_what_was_not_measured_or_took_too_long_is_not_counted(core: Core) -> None:
    note(core, 0, LEAST)
    note(core, LONGEST_MS / 1000 + 1, LEAST)
    assert core.store.looks.until(MONDAY) == {}


def test_only_decisions_and_quick_looks_are_counted(core: Core) -> None:
    core.store.looks.note([number(core, "sure.png")] * LEAST, 8000, MONDAY)  # a spot check
    assert core.store.looks.until(MONDAY) == {}


def test_kept_is_no_photo_and_no_person(core: Core) -> None:
    note(core, 8)
    with closing(sqlite3.connect(core.state / DATABASE)) as db:
        rows = db.execute("SELECT * FROM looks")
        assert [column[0] for column in rows.description] == ["week", "band", "tenths", "photos"]
        assert rows.fetchall() == [("2025-10-13", "review", 80, 1)]


def test_a_database_that_is_only_read_may_know_nothing_of_it(core: Core, tmp_path: Path) -> None:
    core.stop()
    older = shutil.copytree(core.state, tmp_path / "older")
    core.restart()
    with closing(sqlite3.connect(older / DATABASE)) as db:
        db.execute("DROP TABLE looks")
        db.execute(f"PRAGMA user_version = {STEPS.index((LOOKS,))}")
        db.commit()
    with closing(Store(older, reading=True)) as store:
        assert store.looks.until(MONDAY) == {}

"""Whoever asks for a run gets the one that looked at the share after they asked: the real parts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.settings import load
from daemon.domain.summaries import DrainSummary
from daemon.intake.events import Events
from daemon.service.app import build
from daemon.service.loop import Service
from daemon.sorting.drain import Drain
from daemon.sorting.sorter import Sorter
from tests.support.gates import held_up
from tests.support.nights import Night, serving
from tests.support.photos import write_photo


@pytest.fixture(params=["manual", "window"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    return Night.make(tmp_path / "site", request.param)


def drop(night: Night, number: int) -> None:
    write_photo(night.site.incoming / f"shirt-{number}.jpg", seed=number)


def test_who_asks_while_the_run_before_is_being_closed_gets_a_run_of_their_own(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(night, 1)
    with serving(night) as service:
        with held_up(monkeypatch, Drain, "close") as gate:
            first = service.ask()
            night.pass_time_until(gate.is_reached.is_set)
            drop(night, 2)
            second = service.ask()
        summaries = [night.answer_of(asked) for asked in (first, second)]
    assert [summary["total_processed"] for summary in summaries] == [1, 1]
    assert summaries[0]["run"] != summaries[1]["run"]
    assert not night.site.photos("incoming")


def test_who_asks_while_the_windows_own_run_is_being_closed_gets_a_run_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night.make(tmp_path / "site", "window")
    drop(night, 1)
    with serving(night) as service:
        with held_up(monkeypatch, Drain, "close") as gate:
            night.pass_time_until(gate.is_reached.is_set)
            drop(night, 2)
            asked = service.ask()
        summary = night.answer_of(asked)
    assert summary["total_processed"] == 1
    assert [one["total_processed"] for one in night.summaries] == [1, 1]


def test_who_asks_while_a_run_sorts_joins_it_with_what_lay_there_when_they_asked(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(night, 1)
    with serving(night) as service:
        with held_up(monkeypatch, Sorter, "sort") as gate:
            first = service.ask()
            night.pass_time_until(gate.is_reached.is_set)
            # As on a share from which no event comes.
            monkeypatch.setattr(Events, "take_file", lambda _: None)
            drop(night, 2)
            second = service.ask()
        summaries = [night.answer_of(asked) for asked in (first, second)]
    assert summaries[0] == summaries[1]
    assert summaries[0]["total_processed"] == 2
    assert not night.site.photos("incoming")


def test_who_asks_when_a_run_here_is_being_closed_has_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night.make(tmp_path / "site", "manual")
    drop(night, 1)
    started: list[Service] = []
    with (
        ThreadPoolExecutor(1, "now") as pool,
        held_up(monkeypatch, Drain, "close") as gate,
    ):
        own = pool.submit(sort_here, night, started)
        night.pass_time_until(gate.is_reached.is_set)
        drop(night, 2)
        joined = started[0].ask()
        gate.is_open.set()
        summaries = [night.answer_of(asked) for asked in (own, joined)]
    assert [summary["total_processed"] for summary in summaries] == [1, 1]


def sort_here(night: Night, started: list[Service]) -> DrainSummary:
    """What `nightsort now` does where no daemon runs."""
    with build(load(night.site.folder / "nightsort.toml"), night.clock) as service:
        started.append(service)
        return service.run_once()

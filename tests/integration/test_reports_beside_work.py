"""Reports are made beside the work: the real parts, held up where a page is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.domain.orders import Correct, Given, PhotosAnswer, Speaker
from daemon.reporting import report_thread
from daemon.reporting.reporter import Reporter
from tests.support.gates import held_up
from tests.support.nights import Night, serving
from tests.support.photos import write_photo
from tests.support.waiting import DEADLINE_SECONDS, eventually


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = Night.make(tmp_path / "site", "manual")
    write_photo(night.site.incoming / "return-4711.jpg", seed=1)
    return night


def files_of(night: Night, run: str | None) -> list[Path]:
    """What `now` promises to be there when it answers."""
    results = night.site.results
    return [
        results / f"batch_report_{run}.html",
        results / f"batch_results_{run}.xlsx",
        results / "exports" / f"pick_lists_{run}.html",
        results / "exports" / f"inventory_{run}.csv",
    ]


def test_a_run_that_was_asked_for_is_answered_when_all_that_people_read_of_it_is_there(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(night) as service:
        with held_up(monkeypatch, Reporter, "_pictures") as gate:
            asked = service.ask()
            night.pass_time_until(gate.is_reached.is_set)
            assert len(night.summaries) == 1
            assert not asked.done()
        summary = night.answer_of(asked)
        assert all(file.is_file() for file in files_of(night, summary["run"]))


def test_an_order_does_not_wait_for_a_page(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(night) as service:
        with held_up(monkeypatch, Reporter, "_pictures") as gate:
            service.ask()
            night.pass_time_until(gate.is_reached.is_set)
            ordered = service.order(Given(Correct(("4711",), "Watches"), Speaker("alice")))
            answer = night.answer_of(ordered)
            assert (night.site.sorted / "Watches" / "return-4711.jpg").is_file()
        assert isinstance(answer, PhotosAnswer)
        assert [one.category for one in answer.done] == ["Watches"]
        inventory = night.site.results / "exports" / "inventory_latest.csv"
        night.pass_time_until(lambda: inventory.exists() and "Watches" in inventory.read_text())


def test_the_next_run_begins_while_the_report_of_the_last_is_made(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(night) as service:
        with held_up(monkeypatch, Reporter, "_pictures") as gate:
            first = service.ask()
            night.pass_time_until(gate.is_reached.is_set)
            write_photo(night.site.incoming / "return-4712.jpg", seed=2)
            second = service.ask()
            night.pass_time_until(lambda: len(night.summaries) == 2)
        runs = [night.answer_of(asked)["run"] for asked in (first, second)]
        assert all(file.is_file() for run in runs for file in files_of(night, run))


def test_a_stop_in_mid_report_answers_with_the_run_and_the_next_start_makes_the_report(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(night) as service:
        with held_up(monkeypatch, Reporter, "_pictures") as gate:
            asked = service.ask()
            night.pass_time_until(gate.is_reached.is_set)
            service.stop()
        summary = night.answer_of(asked)
    page, *_ = files_of(night, summary["run"])
    assert not page.exists()
    with serving(night):
        eventually(page.exists, within_s=DEADLINE_SECONDS)


def test_a_report_that_hangs_keeps_neither_the_answer_nor_the_end(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_thread, "LONGEST_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(report_thread, "JOIN_SECONDS", 0.2)
    with held_up(monkeypatch, Reporter, "write"), serving(night) as service:
        assert night.answer_of(service.ask())["total_processed"] == 1

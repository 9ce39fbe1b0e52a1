"""The real service: what people decide in a workbook is done, and another system is told of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from daemon.store import Store
from daemon.store.handovers import FOLLOWER
from tests.support.nights import Night, serving
from tests.support.photos import write_photo
from tests.support.web_hook import WebHook, listening

SECRET = "0123456789abcdef-secret"


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = Night.make(tmp_path / "site", "manual")
    write_photo(night.site.incoming / "return-4711.jpg", seed=1)
    with (night.site.folder / "nightsort.toml").open("a", encoding="utf-8") as file:
        file.write("[bands]\nauto = 1.0\nreview = 1.0\n")  # a person decides on every photo
    return night


def hand_over_to(night: Night, port: int) -> None:
    with (night.site.folder / "nightsort.toml").open("a", encoding="utf-8") as file:
        file.write(f'[handover]\nwebhook = "http://127.0.0.1:{port}/in"\nsecret = "{SECRET}"\n')


def decide(book: Path, word: str) -> None:
    workbook = openpyxl.load_workbook(book)
    workbook["To decide"]["G2"] = word
    workbook.save(book)


def shown(book: Path) -> str:
    return str(openpyxl.load_workbook(book)["To decide"]["G2"].value)


def test_a_decision_in_a_workbook_is_carried_out_shown_and_handed_over(night: Night) -> None:
    book = night.site.results / "batch_results_latest.xlsx"
    with listening(WebHook()) as hook:
        hand_over_to(night, hook.port)
        with serving(night) as service:
            run = night.answer_of(service.ask())["run"]
            night.pass_time_until(lambda: hook.bodies)
            decide(book, "Watches")
            night.pass_time_until((night.site.sorted / "Watches" / "return-4711.jpg").is_file)
            night.pass_time_until(lambda: len(hook.bodies) == 2)
            night.pass_time_until(lambda: shown(book) == "✓ Watches (here)")
    told, changed = hook.bodies
    assert (told["id"], told["returns"][0]["status"]) == (f"run-{run}", "decide")
    assert (changed["what"], changed["by"]) == ("corrected", book.name)
    assert (changed["return"]["status"], changed["return"]["category"]) == ("filed", "Watches")


def test_another_system_that_comes_up_after_the_service_went_down_is_told_at_the_next_start(
    night: Night,
) -> None:
    with listening(WebHook()) as hook:
        port = hook.port
    hand_over_to(night, port)
    with serving(night) as service:
        run = night.answer_of(service.ask())["run"]
    with listening(WebHook(port=port)) as hook, serving(night):
        night.pass_time_until(lambda: hook.bodies)
    assert [body["id"] for body in hook.bodies] == [f"run-{run}"]


def test_a_webhook_is_taken_by_a_reload(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSORT_CONFIG", str(night.site.folder / "nightsort.toml"))
    with listening(WebHook()) as hook, serving(night) as service:
        hand_over_to(night, hook.port)
        service.reload()
        night.pass_time_until(lambda: follows(night))
        night.answer_of(service.ask())
        night.pass_time_until(lambda: hook.bodies)


def follows(night: Night) -> bool:
    """Whether what happens is kept for the other system."""
    with closing(Store(night.site.state)) as store:
        known = store._db.execute("SELECT 1 FROM cursors WHERE name = ?", (FOLLOWER,))
        return known.fetchone() is not None

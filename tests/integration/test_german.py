"""With `[reports] language = "de"` people read German; programs read what they always read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest

from daemon.corrections.decisions import Decisions
from daemon.domain.corrections import Via
from daemon.domain.left_alone import LeftAlone
from daemon.domain.orders import Decision, Speaker
from daemon.domain.speech import speech
from daemon.domain.summaries import DrainSummary
from daemon.folders.tree import Tree
from daemon.service.run_now import RunNow
from daemon.sorting.filer import FilingPolicy
from daemon.store import Store
from tests.integration.test_requests import SETTLE_SECONDS, SUMMARY
from tests.support.clocks import ManualClock
from tests.support.core import Core, tiny_photo

GERMAN = speech("de")
RUN = "20251013_020000"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True, filing=FilingPolicy(language="de"))
    yield core
    core.stop()


def test_what_lies_beside_a_photo_is_german_and_what_programs_read_is_not(core: Core) -> None:
    core.drop("bad.png", b"no photo at all")
    core.drop("odd.png", tiny_photo("review", 2))
    core.drain()
    note = (core.sorted / "_quarantine" / "bad.png.reason.txt").read_text("utf-8")
    assert note.startswith("not_an_image: Das ist kein Foto; ")
    (story,) = core.store.history.stories("bad.png")
    assert story.reason_text.startswith("not a photo, the content looks like text")
    table = (core.results / f"batch_results_{RUN}.csv").read_text("utf-8-sig")
    assert table.startswith("filename,category,confidence,status,timestamp,")
    assert ",error," in table


def test_the_note_of_a_photo_to_be_taken_again_is_german(core: Core) -> None:
    core.drop("odd.png", tiny_photo("review", 2))
    core.drain()
    (story,) = core.store.history.stories("odd.png")
    decisions = Decisions(core.store, core.corrector, core.clock)
    decisions.decide(story.id, Decision.RETAKE, "", Speaker("Jörg", Via.PAGE))
    note = (core.sorted / "_retake" / "odd.png.reason.txt").read_text("utf-8")
    assert note == "retake: Der Artikel ist neu zu fotografieren; Jörg bat darum am 13.10.2025.\n"


def test_the_note_about_a_run_that_was_asked_for_is_german(tmp_path: Path) -> None:
    incoming, answer = tmp_path / "incoming", Future[DrainSummary]()
    for made in (incoming, tmp_path / "state"):
        made.mkdir()
    left = LeftAlone(not_photos=1, names=("liste.pdf",))
    with closing(Store(tmp_path / "state")) as store:
        clock = ManualClock()
        requests = RunNow(Tree(incoming), store.facts, clock, SETTLE_SECONDS, lambda: left, GERMAN)
        (incoming / "RUN NOW").mkdir()
        for _ in range(4):
            requests.check(lambda: answer)
            clock.advance(SETTLE_SECONDS / 2)
        answer.set_result(SUMMARY)
        requests.check(lambda: answer)
    (note,) = incoming.iterdir()
    assert note.name.startswith("nightsort has run")  # names stay what they are
    first, second, last, _ = note.read_bytes().decode().split("\r\n")
    assert first == (
        "Lauf 20251013_141500: 12 abgelegt, 3 zu entscheiden, 0 Duplikate, 1 in Quarantäne, "
        "0 warten noch."
    )
    assert second == "1 Datei hier ist kein Foto: liste.pdf."
    assert last.startswith("Diese Notiz verschwindet um ")

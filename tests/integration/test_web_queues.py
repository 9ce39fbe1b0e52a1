"""Quick looks and spot checks beside what waits: who is in them, and what an answer does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from classifier.pixels import UInt8Array
from classifier.verdict import Band, Verdict
from daemon.corrections.decisions import Decisions
from daemon.domain.orders import Decision, Speaker
from daemon.reporting.reporter import MOST_SPOT_CHECKS
from tests.support.classifiers import verdict
from tests.support.core import by_tone, tiny_photo
from tests.support.web_core import WebDesk, reviewed
from web.reading.queues import LOOK_DAYS, SPOT_DAYS, Queue, totals, waiting

ANNA = Speaker("anna")


def think(picture: UInt8Array) -> Verdict:
    """Tops are filed with the remark that a look would not hurt."""
    found = by_tone(picture)
    if found.category == "Tops" and found.band is Band.AUTO:
        return verdict("Tops", 0.8, Band.CHECK)
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """A night of today: twenty sure ones, three to look at, two to decide."""
    with reviewed(tmp_path, think=think) as desk:
        desk.core.clock.set_wall_clock(datetime.now(UTC))
        for number in range(20):
            desk.core.drop(f"shirt {number}.png", tiny_photo("Shirts", number))
        for number in range(3):
            desk.core.drop(f"top {number}.png", tiny_photo("Tops", 100 + number))
        for number in range(2):
            desk.core.drop(f"odd {number}.png", tiny_photo("review", 200 + number))
        run = desk.core.drain()["run"]
        desk.core.store.spot_checks.choose(run, 0.1, MOST_SPOT_CHECKS)
        yield desk


def decide(desk: WebDesk, photo: int, decision: Decision, category: str = "") -> None:
    answer = decisions(desk).decide(photo, decision, category, ANNA)
    assert [one.photo for one in answer.done] == [photo]


def decisions(desk: WebDesk) -> Decisions:
    return Decisions(desk.core.store, desk.core.corrector, desk.core.clock)


def queue(desk: WebDesk, name: str, query: str = "") -> list[int]:
    """The photos of a queue, as they stand in its strip."""
    page = desk.get(f"/review?queue={name}{query}")
    assert page.status_code == 200, page.text
    return [int(one) for one in re.findall(r'<li data-photo="(\d+)"', page.text)]


def counts(desk: WebDesk) -> list[int]:
    nav = desk.get("/review").text.partition('<nav class="queues"')[2].partition("</nav>")[0]
    return [int(one) for one in re.findall(r'<span class="quiet">(\d+)</span>', nav)]


def names(desk: WebDesk, photos: list[int]) -> list[str]:
    return [str(desk.get(f"/photos/{photo}").json()["filename"]) for photo in photos]


def test_each_queue_has_its_photos_and_its_count(desk: WebDesk) -> None:
    assert counts(desk) == [2, 3, 2]
    assert names(desk, queue(desk, "review")) == ["odd 0.png", "odd 1.png"]
    assert names(desk, queue(desk, "looks")) == ["top 0.png", "top 1.png", "top 2.png"]
    assert all(name.startswith("shirt ") for name in names(desk, queue(desk, "spots")))
    assert desk.get("/review?queue=others").status_code == 400


def test_a_photo_of_them_is_asked_about_and_can_be_answered(desk: WebDesk) -> None:
    page = desk.get("/review?queue=looks").text
    assert "Filed without a question, 80 % sure. Is that right?" in page
    assert '<h2 id="guess" tabindex="-1">Tops?</h2>' in page
    assert "It does not wait" not in page


def test_right_leaves_it_where_it_is_and_wrong_files_it_anew(desk: WebDesk) -> None:
    right, wrong, left = queue(desk, "looks")
    decide(desk, right, Decision.AGREE)
    decide(desk, wrong, Decision.CATEGORY, "Shirts")
    assert queue(desk, "looks") == [left]
    assert (desk.core.sorted / "Tops" / "top 0.png").is_file()
    assert (desk.core.sorted / "Shirts" / "top 1.png").is_file()
    assert counts(desk) == [2, 1, 2]


def test_answers_to_spot_checks_are_counted_in_how_right_it_is_here(desk: WebDesk) -> None:
    assert "Nobody has answered any of 2 spot checks yet" in desk.get("/").text
    right, wrong = queue(desk, "spots")
    decide(desk, right, Decision.AGREE)
    decide(desk, wrong, Decision.CATEGORY, "Tops")
    assert queue(desk, "spots") == []
    assert "All checked" in desk.get("/review?queue=spots").text
    page = desk.get("/").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "<strong>50.0 % right (9.5–90.5 %)</strong>" in page
    assert "Spot checks answered: 2 of 2." in page


def test_an_answer_taken_back_is_asked_again(desk: WebDesk) -> None:
    spot, look = queue(desk, "spots")[0], queue(desk, "looks")[0]
    for photo in (spot, look):
        decide(desk, photo, Decision.AGREE)
        assert decisions(desk).take_back(photo, ANNA).done
    assert spot in queue(desk, "spots")
    assert {spot, look} <= set(queue(desk, "review"))
    decide(desk, spot, Decision.AGREE)
    assert spot not in queue(desk, "spots")
    (answer,) = (one for one in desk.core.store.spot_checks.newest(date.min) if one.truth)
    assert answer.truth == answer.guess == "Shirts"


def test_what_is_too_old_is_not_asked_about(desk: WebDesk) -> None:
    db = desk.core.store._db
    long_ago = (datetime.now(UTC) - timedelta(days=LOOK_DAYS + 2)).isoformat()
    db.execute("UPDATE photos SET recorded_at = ? WHERE filename = 'top 0.png'", (long_ago,))
    assert names(desk, queue(desk, "looks")) == ["top 1.png", "top 2.png"]
    older = (datetime.now(UTC) - timedelta(days=SPOT_DAYS + 2)).isoformat()
    db.execute("UPDATE runs SET started_at = ?", (older,))
    assert queue(desk, "spots") == []
    assert counts(desk) == [2, 2, 0]


def test_what_is_put_back_dragged_or_let_go_is_asked_about_no_more(desk: WebDesk) -> None:
    desk.core.corrector.undo("top 0.png", "anna")
    (desk.core.sorted / "Tops" / "top 1.png").rename(desk.core.sorted / "Shirts" / "top 1.png")
    assert desk.core.corrector.notice_dragged(100) == 1
    now = datetime.now(UTC).isoformat()
    desk.core.store._db.execute(
        "UPDATE photos SET let_go_at = ? WHERE filename = 'top 2.png'", (now,)
    )
    assert queue(desk, "looks") == []


def test_the_pages_of_a_long_queue_lead_on(desk: WebDesk) -> None:
    first, *others = queue(desk, "looks")
    assert queue(desk, "looks", f"&after={first}") == others
    assert queue(desk, "looks", f"&after={first}&photo={first}") == others  # it does not wait


def test_they_can_be_gone_through_in_groups(desk: WebDesk) -> None:
    page = desk.get("/page/groups?queue=looks").text
    assert page.count('name="photo"') == 3
    assert "3 to look at" in page
    assert desk.get("/page/groups?queue=x").status_code == 400


def test_queues_are_found_by_their_indexes_however_many_photos_there_ever_were(
    desk: WebDesk,
) -> None:
    asked: list[str] = []
    db = desk.core.store._db
    db._connection.set_trace_callback(asked.append)
    try:
        for name in Queue:
            waiting(desk.core.store, name, datetime.now(UTC).date(), 0, 61)
        totals(desk.core.store, datetime.now(UTC).date())
    finally:
        db._connection.set_trace_callback(None)
    for question in asked:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {question}")]
        whole = [step for step in plan if step in ("SCAN photos", "SCAN spot_checks")]
        assert not whole, (question, plan)
        assert not [step for step in plan if "rowid>" in step], plan

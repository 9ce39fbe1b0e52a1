"""A night unlike others: counted from runs each morning, told once, over when it is as usual."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.alerting.nights import NIGHTS_KEPT
from daemon.domain.alerts import RULES
from daemon.store import DATABASE
from tests.support.alerts import Box, healthy

DAY = 86_400.0
MONDAY = datetime(2025, 2, 3, 2, tzinfo=UTC)
WEEKS = 8
USUAL = {"Shirts": 120, "Tops": 60, "Handbags": 20}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A box that has sorted for eight weeks; it is the Monday after them, 02:00."""
    box = Box(tmp_path, window={"timezone": "UTC"})
    for number in range(7 * WEEKS):
        a_night(box, MONDAY + timedelta(days=number), more=number % 5)
    box.clock.set_wall_clock(MONDAY + timedelta(days=7 * WEEKS))
    box.turn()
    box.target.told.clear()
    yield box
    box.store.close()


def a_night(box: Box, at: datetime, more: int = 2, **counts: Any) -> str:
    """A run such as others, unless counts says otherwise."""
    categories = {name: photos + more for name, photos in USUAL.items()}
    photos = sum(counts.get("categories", categories).values())
    review = counts.pop("review", 15 + more)
    known = {
        "successful": photos - review,
        "review": review,
        "categories": categories,
        "confidence_distribution": {"auto": photos - review, "review": review},
        "average_confidence": 0.93,
    }
    return box.run(at=at, **{**known, **counts})


def tonight(box: Box, **counts: Any) -> list[tuple[str, str]]:
    """A night, and what is told of it until the next 02:00, beside the run."""
    run = a_night(box, box.clock.now(), **counts)
    told = box.turns(DAY, every=3600.0)
    assert run
    return [(rule, phase) for rule, phase in told if rule == "unusual_night"]


def test_usual_nights_are_not_told(box: Box) -> None:
    assert [tonight(box, more=number) for number in range(4)] == [[], [], [], []]


def test_another_mix_is_told_in_the_morning_once_and_when_it_is_over(box: Box) -> None:
    assert tonight(box, categories={"Shirts": 90, "Tops": 30, "Handbags": 80}) == [
        ("unusual_night", "raised")
    ]
    (alert,) = [one for one in box.target.told if one.rule == "unusual_night"]
    assert alert.at.hour == 7
    assert alert.facts.keys() == {*RULES["unusual_night"].facts, "since"}
    (bags, *_) = [one for one in alert.facts["changes"] if one["name"] == "Handbags"]
    assert bags["what"] == "mix"
    assert (bags["now"], bags["nights"]) == (0.4, 1)
    assert bags["usual"] == pytest.approx(0.1, abs=0.02)
    assert alert.facts["mix_index"] > 0.25
    assert alert.facts["compared"] >= 50
    assert tonight(box) == [("unusual_night", "resolved")]


def test_what_lasts_is_told_each_day_and_not_beside_an_acknowledgement(box: Box) -> None:
    many = {"review": 90}
    assert tonight(box, **many) == [("unusual_night", "raised")]
    assert tonight(box, **many) == [("unusual_night", "repeated")]
    incidents = box.store.alerts.history(10)
    number = next(one["id"] for one in incidents if one["rule"] == "unusual_night")
    assert number is not None
    box.store.alerts.acknowledge(number, "alice", box.clock.now())
    assert tonight(box, **many) == []


def test_another_model_that_is_less_sure_is_said_beside_what_is_unusual(box: Box) -> None:
    less_sure = {"model": "fashion 2", "review": 90, "average_confidence": 0.8}
    assert tonight(box, **less_sure) == []
    mix = {"Shirts": 90, "Tops": 30, "Handbags": 80}
    assert tonight(box, **less_sure, categories=mix) == [("unusual_night", "raised")]
    (alert,) = [one for one in box.target.told if one.rule == "unusual_night"]
    assert {one["what"] for one in alert.facts["changes"]} == {"mix"}
    assert (alert.facts["model"], alert.facts["model_since"]) == ("fashion 2", "2025-03-31")


def test_nights_that_were_kept_without_their_model_are_told_it(box: Box) -> None:
    kept = [
        {key: value for key, value in night.items() if key != "model"}
        for night in box.store.facts.get(NIGHTS_KEPT)
    ]
    box.store.facts.remember(NIGHTS_KEPT, kept)
    assert tonight(box) == []
    nights = box.store.facts.get(NIGHTS_KEPT)
    assert {night["model"] for night in nights if night["judged"]} == {"model"}
    assert [night["photos"] for night in nights[:-1]] == [night["photos"] for night in kept[1:]]


def test_blurred_photos_are_counted_by_their_reasons(box: Box) -> None:
    run = a_night(box, box.clock.now())
    with closing(sqlite3.connect(box.settings.state_dir / DATABASE)) as db:
        for number in range(1, 31):
            db.execute(
                "INSERT INTO photos (id, state, path, filename, inode, size_bytes, mtime_ns,"
                " first_seen_at, run, status, category, band, model, result_number, reason)"
                " VALUES (?, 'review', x'61', 'a', 1, 1, 1, 'x', ?, 'review', 'Shirts', 'review',"
                " 'model', ?, 'too_blurred')",
                (number, run, number),
            )
        db.commit()
    told = box.turns(DAY, every=3600.0)
    assert ("unusual_night", "raised") in told
    changes = next(one for one in box.target.told if one.rule == "unusual_night").facts["changes"]
    assert [(one["what"], one["name"]) for one in changes] == [("reason", "too_blurred")]


def test_a_day_without_photos_is_told_but_not_where_nothing_could_come(box: Box) -> None:
    box.document = {**box.document, "queue": {"waiting": 5, "settling": 0, "retrying": 0}}
    assert ("unusual_night", "raised") not in box.turns(DAY, every=3600.0)
    box.document = {**box.document, "queue": {"waiting": 0, "settling": 0, "retrying": 0}}
    assert ("unusual_night", "raised") in box.turns(DAY, every=3600.0)
    (alert,) = [one for one in box.target.told if one.rule == "unusual_night"]
    assert [one["what"] for one in alert.facts["changes"]] == ["no_arrivals"]


@pytest.mark.parametrize(
    "how",
    [
        {"queue": {"waiting": 0, "settling": 40, "retrying": 0}},
        {"queue": {"waiting": 0, "settling": 0, "retrying": 40}},
        {"share": {"incoming": "does not answer", "sorted": "available", "results": "available"}},
        {"failing": {"why": "disk full", "failures": 1, "is_model": False}},
    ],
    ids=["settling", "retrying", "away", "failing"],
)
def test_nothing_is_said_of_none_while_photos_may_be_there(box: Box, how: dict[str, Any]) -> None:
    box.clock.set_wall_clock(box.clock.now().replace(hour=7))  # no alert tells of it as yet
    box.document = {**box.document, **how}
    assert ("unusual_night", "raised") not in box.turn()
    box.document = healthy()
    assert ("unusual_night", "raised") not in box.turns(12 * 3600.0, every=3600.0)


def test_a_restart_judges_no_night_twice(box: Box) -> None:
    assert tonight(box, review=90) == [("unusual_night", "raised")]
    box.restart()
    assert ("unusual_night", "raised") not in box.turns(4 * 3600.0, every=600.0)


def test_a_new_shop_is_told_nothing_for_some_weeks(tmp_path: Path) -> None:
    box = Box(tmp_path, window={"timezone": "UTC"})
    box.clock.set_wall_clock(MONDAY)
    for number in range(12):
        a_night(box, box.clock.now(), more=number % 5)
        box.turns(DAY, every=6 * 3600.0)
    assert tonight(box, review=90) == []
    box.store.close()

"""Nights in figures, and the days on which few work."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.days_off import easter, is_day_off
from daemon.domain.nights import Night, came, day_of_morning, judged_since, night_of
from tests.support.alerts import summary

DAY = date(2025, 10, 13)
AT = datetime(2025, 10, 13, 2, tzinfo=UTC)
MORNING = datetime(2025, 10, 13, 7, tzinfo=UTC)


def test_the_runs_of_a_night_are_added_up() -> None:
    runs = [
        summary("a", AT, successful=8, review=2, categories={"Shirts": 6, "Tops": 4},
                confidence_distribution={"auto": 7, "check": 1, "review": 2}, waiting_after=5),
        summary("b", AT, successful=5, categories={"Shirts": 5},
                confidence_distribution={"auto": 5}, waiting_after=1, failed=2),
    ]  # fmt: skip
    night = night_of(DAY, runs, {"unsure": 2, "corrupt": 2}, left=9)
    assert (night.photos, night.judged, night.auto, night.review) == (17, 15, 12, 2)
    assert night.categories == {"Shirts": 11, "Tops": 4}
    assert night.confidence == pytest.approx(13.5)
    assert night.left == 1
    assert Night.of_json(night.as_json()) == night


def of_models(*models: str) -> list[Night]:
    nights = enumerate(models)
    return [Night(DAY + timedelta(days=n), judged=9, model=model) for n, model in nights]


def test_a_night_says_which_models_judged_it() -> None:
    runs = [
        summary("a", AT, model="old"), summary("b", AT, model="old", categories={}),
        summary("c", AT, model="new"), summary("d", AT, model="new"),
    ]  # fmt: skip
    assert night_of(DAY, runs, {}, left=0).model == "old, then new"
    assert night_of(DAY, runs[:2], {}, left=0).model == "old"
    assert night_of(DAY, runs[1:2], {}, left=0).model == ""


@pytest.mark.parametrize(
    ("models", "since"),
    [(["a", "a"], None), (["a", "b"], 1), (["a", "", "b", "b"], 2), (["b", "a", "b", "", "b"], 2),
     (["a", ""], None), (["", "a"], None)],
)  # fmt: skip
def test_since_when_a_model_judges_is_known_where_another_did(
    models: list[str], since: int | None
) -> None:
    expected = None if since is None else DAY + timedelta(days=since)
    assert judged_since(of_models(*models)) == expected


def test_a_night_without_runs_leaves_what_waited() -> None:
    assert night_of(DAY, [], {}, left=9).left == 9


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1))
def test_what_came_is_what_was_sorted_and_what_is_left(counts: list[tuple[int, int]]) -> None:
    """counts: photos that came, and of those that waited as many as are left at most."""
    waiting, nights, true = 0, [], []
    for number, (arrived, wanted) in enumerate(counts):
        there = waiting + arrived
        left = min(wanted, there)
        nights.append(Night(DAY + timedelta(days=number), photos=there - left, left=left))
        true.append(arrived)
        waiting = left
    assert came(nights)[1:] == true[1:]


@pytest.mark.parametrize(
    ("ended", "day"),
    [("2025-10-13T02:10", "2025-10-13"), ("2025-10-13T07:00", "2025-10-13"),
     ("2025-10-13T07:01", "2025-10-14"), ("2025-10-12T23:59", "2025-10-13")],
)  # fmt: skip
def test_a_run_belongs_to_the_first_morning_after_it(ended: str, day: str) -> None:
    moment = datetime.fromisoformat(ended).replace(tzinfo=UTC)
    assert day_of_morning(moment, MORNING).isoformat() == day


@pytest.mark.parametrize(
    "day", ["2024-03-31", "2025-04-20", "2026-04-05", "2038-04-25", "2285-03-22"]
)
def test_easter_is_when_it_is(day: str) -> None:
    there = date.fromisoformat(day)
    assert easter(there.year) == there


@pytest.mark.parametrize(
    ("day", "is_off"),
    [("2026-01-01", True), ("2026-04-03", True), ("2026-04-06", True), ("2026-05-14", True),
     ("2026-05-25", True), ("2026-12-25", True), ("2026-10-03", True), ("2026-08-03", True),
     ("2027-08-03", False), ("2026-04-07", False), ("2026-11-02", False)],
)  # fmt: skip
def test_a_day_off_is_common_or_set(day: str, is_off: bool) -> None:
    assert is_day_off(date.fromisoformat(day), ("10-03", "2026-08-03")) is is_off

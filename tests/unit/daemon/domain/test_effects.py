"""What a model brought, by the runs since it judges and those before."""

from __future__ import annotations

import pytest

from daemon.domain.effects import Effect, effect_of
from daemon.domain.summaries import RunSummary
from tests.support.documents import part_of_summary


def run(day: int, model: str, review: int, filed: int = 400, hour: int = 2) -> RunSummary:
    started = f"2026-11-{day:02}T{hour:02}:00:00+01:00"
    return part_of_summary(started=started, model=model, review=review, successful=filed)


def effect(runs: list[RunSummary]) -> Effect:
    found = effect_of(runs, "new")
    assert found is not None
    return found


def test_the_share_for_people_is_compared_with_the_runs_before() -> None:
    runs = [run(day, "old", 100) for day in range(1, 20)] + [run(20, "new", 50), run(21, "new", 50)]
    found = effect(runs)
    assert (found["since"], found["before"], found["after"]) == (
        "2026-11-20T02:00:00+01:00", 0.2, 0.1111,
    )  # fmt: skip


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [run(1, "new", 50)],
        [run(1, "old", 50)],
        [run(1, "old", 50), run(2, "new", 5, filed=50)],
        [run(1, "old", 5, filed=50), run(2, "new", 50)],
        [run(1, "new", 50), run(2, "old", 50)],
    ],
)
def test_where_too_little_was_judged_by_either_nothing_is_said(runs: list[RunSummary]) -> None:
    assert effect_of(runs, "new") is None


def test_photos_a_night_are_counted_by_nights_not_by_runs() -> None:
    old = [run(day, "old", 50, filed=450) for day in range(1, 8)]
    new = [run(day, "new", 20, filed=230, hour=h) for day in (8, 9, 10) for h in (2, 4)]
    found = effect(old + new)
    # Of 500 photos a night 10 % before, 8 % since.
    assert (found["nights"], found["fewer_a_night"]) == (3, 10.0)


@pytest.mark.parametrize(
    ("before", "after", "is_certain"),
    [
        ([50] * 7, [20] * 3, True),  # 50 of 500, then 20
        ([20] * 7, [50] * 3, True),  # and worse is no chance either
        ([50] * 7, [20] * 2, False),  # too few nights
        ([50] * 7, [46] * 3, False),  # less than chance brings
        ([20, 90, 10, 95, 15, 80, 40], [20, 30, 15], False),  # nights that differ by themselves
    ],
)
def test_it_is_certain_with_enough_nights_and_beyond_chance(
    before: list[int], after: list[int], is_certain: bool
) -> None:
    old = [run(1 + at, "old", n, filed=500 - n) for at, n in enumerate(before)]
    new = [run(10 + at, "new", n, filed=500 - n) for at, n in enumerate(after)]
    assert effect(old + new)["is_certain"] is is_certain


def test_where_nobody_had_to_decide_at_all_nothing_is_divided_by() -> None:
    runs = [run(day, "old" if day < 8 else "new", 0) for day in range(1, 12)]
    assert (effect(runs)["fewer_a_night"], effect(runs)["is_certain"]) == (0.0, False)

"""What a model brought, by the runs since it judges and those before."""

from __future__ import annotations

import pytest

from daemon.domain.effects import effect_of
from daemon.domain.summaries import RunSummary
from tests.support.documents import part_of_summary


def run(day: int, model: str, review: int, filed: int = 400) -> RunSummary:
    started = f"2026-11-{day:02}T02:00:00+01:00"
    return part_of_summary(started=started, model=model, review=review, successful=filed)


def test_the_share_for_people_is_compared_with_the_runs_before() -> None:
    runs = [run(day, "old", 100) for day in range(1, 20)] + [run(20, "new", 50), run(21, "new", 50)]
    found = effect_of(runs, "new")
    assert found == {"since": "2026-11-20T02:00:00+01:00", "before": 0.2, "after": 0.1111}


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

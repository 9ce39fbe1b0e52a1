"""Trends: words for what moves by more than chance, and the four weeks that they tell of."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.reporting.trends import moving, weeks_until, word_of

COUNTS = st.dictionaries(st.sampled_from(["Shirts", "Tops", "Heels"]), st.integers(0, 3000))


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ((100, 1000), (200, 1000), "rises"),
        ((200, 1000), (100, 1000), "falls"),
        ((100, 1000), (115, 1000), "steady"),  # chance
        ((1000, 100_000), (1900, 100_000), "steady"),  # beyond chance, but less than a point
        ((0, 0), (50, 100), "steady"),
        ((50, 100), (0, 0), "steady"),
    ],
)
def test_a_word_is_said_of_what_moves_by_more_than_chance(
    before: tuple[int, int], after: tuple[int, int], word: str
) -> None:
    assert word_of(*before, *after) == word


@given(st.lists(COUNTS, min_size=4, max_size=4))
def test_what_rises_falls_when_time_runs_backwards(weeks: list[dict[str, int]]) -> None:
    counted = [Counter(week) for week in weeks]
    there = {one.category: one.word for one in moving(counted)}
    back = {one.category: one.word for one in moving(counted[::-1])}
    turned = {"rises": "falls", "falls": "rises", "steady": "steady"}
    assert back == {name: turned[word] for name, word in there.items()}


@given(st.lists(COUNTS, min_size=4, max_size=4))
def test_the_shares_of_a_week_add_up(weeks: list[dict[str, int]]) -> None:
    told = moving([Counter(week) for week in weeks])
    for number, week in enumerate(weeks):
        shares = [one.shares[number] for one in told]
        if sum(week.values()):
            assert sum(share or 0 for share in shares) == pytest.approx(1)
        else:
            assert not any(shares)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_four_weeks_end_with_the_period_without_a_gap(last: date) -> None:
    weeks = weeks_until(last)
    assert [week.days for week in weeks] == [7] * 4
    assert weeks[-1].last == last
    for one, next_one in pairwise(weeks):
        assert next_one.first - one.last == timedelta(days=1)

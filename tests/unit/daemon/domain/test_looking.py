"""How long people look: the median is that of all, and nothing is told of a few."""

from __future__ import annotations

import statistics
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.looking import LEAST, Looked, looked, median

TIMES = st.lists(st.integers(1, 6000).map(lambda tenths: tenths / 10), min_size=1, max_size=200)


@given(TIMES)
def test_the_median_is_that_of_one_after_the_other(times: list[float]) -> None:
    assert median(Counter(times)) == statistics.median(times)


@given(TIMES)
def test_a_few_decisions_tell_nothing(times: list[float]) -> None:
    told = looked(Counter(times))
    assert (told is None) == (len(times) < LEAST)
    if told is not None:
        assert told.photos == len(times)
        assert min(times) <= told.seconds <= max(times)


def test_a_break_moves_nothing() -> None:
    usual = Counter({8.0: 20, 9.0: 20})
    assert looked(usual + Counter({600.0: 5})) == Looked(9.0, 45)
    assert looked(usual + Counter({60.0: 5})) == Looked(9.0, 45)

"""What comes in a burst is acted on once, when it is over, and not later than promised."""

from __future__ import annotations

import pytest

from daemon.domain.bursts import Burst


@pytest.fixture
def burst() -> Burst:
    return Burst(quiet_seconds=1, longest_seconds=10)


def test_nothing_came_nothing_is_due(burst: Burst) -> None:
    assert not burst.take(1e9)


def test_a_burst_is_due_once_when_it_is_over(burst: Burst) -> None:
    for at in (0.0, 0.5, 1.2):
        burst.add(at)
    assert not burst.take(2.1)
    assert burst.take(2.2)
    assert not burst.take(100)


def test_a_burst_without_an_end_is_due_after_the_longest_time(burst: Burst) -> None:
    taken = []
    for tenths in range(300):
        burst.add(tenths / 10)
        if burst.take(tenths / 10):
            taken.append(tenths / 10)
    assert taken == [10.0, 20.1]


def test_what_is_to_be_tried_later_is_not_due_before(burst: Burst) -> None:
    burst.add(60)
    assert not burst.take(5)
    assert burst.take(61)

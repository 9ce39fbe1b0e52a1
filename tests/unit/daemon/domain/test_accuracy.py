"""How right verdicts are: what counts as an answer, and what may be said of the share of all."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.accuracy import Answer, Rate, rate_of
from daemon.domain.corrections import Word

DAYS = 28


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    shown = draw(st.integers(0, 5000))
    checked = draw(st.integers(0, shown))
    return Rate(draw(st.integers(0, checked)), checked, shown)


def answer(word: Word | None, said: str = "") -> Answer:
    return Answer("Shirts", "success", "fashion 1", "2025-10-13", True, word, said)


def test_a_word_that_tells_the_category_is_an_answer_and_being_left_alone_is_none() -> None:
    assert rate_of(answer(None)) == Rate(0, 0, 1)
    for word in (Word.CHECKED, Word.CORRECTED, Word.DRAGGED, Word.AGREED):
        assert rate_of(answer(word, "Shirts")) == Rate(1, 1, 1)
        assert rate_of(answer(word, "Tops")) == Rate(0, 1, 1)
    for word in (Word.RETAKE, Word.TAKEN_BACK, Word.UNDONE):
        assert rate_of(answer(word, "Shirts")) == Rate(0, 0, 1)


@given(rates())
def test_the_interval_holds_the_share(rate: Rate) -> None:
    low, high = rate.interval
    assert 0 <= low <= high <= 1
    if rate.share is None:
        assert (low, high) == (0, 1)
    else:
        assert low - 1e-9 <= rate.share <= high + 1e-9


@given(rates(), rates())
def test_rates_add_up(one: Rate, other: Rate) -> None:
    both = one + other
    assert (both.right, both.checked, both.shown) == (
        one.right + other.right,
        one.checked + other.checked,
        one.shown + other.shown,
    )
    assert one + Rate() == one


@given(rates(), st.integers(1, 500))
def test_what_is_left_alone_never_speaks_for_an_alarm(rate: Rate, alone: int) -> None:
    more = Rate(rate.right, rate.checked, rate.shown + alone)
    assert more.at_best >= rate.at_best - 1e-9
    assert rate.at_best >= (rate.shown - rate.checked + rate.right) / max(rate.shown, 1) - 1e-9


def alarms(right: float, nights: int, seed: int, answered: float = 1.0) -> int | None:
    """The first night on which it alarms; eight spot checks a night, of which some are answered.

    Those that are wrong are always answered.
    """
    rng = random.Random(seed)
    told: list[Rate] = []
    for night in range(nights):
        wrong = sum(rng.random() >= right for _ in range(8))
        seen = wrong + sum(rng.random() < answered for _ in range(8 - wrong))
        told.append(Rate(seen - wrong, seen, 8))
        rate = sum(told[-DAYS:], Rate())
        if rate.checked - rate.right >= 3 and rate.at_best < 0.99:
            return night
    return None


def test_a_box_that_keeps_its_promise_alarms_once_in_years_and_one_that_breaks_it_soon() -> None:
    """Simulated years, looked at each day. The figures are told in docs/decisions."""
    just_so = [alarms(0.99, 365, seed) for seed in range(60)]
    assert sum(night is not None for night in just_so) <= 12
    better = [alarms(0.995, 365, seed) for seed in range(60)]
    assert sum(night is not None for night in better) <= 1
    broken = [alarms(0.95, 60, seed) for seed in range(30)]
    assert all(night is not None for night in broken)


def test_a_box_that_is_a_point_or_two_under_its_promise_is_told_of_within_the_year() -> None:
    one_under = [alarms(0.98, 365, seed) for seed in range(30)]
    assert sum(night is not None for night in one_under) >= 25
    two_under = [alarms(0.97, 120, seed) for seed in range(30)]
    assert sum(night is not None for night in two_under) >= 25


def test_a_shop_that_answers_only_what_is_wrong_alarms_no_more_than_one_that_answers_all() -> None:
    lazy = [alarms(0.99, 365, seed, answered=0.0) for seed in range(60)]
    assert sum(night is not None for night in lazy) <= 12

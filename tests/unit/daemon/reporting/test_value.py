"""What was saved: the arithmetic holds for all figures, and nothing below zero is hidden."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.value import ValueSettings
from daemon.reporting.value import Value, in_words, of_run

COUNTS = st.integers(0, 1_000_000)
SECONDS = st.floats(0, 3600)


@st.composite
def values(draw: Callable[..., Any]) -> Value:
    assumed = ValueSettings(
        seconds_by_hand=draw(SECONDS),
        review_seconds=draw(SECONDS),
        check_seconds=draw(SECONDS),
        wage_per_hour=draw(st.none() | st.floats(0, 1000)),
        monthly_cost=draw(st.floats(0, 10_000)),
    )
    reviews, looks = draw(COUNTS), draw(COUNTS)
    judged = reviews + looks + draw(COUNTS)
    return Value(judged, reviews, looks, assumed, draw(st.floats(0, 12)))


def test_what_is_saved_is_by_hand_less_decisions_and_looks() -> None:
    assumed = ValueSettings(wage_per_hour=18.0, monthly_cost=50.0)
    value = Value(judged=900, reviews=15, looks=40, assumed=assumed, months=0.5)
    assert value.saved_seconds == 900 * 30 - 15 * 46 - 40 * 10 == 25_910
    assert value.saved_money is not None
    assert math.isclose(value.saved_money, 25_910 / 3600 * 18 - 25)
    time = "7 h 11 min: 900 photos at 30 s by hand, less 15 decisions at 46 s "
    money = "104.55 EUR: that time at 18.00 an hour, less 25.00 that nightsort cost "
    assert in_words(value) == [
        ("Time saved", f"{time}and 40 quick looks at 10 s"),
        ("Money saved", f"{money}at 50.00 a month"),
    ]


@given(values())
def test_the_figures_told_are_those_computed(value: Value) -> None:
    told = value.as_json()
    assert told["assumed"] == value.assumed.model_dump()
    assert math.isclose(told["saved_hours"], told["saved_seconds"] / 3600, abs_tol=0.006)
    assert (told["saved_money"] is None) == (value.assumed.wage_per_hour is None)


@given(values())
def test_a_loss_is_told_as_one(value: Value) -> None:
    labels = [label for label, _ in in_words(value)]
    assert labels[0] == ("Time saved" if value.saved_seconds >= 0 else "Time lost")
    if value.saved_money is None:
        assert labels[1:] == []
    else:
        assert labels[1:] == ["Money saved" if value.saved_money >= 0 else "Money lost"]


@given(values())
def test_every_assumption_stands_beside_its_figure(value: Value) -> None:
    assumed = value.assumed
    time, *money = (text for _, text in in_words(value))
    for seconds in (assumed.seconds_by_hand, assumed.review_seconds, assumed.check_seconds):
        assert f" at {seconds:g} s" in time
    for text in money:
        assert f"at {assumed.wage_per_hour:,.2f} an hour" in text
        if value.months and assumed.monthly_cost:
            assert f"{assumed.monthly_cost:,.2f} a month" in text


@given(values(), COUNTS, COUNTS)
def test_more_photos_save_no_less_and_more_decisions_no_more(
    value: Value, photos: int, decided: int
) -> None:
    assumed = value.assumed
    more = Value(value.judged + photos, value.reviews, value.looks, assumed)
    harder = Value(value.judged, value.reviews + decided, value.looks, assumed)
    assert harder.saved_seconds <= value.saved_seconds <= more.saved_seconds


@given(values(), values())
def test_two_times_together_are_worth_what_each_is(one: Value, other: Value) -> None:
    other = Value(other.judged, other.reviews, other.looks, one.assumed, other.months)
    both = Value(
        one.judged + other.judged,
        one.reviews + other.reviews,
        one.looks + other.looks,
        one.assumed,
        one.months + other.months,
    )
    apart = one.saved_seconds + other.saved_seconds
    assert math.isclose(both.saved_seconds, apart, rel_tol=1e-9, abs_tol=1e-3)


def test_a_run_bears_no_cost_and_says_so() -> None:
    summary = {"successful": 8, "review": 2, "confidence_distribution": {"auto": 6, "check": 2}}
    value = of_run(summary, ValueSettings(wage_per_hour=36.0, monthly_cost=99.0))
    assert value.saved_seconds == 10 * 30 - 2 * 46 - 2 * 10
    assert in_words(value)[1] == (
        "Money saved",
        "1.88 EUR: that time at 36.00 an hour, before what nightsort costs",
    )

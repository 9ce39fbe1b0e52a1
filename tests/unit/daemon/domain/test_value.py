"""What was saved: the arithmetic holds for all figures, and nothing below zero is hidden."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from classifier.verdict import Band
from config.value import ValueSettings
from daemon.domain.looking import Looked
from daemon.domain.speech import speech
from daemon.domain.value import Value, added, in_words, of_json, of_run
from tests.support.documents import part_of_summary

COUNTS = st.integers(0, 1_000_000)
SECONDS = st.floats(0, 3600)
MEASURED = st.dictionaries(
    st.sampled_from([Band.REVIEW, Band.CHECK]),
    st.builds(Looked, st.floats(0.1, 600).map(lambda one: round(one, 1)), st.integers(30, 99_999)),
)


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
    months = draw(st.floats(0, 12))
    return Value(judged, reviews, looks, assumed, months, draw(MEASURED))


def test_what_is_saved_is_by_hand_less_decisions_and_looks() -> None:
    assumed = ValueSettings(wage_per_hour=18.0, monthly_cost=50.0)
    value = Value(judged=900, reviews=15, looks=40, assumed=assumed, months=0.5)
    assert value.saved_seconds == 900 * 30 - 15 * 46 - 40 * 10 == 25_910
    assert value.saved_money is not None
    assert math.isclose(value.saved_money, 25_910 / 3600 * 18 - 25)
    time = "7 h 11 min: 900 photos at 30 s by hand, less 15 decisions at 46 s "
    seconds = "by hand assumed: [value] seconds_by_hand; decisions assumed: [value] review_seconds"
    money = "104.55 EUR: that time at 18.00 an hour, less 25.00 that nightsort cost "
    assert in_words(value) == [
        ("Time saved", f"{time}and 40 quick looks at 10 s"),
        ("Money saved", f"{money}at 50.00 a month"),
        ("Its seconds", f"{seconds}; quick looks assumed: [value] check_seconds"),
    ]


def test_what_was_measured_stands_for_what_was_assumed_and_is_told_as_such() -> None:
    measured = {Band.REVIEW: Looked(31.2, 412)}
    value = Value(judged=100, reviews=10, looks=5, assumed=ValueSettings(), measured=measured)
    assert value.saved_seconds == 100 * 30 - 10 * 31.2 - 5 * 10
    (_, time), (_, seconds) = in_words(value)
    assert time.endswith("less 10 decisions at 31.2 s and 5 quick looks at 10 s")
    assert seconds == (
        "by hand assumed: [value] seconds_by_hand; decisions measured: median of 412 decisions of "
        "the last 12 weeks; quick looks assumed: [value] check_seconds"
    )
    (_, german), (_, sekunden) = in_words(value, speech("de"))
    assert "10 Entscheidungen mit 31,2 s" in german
    assert "Entscheidungen gemessen: 412 Entscheidungen der letzten 12 Wochen, Median" in sekunden


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
        assert labels[1:-1] == []
    else:
        assert labels[1:-1] == ["Money saved" if value.saved_money >= 0 else "Money lost"]


@given(values())
def test_every_assumption_stands_beside_its_figure(value: Value) -> None:
    assumed = value.assumed
    time, *money, sources = (text for _, text in in_words(value))
    for seconds in (assumed.seconds_by_hand, value.review_seconds, value.check_seconds):
        assert f" at {seconds:g} s" in time
    assert "by hand assumed: [value] seconds_by_hand" in sources
    for band, key in ((Band.REVIEW, "review_seconds"), (Band.CHECK, "check_seconds")):
        assert (f"assumed: [value] {key}" in sources) == (band not in value.measured)
    for one in value.measured.values():
        assert f"measured: median of {one.photos:,} " in sources
    for text in money:
        assert f"at {assumed.wage_per_hour:,.2f} an hour" in text
        if value.months and assumed.monthly_cost:
            assert f"{assumed.monthly_cost:,.2f} a month" in text


@given(values(), COUNTS, COUNTS)
def test_more_photos_save_no_less_and_more_decisions_no_more(
    value: Value, photos: int, decided: int
) -> None:
    more = replace(value, judged=value.judged + photos)
    harder = replace(value, reviews=value.reviews + decided)
    assert harder.saved_seconds <= value.saved_seconds <= more.saved_seconds


@given(values(), values())
def test_two_times_together_are_worth_what_each_is(one: Value, other: Value) -> None:
    other = replace(other, assumed=one.assumed, measured=one.measured)
    both = Value(
        one.judged + other.judged,
        one.reviews + other.reviews,
        one.looks + other.looks,
        one.assumed,
        one.months + other.months,
        one.measured,
    )
    apart = one.saved_seconds + other.saved_seconds
    assert math.isclose(both.saved_seconds, apart, rel_tol=1e-9, abs_tol=1e-3)


LESS_THAN_A_CENT = ValueSettings(wage_per_hour=1.0, monthly_cost=1.0)


@given(values())
@example(Value(0, 0, 0, LESS_THAN_A_CENT, months=2.2e-16))
def test_what_was_told_in_json_can_be_told_again_to_the_last_digit(value: Value) -> None:
    assert of_json(json.loads(json.dumps(value.as_json()))) == value


def test_what_an_older_one_told_in_json_can_be_read() -> None:
    assumed = ValueSettings(wage_per_hour=18.0, monthly_cost=50.0)
    value = Value(judged=900, reviews=15, looks=40, assumed=assumed, months=0.5)
    known: dict[str, Any] = {**value.as_json()}
    older = {key: known[key] for key in known.keys() - {"months", "seconds", "measured"}}
    older["assumed"] = {key: told for key, told in known["assumed"].items() if key != "measure"}
    assert in_words(of_json(older)) == in_words(value)  # type: ignore[arg-type]


@given(st.lists(values(), min_size=1, max_size=5))
def test_runs_together_are_worth_what_each_is(runs: list[Value]) -> None:
    last = runs[-1]
    alike = [replace(one, assumed=last.assumed, measured=last.measured, months=0) for one in runs]
    together = added(one.as_json() for one in alike)
    assert together is not None
    assert together["judged"] == sum(one.judged for one in runs)
    apart = math.fsum(one.saved_seconds for one in alike)
    assert math.isclose(together["saved_seconds"], apart, rel_tol=1e-9, abs_tol=0.1)


def test_runs_of_which_one_does_not_say_are_not_added_up() -> None:
    known = Value(judged=1, reviews=0, looks=0, assumed=ValueSettings()).as_json()
    assert added([known, None]) is None


def test_a_run_bears_no_cost_and_says_so() -> None:
    bands = {"auto": 6, "check": 2}
    summary = part_of_summary(successful=8, review=2, confidence_distribution=bands)
    value = of_run(summary, ValueSettings(wage_per_hour=36.0, monthly_cost=99.0))
    assert value.saved_seconds == 10 * 30 - 2 * 46 - 2 * 10
    assert in_words(value)[1] == (
        "Money saved",
        "1.88 EUR: that time at 36.00 an hour, before what nightsort costs",
    )

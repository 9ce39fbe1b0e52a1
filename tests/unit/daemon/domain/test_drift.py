"""Nights unlike others: false alarms are rare, what changes is found, and little is not judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.drift import LEAST_NIGHTS, NIGHTS, stability, unusual
from daemon.domain.nights import Night
from tests.support.shop_nights import (
    CHANGES,
    Change,
    blurred,
    half_as_many,
    novel,
    ordinary_nights,
    twice_of,
)

WEEKS = 200
SURENESS = {"confidence", "auto", "review"}


@pytest.fixture(scope="module")
def shop() -> list[Night]:
    """200 ordinary weeks, after those that they are compared with."""
    return [*ordinary_nights(1, NIGHTS + 7 * WEEKS)]


def told_of(change: Change, shop: list[Night], nights: int) -> set[str]:
    """What is told of a change that stays for some nights with photos, from a Tuesday on."""
    random, told, seen = Random(1), set(), 0
    so_far = shop[: NIGHTS + 1]
    for night in shop[NIGHTS + 1 :]:
        so_far.append(change(night, random))
        told |= {one.what for one in unusual(so_far[-NIGHTS - 1 :]) or ()}
        seen += night.judged > 0
        if seen == nights:
            return told
    raise AssertionError("the shop has too few nights")


def test_ordinary_weeks_bring_at_most_one_false_alarm_a_quarter(shop: list[Night]) -> None:
    raised, was_unusual = 0, False
    for end in range(NIGHTS, len(shop)):
        is_unusual = bool(unusual(shop[end - NIGHTS : end + 1]))
        raised += is_unusual and not was_unusual
        was_unusual = is_unusual
    assert raised <= WEEKS / 13


def test_half_the_volume_is_found(shop: list[Night]) -> None:
    assert "volume" in told_of(half_as_many, shop, 4)


def test_a_category_that_doubles_is_found(shop: list[Night]) -> None:
    assert "mix" in told_of(twice_of("Casual Shoes"), shop, 3)


def test_a_blurred_camera_is_found_on_the_first_night(shop: list[Night]) -> None:
    assert "reason" in told_of(blurred, shop, 1)


def test_a_new_kind_of_goods_is_found(shop: list[Night]) -> None:
    assert "unknown" in told_of(novel, shop, 4)


def test_a_change_that_stays_becomes_usual(shop: list[Night]) -> None:
    random, so_far = Random(1), shop[: NIGHTS + 1]
    unusual_nights = 0
    for night in shop[NIGHTS + 1 : NIGHTS + 64]:
        so_far.append(blurred(night, random))
        unusual_nights += bool(unusual(so_far[-NIGHTS - 1 :]))
    assert 1 <= unusual_nights <= 15
    assert not unusual(so_far[-NIGHTS - 1 :])


def less_sure(night: Night) -> Night:
    """As another model may judge: a third of what was filed unseen goes to people."""
    more = night.auto // 3
    return replace(
        night, model="new", auto=night.auto - more, review=night.review + more,
        confidence=0.9 * night.confidence,
    )  # fmt: skip


def test_another_model_that_is_less_sure_is_no_unusual_night(shop: list[Night]) -> None:
    of_old = [replace(night, model="old") for night in shop[:NIGHTS]]
    of_new = [less_sure(night) for night in shop[NIGHTS : NIGHTS + 28]]
    nights = of_old + of_new
    for end in range(NIGHTS, NIGHTS + 28):
        told = unusual(nights[end - NIGHTS : end + 1]) or ()
        assert not {one.what for one in told} & SURENESS
    # The same by the model of before is told on the first night.
    same = [*of_old, replace(of_new[1], model="old")]
    assert SURENESS & {one.what for one in unusual(same) or ()}


def test_a_model_is_judged_by_its_own_nights_once_there_are_enough(shop: list[Night]) -> None:
    of_old = [less_sure(replace(night)) for night in shop[: NIGHTS - 30]]
    of_new = [replace(night, model="newer") for night in shop[NIGHTS - 30 : NIGHTS]]
    last = next(night for night in shop[NIGHTS:] if night.judged > 100)
    usual = unusual([*of_old, *of_new, replace(last, model="newer")])
    assert usual is not None
    assert not SURENESS & {one.what for one in usual}
    worse = replace(less_sure(last), model="newer")  # as usual for the old one
    told = unusual([*of_old, *of_new, worse])
    assert SURENESS & {one.what for one in told or ()}


def monday_of(shop: list[Night]) -> int:
    """A night before which an ordinary working day was, well into the year."""
    return next(n for n in range(NIGHTS + 40, len(shop)) if shop[n].day == date(2024, 4, 10))


def test_no_photos_on_a_day_that_usually_brings_some_are_told(shop: list[Night]) -> None:
    end = monday_of(shop)
    nights = [*shop[end - NIGHTS : end], Night(shop[end].day)]
    changes = unusual(nights)
    assert changes
    (change,) = changes
    assert change.what == "no_arrivals"
    assert change.usual > 200
    assert unusual(nights, is_waiting=True) == []
    yesterday = (shop[end].day - timedelta(days=1)).isoformat()
    assert unusual(nights, (yesterday,)) == []
    assert unusual(nights, (yesterday[5:],)) == []


def test_no_photos_on_a_sunday_are_usual(shop: list[Night]) -> None:
    end = next(n for n in range(NIGHTS + 40, len(shop)) if shop[n].day.weekday() == 0)
    assert shop[end].photos == 0
    assert unusual(shop[end - NIGHTS : end + 1]) == []


def test_what_a_night_left_waiting_counts_for_that_night(shop: list[Night]) -> None:
    end = monday_of(shop)
    night = shop[end]
    left = replace(night, photos=night.photos - 300, left=300)
    after = replace(shop[end + 1], photos=shop[end + 1].photos + 300)
    nights = [*shop[end - NIGHTS : end], left, after]
    assert not [one for one in unusual(nights[:-1]) or () if one.what == "volume"]
    assert not [one for one in unusual(nights[1:]) or () if one.what == "volume"]


def test_nothing_is_said_before_enough_nights_are_known(shop: list[Night]) -> None:
    begin = [n for n in range(NIGHTS) if shop[n].judged][-LEAST_NIGHTS + 1]
    nights = [*shop[begin:NIGHTS], blurred(shop[NIGHTS + 1], Random(1))]
    assert unusual(nights) is None
    assert unusual([]) is None


def test_of_a_few_photos_no_share_is_judged(shop: list[Night]) -> None:
    end = monday_of(shop)
    few = replace(
        shop[end], photos=10, judged=10, auto=0, review=10, confidence=3.0,
        categories={"Heels": 10}, reasons={"too_dark": 10},
    )  # fmt: skip
    found = unusual([*shop[end - NIGHTS : end], few]) or ()
    assert {one.what for one in found} == {"volume"}


@pytest.mark.parametrize("name", CHANGES)
def test_limits_lie_around_what_is_usual_and_what_is_told_beyond(
    shop: list[Night], name: str
) -> None:
    random = Random(2)
    found = 0
    for end in range(NIGHTS, NIGHTS + 60):
        night = CHANGES[name](shop[end], random)
        for one in unusual([*shop[end - NIGHTS : end], night]) or ():
            assert one.low <= one.high
            if one.nights == 1 and one.what != "no_arrivals":  # such a share is bent a little
                assert one.now < one.low + 0.01 or one.now > one.high - 0.01
            found += 1
    assert found


NUMBERS = st.integers(0, 400)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=NIGHTS + 1),
    st.booleans(),
)
def test_whatever_the_nights_were_something_can_be_said(
    figures: list[tuple[int, int, int, int]], is_waiting: bool
) -> None:
    nights = [
        Night(
            date(2025, 1, 1) + timedelta(days=number),
            photos=shirts + tops,
            left=left,
            judged=shirts + tops,
            auto=shirts,
            review=min(doubts, shirts + tops),
            confidence=0.9 * (shirts + tops),
            categories={"Shirts": shirts, "Tops": tops},
            reasons={"too_dark": doubts, "corrupt": left},
        )
        for number, (shirts, tops, doubts, left) in enumerate(figures)
    ]
    for one in unusual(nights, is_waiting=is_waiting) or ():
        assert one.low <= one.high
        if one.what not in ("volume", "no_arrivals"):
            assert 0 <= one.now <= 1
            assert 0 <= one.low <= one.high <= 1


MIXES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000), min_size=1)


@given(MIXES, MIXES)
def test_stability_is_never_negative_and_0_of_the_same_mix(
    now: dict[str, int], usual: dict[str, int]
) -> None:
    assert stability(now, usual) >= 0
    assert stability(now, now) == pytest.approx(0)
    assert stability(now, usual) == pytest.approx(stability(usual, now))

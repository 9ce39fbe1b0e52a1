"""What the screen at the photo table says, and what it puts first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain.photos import Fingerprint
from daemon.domain.return_ids import return_id
from daemon.store import Arrival
from web.station import URGENT, cards, flaw

NOW = datetime(2026, 11, 27, 14, tzinfo=UTC)


def arrival(
    number: int, reason: str = "", state: str = "queued", name: str = "", *, judged: bool = True,
    ago: timedelta = timedelta(minutes=1),
) -> Arrival:  # fmt: skip
    name = name or f"return_{60500 + number}_front.jpg"
    mark = Fingerprint(1, 1, 1)
    return Arrival(number, name, state, NOW - ago, judged, reason, "", "ab", name, mark)


def told(*arrivals: Arrival) -> list[tuple[int, str, str]]:
    """Number, kind and why of each card."""
    made = cards(arrivals, lambda one: return_id(one.filename), NOW)
    return [(card.arrival.id, card.kind, card.why) for card in made]


@pytest.mark.parametrize(
    ("state", "reason", "why"),
    [
        ("queued", "too_dark", "too_dark"),
        ("claimed", "too_blurred", "too_blurred"),
        ("review", "too_small", "too_small"),
        ("queued", "truncated", "unreadable"),
        ("quarantined", "corrupt", "unreadable"),
        ("retake", "", "asked"),
        ("queued", "unsure", ""),
        ("review", "unknown", ""),
        ("filed", "too_dark", ""),  # a person has looked at it
        ("queued", "", ""),
    ],
)
def test_what_is_wrong_with_a_photo_is_told_while_nobody_has_decided(
    state: str, reason: str, why: str
) -> None:
    assert flaw(arrival(1, reason, state)) == why


def test_what_is_to_be_taken_again_comes_before_what_is_newer() -> None:
    assert told(arrival(3), arrival(2, "too_dark"), arrival(1, judged=False)) == [
        (2, "again", "too_dark"), (3, "good", ""), (1, "received", ""),
    ]  # fmt: skip


def test_a_later_good_photo_of_the_same_return_makes_it_good_and_a_bad_one_does_not() -> None:
    first, again = "return_60500_front.jpg", "RET 60500 once more.jpg"
    dark = arrival(1, "too_dark", name=first)
    assert told(arrival(2, name=again), dark)[1] == (1, "retaken", "too_dark")
    assert told(arrival(2, "too_blurred", name=again), dark) == [
        (2, "again", "too_blurred"), (1, "again", "too_dark"),
    ]  # fmt: skip
    assert told(dark, arrival(0, name=again))[0] == (1, "again", "too_dark")


def test_what_nobody_has_judged_yet_or_was_there_before_makes_nothing_good() -> None:
    dark = arrival(1, "too_dark", name="return_60500_front.jpg")
    for state, judged in (("queued", False), ("duplicate", True), ("duplicate", False)):
        later = arrival(2, state=state, name="return_60500_again.jpg", judged=judged)
        assert told(later, dark)[0] == (1, "again", "too_dark"), state


def test_photos_that_name_no_return_say_nothing_of_each_other() -> None:
    dark = arrival(1, "too_dark", name="IMG_0001.jpg")
    assert told(arrival(2, name="IMG_0002.jpg"), dark)[0] == (1, "again", "too_dark")


def test_what_is_not_on_the_table_any_more_calls_for_nobody() -> None:
    assert told(arrival(2), arrival(1, "too_dark", ago=URGENT)) == [
        (2, "good", ""), (1, "late", "too_dark"),
    ]  # fmt: skip


@pytest.mark.parametrize(("urgent", "shown"), [(0, 12), (1, 9), (2, 6), (5, 6)])
def test_as_many_are_shown_as_have_place_and_the_urgent_ones_among_them(
    urgent: int, shown: int
) -> None:
    many = [arrival(number) for number in range(60, 9, -1)]
    dark = [arrival(number, "too_dark") for number in range(urgent)]
    found = told(*many, *dark)
    assert len(found) == shown
    assert [kind for _, kind, _ in found[:urgent]] == ["again"] * urgent


def test_a_photo_that_was_there_before_is_told_so() -> None:
    assert told(arrival(1, state="duplicate")) == [(1, "double", "")]

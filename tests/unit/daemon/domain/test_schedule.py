"""When the window is open, on ordinary nights and when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.domain.schedule import Schedule

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPRING = date(2025, 3, 30)  # 02:00 becomes 03:00
AUTUMN = date(2025, 10, 26)  # 03:00 becomes 02:00


def schedule(start: str, end: str, *days: str, zone: ZoneInfo = BERLIN) -> Schedule:
    return Schedule(time.fromisoformat(start), time.fromisoformat(end), days or DAYS, zone)


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def hours(plan: Schedule, day: date) -> float:
    """How long the window of that day is open."""
    window = plan.next_window(datetime.combine(day, time(0), BERLIN) - timedelta(minutes=1))
    return (window.closes.astimezone(UTC) - window.opens.astimezone(UTC)) / timedelta(hours=1)


def test_the_window_is_open_from_its_start_to_just_before_its_end() -> None:
    plan = schedule("02:00", "06:00")
    assert plan.window_at(berlin("2025-10-13T01:59:59")) is None
    assert plan.window_at(berlin("2025-10-13T02:00:00")) is not None
    assert plan.window_at(berlin("2025-10-13T05:59:59")) is not None
    assert plan.window_at(berlin("2025-10-13T06:00:00")) is None


def test_a_window_across_midnight_belongs_to_the_day_of_its_start() -> None:
    plan = schedule("22:00", "04:00", "fri")
    assert plan.window_at(berlin("2025-10-17T23:00")) is not None  # Friday evening
    assert plan.window_at(berlin("2025-10-18T03:59")) is not None  # Saturday morning
    assert plan.window_at(berlin("2025-10-17T03:00")) is None  # Friday morning
    assert plan.window_at(berlin("2025-10-18T23:00")) is None  # Saturday evening


def test_an_end_equal_to_the_start_is_a_whole_day() -> None:
    plan = schedule("02:00", "02:00", "mon")
    assert plan.window_at(berlin("2025-10-14T01:59")) is not None
    assert plan.window_at(berlin("2025-10-14T02:00")) is None


def test_the_next_window_is_found_also_a_week_ahead() -> None:
    plan = schedule("02:00", "06:00", "mon")
    opens = plan.next_window(berlin("2025-10-13T02:00")).opens  # this one has just opened
    assert opens == berlin("2025-10-20T02:00")


def test_any_zone_may_ask() -> None:
    plan = schedule("02:00", "06:00")
    assert plan.window_at(datetime(2025, 10, 13, 0, 30, tzinfo=UTC)) is not None
    assert plan.window_at(datetime(2025, 10, 13, 5, 30, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("day", "length"), [(SPRING, 3.0), (AUTUMN, 5.0), (date(2025, 10, 13), 4.0)]
)
def test_a_night_in_which_the_clocks_change_is_shorter_or_longer(day: date, length: float) -> None:
    assert hours(schedule("02:00", "06:00"), day) == length


@pytest.mark.parametrize(("start", "end"), [("02:00", "03:00"), ("02:15", "02:45")])
def test_a_window_in_the_skipped_hour_opens_for_its_length_all_the_same(
    start: str, end: str
) -> None:
    usual = hours(schedule(start, end), date(2025, 3, 29))
    assert hours(schedule(start, end), SPRING) == usual


def test_a_window_that_begins_in_the_skipped_hour_and_ends_soon_after_still_opens() -> None:
    assert hours(schedule("02:30", "03:15"), SPRING) == 0.75


def test_a_window_in_the_doubled_hour_opens_once() -> None:
    plan = schedule("02:15", "02:45")
    assert plan.window_at(berlin("2025-10-26T02:30")) is not None
    assert plan.window_at(berlin("2025-10-26T02:30", fold=1)) is None
    assert plan.next_window(berlin("2025-10-26T02:15")).opens.date() == date(2025, 10, 27)


ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",  # half an hour
            "America/Santiago",  # at midnight
            "Africa/Cairo",
            "Asia/Kathmandu",
            "UTC",
        )
    ]
)
TIMES = st.times(timezones=st.none()).map(lambda t: t.replace(second=0, microsecond=0))
SCHEDULES = st.builds(Schedule, TIMES, TIMES, st.sets(st.sampled_from(DAYS), min_size=1), ZONES)
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(plan=SCHEDULES, moment=MOMENTS)
def test_the_next_window_opens_later_on_one_of_its_days_and_is_then_open(
    plan: Schedule, moment: datetime
) -> None:
    window = plan.next_window(moment)
    assert window.opens.astimezone(UTC) > moment
    assert DAYS[window.opens.weekday()] in plan.days
    assert window.opens.replace(tzinfo=None).time() == plan.start
    assert window.closes.astimezone(UTC) > window.opens.astimezone(UTC)
    assert plan.window_at(window.opens) is not None
    assert plan.window_at(window.closes - timedelta(microseconds=1)) is not None


@given(plan=SCHEDULES, moment=MOMENTS)
def test_between_now_and_the_next_window_none_opens(plan: Schedule, moment: datetime) -> None:
    opens = plan.next_window(moment).opens.astimezone(UTC)
    assume(plan.window_at(moment) is None)
    for share in (0.1, 0.5, 0.9):
        assert plan.window_at(moment + (opens - moment) * share) is None


@given(plan=SCHEDULES, moment=MOMENTS)
def test_every_day_of_the_schedule_has_exactly_one_window(plan: Schedule, moment: datetime) -> None:
    opened = []
    for _ in range(10):
        moment = plan.next_window(moment).opens
        opened.append(moment.date())
    assert opened == sorted(set(opened))
    for one, other in pairwise(opened):
        between = [one + timedelta(days=n) for n in range(1, (other - one).days)]
        assert not [day for day in between if DAYS[day.weekday()] in plan.days]

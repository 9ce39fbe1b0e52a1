"""Periods: days in a row, their names, and the steps of their charts."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.reporting.periods import Period


@pytest.mark.parametrize("text", ["2026-W47", "2026W47", " 2026-w47 "])
def test_a_week_goes_from_monday_to_sunday(text: str) -> None:
    week = Period.week(text)
    assert (week.first, week.last) == (date(2026, 11, 16), date(2026, 11, 22))
    assert (week.name, week.title()) == ("2026-W47", "Week 47, 16 to 22 November 2026")


@pytest.mark.parametrize("text", ["2025-W53", "2026-W00", "2026-47", "", "next", "２０２６-W47"])
def test_what_is_no_week_is_refused_with_what_was_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"no week|no such week"):
        Period.week(text)


def test_the_week_of_new_year_is_named_after_the_year_of_its_thursday() -> None:
    week = Period.week("2026-W01")
    assert (week.first, week.name) == (date(2025, 12, 29), "2026-W01")
    assert week.title() == "Week 1, 29 December 2025 to 4 January 2026"


@given(st.dates(date(2000, 1, 10), date(2100, 1, 1)))
def test_the_last_week_is_over_and_the_newest_that_is(today: date) -> None:
    week = Period.last_week(today)
    assert week.is_week
    assert week.last < today <= week.last + timedelta(days=7)
    assert Period.week(week.name) == week


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 1500))
def test_steps_hold_every_day_once_and_are_few(first: date, more: int) -> None:
    period = Period(first, first + timedelta(days=more))
    steps = period.steps()
    assert [day for step in steps for day in step.each_day()] == period.each_day()
    assert len(steps) <= 64
    assert period.is_month or period.before.days == period.days
    assert period.before.last + timedelta(days=1) == period.first


@given(st.dates(date(2000, 2, 1), date(2100, 1, 1)))
def test_a_month_holds_its_days_and_comes_after_the_month_before(day: date) -> None:
    month = Period.month_of(day)
    assert month.is_month
    assert Period.month(month.name) == month
    assert month.first <= day <= month.last
    assert Period.month_of(month.last + timedelta(days=1)).before == month
    assert math.isclose(month.months_until(month.last), 1)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-W47", "2026-1", "", "0001-01"])
def test_what_is_no_month_is_refused_with_what_was_written(text: str) -> None:
    with pytest.raises(ValueError, match="is no month; write one such as 2026-11"):
        Period.month(text)


def test_a_month_is_called_by_its_name() -> None:
    month = Period(date(2026, 11, 1), date(2026, 11, 30))
    assert (month.name, month.title()) == ("2026-11", "November 2026")
    assert month.before == Period(date(2026, 10, 1), date(2026, 10, 31))


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 99), st.integers(-5, 120))
def test_the_days_that_are_not_yet_cost_nothing(first: date, more: int, passed: int) -> None:
    period = Period(first, first + timedelta(days=more))
    until = period.months_until(first + timedelta(days=passed))
    days = max(0, min(passed + 1, period.days))
    assert days / 31 - 1e-9 <= until <= days / 28 + 1e-9


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="ends on 2026-11-01, before it begins on 2026-11-02"):
        Period(date(2026, 11, 2), date(2026, 11, 1))


def test_limits_are_midnights_of_the_warehouse_also_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin, end = Period(date(2026, 10, 25), date(2026, 10, 25)).limits(berlin)
    assert (begin, end) == (
        datetime(2026, 10, 25, tzinfo=berlin), datetime(2026, 10, 26, tzinfo=berlin),
    )  # fmt: skip
    assert end.timestamp() - begin.timestamp() == 25 * 3600

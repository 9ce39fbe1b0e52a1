"""Periods that people ask about: days in a row, mostly a calendar week. Arithmetic, no clock."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import groupby

from daemon.domain.speech import ENGLISH, Speech

# Up to so many steps are told apart in a chart; beyond, the steps become weeks, then months.
_MOST_STEPS = 62
# Beyond, the period before one, or the day after it, may be no date any more.
_YEARS = range(1970, 3000)
_WEEK = re.compile(r"([0-9]{4})-?W([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, the first and the last one among them."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Raises ValueError for a period that ends before it begins."""
        if self.last < self.first:
            raise ValueError(f"the period ends on {self.last}, before it begins on {self.first}")

    @classmethod
    def asked_for(cls, first: date, last: date) -> Period:
        """Those days; raises ValueError when they are no days of ours."""
        if first.year not in _YEARS or last.year not in _YEARS:
            raise ValueError(f"the period must lie between the years {_YEARS[0]} and {_YEARS[-1]}")
        return cls(first, last)

    @classmethod
    def week(cls, text: str) -> Period:
        """The ISO week written as `2026-W47`; raises ValueError when there is none such."""
        found = _WEEK.fullmatch(text.strip().upper())
        if found is None:
            raise ValueError(f"{text!r} is no week; write one such as 2026-W47")
        try:
            monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            sunday = date.fromisocalendar(int(found[1]), int(found[2]), 7)
        except ValueError as exc:
            raise ValueError(f"{text!r}: that year has no such week") from exc
        return cls.asked_for(monday, sunday)

    @classmethod
    def month(cls, text: str) -> Period:
        """The month written as `2026-11`; raises ValueError when there is none such."""
        found = _MONTH.fullmatch(text.strip())
        if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) not in _YEARS:
            raise ValueError(f"{text!r} is no month; write one such as 2026-11")
        return cls.month_of(date(int(found[1]), int(found[2]), 1))

    @classmethod
    def month_of(cls, day: date) -> Period:
        """The calendar month in which a day lies."""
        return cls(day.replace(day=1), day.replace(day=_days_in_month(day)))

    @classmethod
    def week_of(cls, day: date) -> Period:
        """The calendar week in which a day lies."""
        monday = day - timedelta(days=day.weekday())
        return cls(monday, monday + timedelta(days=6))

    @classmethod
    def last_week(cls, today: date) -> Period:
        """The newest week that was over when `today` began."""
        return cls.week_of(today - timedelta(days=7))

    @classmethod
    def last_month(cls, today: date) -> Period:
        """The newest month that was over when `today` began."""
        return cls.month_of(today).before

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1

    @property
    def is_week(self) -> bool:
        """Whether it is a calendar week, Monday to Sunday."""
        return self.days == 7 and self.first.weekday() == 0

    @property
    def is_month(self) -> bool:
        """Whether it is a calendar month, its first day to its last."""
        return self.first.day == 1 and self == Period.month_of(self.first)

    def months_until(self, today: date) -> float:
        """How many months it holds, up to today and parts of them too: a share of a cost."""
        days = (day for day in self.each_day() if day <= today)
        return math.fsum(1 / _days_in_month(day) for day in days)

    @property
    def name(self) -> str:
        """What its files are called after: `2026-W47`, `2026-11`, else `2026-11-01_2026-11-15`."""
        if self.is_month:
            return f"{self.first:%Y-%m}"
        if not self.is_week:
            return f"{self.first}_{self.last}"
        year, week, _ = self.first.isocalendar()
        return f"{year}-W{week:02}"

    def title(self, say: Speech = ENGLISH) -> str:
        """What people call it."""
        first, last = self.first, self.last
        if self.is_month:
            return say.when("month", first)
        if self.days == 1:
            return say.when("period_day", first)
        begins = "period_begin"
        if (first.year, first.month) != (last.year, last.month):
            begins = "period_begin_month" if first.year == last.year else "period_end"
        begin, end = say.when(begins, first), say.when("period_end", last)
        between = say("period.between", begin=begin, end=end)
        number = first.isocalendar().week
        return say("period.week", number=number, between=between) if self.is_week else between

    @property
    def before(self) -> Period:
        """As many days, right before; of a month the month before."""
        if self.is_month:
            return Period.month_of(self.first - timedelta(days=1))
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    def limits(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """When it begins, and when the next one does."""
        end = self.last + timedelta(days=1)
        return datetime.combine(self.first, time(), zone), datetime.combine(end, time(), zone)

    def each_day(self) -> list[date]:
        """The days in it."""
        return [self.first + timedelta(days=n) for n in range(self.days)]

    def by_day(self) -> list[Period]:
        """Its days, each for itself."""
        return [Period(day, day) for day in self.each_day()]

    def steps(self) -> list[Period]:
        """Its days; its weeks when those are too many for a chart, then its months."""
        days = self.each_day()
        if self.days <= _MOST_STEPS:
            return self.by_day()
        if self.days <= 7 * _MOST_STEPS:
            return list(_grouped(days, lambda day: day - timedelta(days=day.weekday())))
        return list(_grouped(days, lambda day: day.replace(day=1)))

    def short(self, say: Speech = ENGLISH) -> str:
        """As `title`, for a table: `Mon 16 Nov`, `16 Nov to 22 Nov`, `November 2026`."""
        if self.days == 1:
            return say.when("short_day", self.first)
        if self.days > 7:
            return say.when("month", self.first)
        begin, end = say.when("mark", self.first), say.when("mark", self.last)
        return say("period.between", begin=begin, end=end)


def _days_in_month(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _grouped(days: list[date], key: Callable[[date], date]) -> Iterator[Period]:
    """key: what days that belong together have in common."""
    for _, group in groupby(days, key):
        together = list(group)
        yield Period(together[0], together[-1])

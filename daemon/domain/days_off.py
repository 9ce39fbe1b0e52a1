"""Days on which few people work: nothing is concluded of what does not come then. No clock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import cache

# Those that most of the countries have in which people celebrate Easter; others are a setting.
_EVERY_YEAR = ("01-01", "05-01", "12-24", "12-25", "12-26", "12-31")
_AFTER_EASTER = (-2, 0, 1, 39, 49, 50)


@cache
def easter(year: int) -> date:
    """Easter Sunday of a year of the Gregorian calendar.

    Source: the anonymous Gregorian algorithm, Nature, 20 April 1876.
    """
    century, rest = divmod(year, 100)
    golden = year % 19
    leaps, shift = century // 4, (century + 8) // 25
    epact = (19 * golden + century - leaps - (century - shift + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def is_day_off(day: date, others: Collection[str] = ()) -> bool:
    """Whether few work on that day. others: `MM-DD` of each year, or `YYYY-MM-DD`."""
    if f"{day:%m-%d}" in _EVERY_YEAR or not {f"{day:%m-%d}", day.isoformat()}.isdisjoint(others):
        return True
    return day - easter(day.year) in {timedelta(days=days) for days in _AFTER_EASTER}

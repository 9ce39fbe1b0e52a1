"""Numbers, days and times as people of a language write them; made for one page, used in it."""

from __future__ import annotations

from datetime import date, datetime

from config.catalogue import Texts

_NO_BREAK = "\N{NO-BREAK SPACE}"


class Wording:
    """How a language writes what a catalogue of sentences cannot hold."""

    def __init__(self, t: Texts) -> None:
        self._t = t
        self._days, self._months = t("dates.days").split(), t("dates.months").split()

    def day(self, day: date) -> str:
        """Such as *Mon 16 Nov 2026*."""
        return f"{self.short_day(day)} {day.year}"

    def short_day(self, day: date) -> str:
        """Such as *Mon 16 Nov*."""
        return self._t(
            "dates.day", weekday=self._days[day.weekday()], day=day.day,
            month=self._months[day.month - 1],
        ).replace(" ", _NO_BREAK)  # fmt: skip

    def mark(self, day: date) -> str:
        """Such as *16 Nov*, where there is little room."""
        return self._t("dates.mark", day=day.day, month=self._months[day.month - 1])

    def month(self, day: date) -> str:
        """Such as *Nov 2026*."""
        return f"{self._months[day.month - 1]} {day.year}"

    def moment(self, at: datetime) -> str:
        """Such as *Mon 16 Nov 2026, 02:00*."""
        return f"{self.day(at)}, {at:%H:%M}"

    def number(self, value: float, digits: int = 0) -> str:
        """With this language's point, and thousands set apart."""
        written = f"{value:,.{digits}f}"
        signs = {",": self._t("dates.thousands"), ".": self._t("dates.point")}
        return "".join(signs.get(sign, sign) for sign in written)

    def percent(self, value: float | None, digits: int = 1) -> str:
        """A share of a hundred; a dash for none."""
        return "–" if value is None else f"{self.number(value, digits)}{_NO_BREAK}%"

"""Tables and a chart of what programs asked of the API in the last day."""

from __future__ import annotations

from datetime import datetime, tzinfo

from markupsafe import Markup

from config.catalogue import Texts
from web.calls import Day
from web.database.calls import HOUR_SECONDS, Times
from web.pages.tables import Column, Kind, Table, Value
from web.pages.wording import Wording
from web.reading import charts

_HOURS = 24


class CallFigures:
    """Makes them in one language."""

    def __init__(self, day: Day, t: Texts, zone: tzinfo) -> None:
        """zone: by whose clock hours are told."""
        self._day, self._t, self._zone = day, t, zone
        self._hours = {int(one.of): one for one in day.hours}
        self.say = Wording(t)

    def tables(self) -> dict[str, Table]:
        """All of them, by name."""
        return {table.name: table for table in (self.hours(), self.paths())}

    @property
    def calls(self) -> int:
        """How many there were."""
        return sum(one.calls for one in self._hours.values())

    def hours(self) -> Table:
        """Calls, how they ended and how long they took, hour by hour."""
        rows = [
            (self._began(int(one.of)), *_times_row(one))
            for one in sorted(self._hours.values(), key=lambda one: -int(one.of))
        ]
        return Table("calls", [self._column("began", "moment"), *self._times_columns()], rows)

    def paths(self) -> Table:
        """The same by path, the most frequent first."""
        rows = [(one.of, *_times_row(one)) for one in self._day.paths]
        return Table("paths", [self._column("path", "text"), *self._times_columns()], rows)

    def chart(self) -> Markup:
        """How many calls there were each hour, and how they ended."""
        hours = [(hour, self._hours.get(hour)) for hour in range(_HOURS)]
        return charts.column_chart(
            self._t("chart.calls"),
            [(f"{self._began(hour):%H:%M}", _ends(one)) for hour, one in hours],
            ["" if one is None else self._call_words(hour, one) for hour, one in hours],
            self.say.number(max((one.calls for one in self._hours.values()), default=0)),
        )

    def legend(self) -> list[tuple[str, str]]:
        """Which colour of it is what."""
        keys = (("auto", "answered"), ("check", "refused"), ("review", "failures"))
        return [(kind, self._t(f"column.{key}")) for kind, key in keys]

    def _times_columns(self) -> list[Column]:
        counts = [self._column(key) for key in ("calls", "refused", "failures")]
        return [*counts, *(self._column(key, "rate") for key in ("p50", "p95", "p99"))]

    def _began(self, hour: int) -> datetime:
        return datetime.fromtimestamp(self._day.began + hour * HOUR_SECONDS, self._zone)

    def _call_words(self, hour: int, one: Times) -> str:
        calls = f"{self.say.number(one.calls)} {self._t('column.calls')}"
        return f"{self._began(hour):%H:%M}: {calls}, 95 %: {self.say.number(one.p95, 1)} ms"

    def _column(self, key: str, kind: Kind = "count") -> Column:
        return Column(key, self._t(f"column.{key}"), kind)


def _ends(one: Times | None) -> dict[str, int]:
    if one is None:
        return {}
    answered = one.calls - one.refused - one.failures
    return {"auto": answered, "check": one.refused, "review": one.failures}


def _times_row(one: Times) -> tuple[Value, ...]:
    return one.calls, one.refused, one.failures, one.p50, one.p95, one.p99

"""Tables and charts of how right it is here, of what it is worth, and of the API's calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from functools import cached_property

from markupsafe import Markup

from config.catalogue import Texts
from config.units import duration
from web.calls import HOUR_SECONDS, Day
from web.database.calls import Times
from web.pages.tables import Column, Kind, Table, Value
from web.pages.wording import Wording
from web.reading import charts
from web.reading.dashboard import Accuracy, Board, Period, Rate, Worth

_HOURS = 24
_DECIMALS = 2


class Measured:
    """Makes them in one language."""

    def __init__(self, board: Board, day: Day, t: Texts, zone: tzinfo) -> None:
        """day: calls of the API in it."""
        self._board, self._day, self._t, self._zone = board, day, t, zone
        self._hours = {int(one.of): one for one in day.hours}
        self.say = Wording(t)

    def tables(self) -> dict[str, Table]:
        """All of them, by name."""
        made = (self.accuracy(), self.versions(), self.worth(), self.hours(), self.paths())
        return {table.name: table for table in made}

    # How right

    @property
    def rate(self) -> Rate:
        """Of all spot checks."""
        return self._accuracy.filed

    def accuracy(self) -> Table:
        """How many spot checks people found right, week by week."""
        return self._rates("accuracy", "week", self._accuracy.by_week)

    def versions(self) -> Table:
        """The same, by the version that judged."""
        return self._rates("versions", "version", self._accuracy.by_version)

    def accuracy_words(self) -> str:
        """The share, and between what the share of all lies."""
        rate = self.rate
        low, high = rate.interval
        return self._t(
            "home.right", share=self.say.percent(_percent(rate.share)),
            low=self.say.number(100 * low, 1), high=self.say.percent(100 * high),
        )  # fmt: skip

    def accuracy_chart(self) -> Markup:
        """The share by week; weeks in which nobody looked are gaps."""
        rates = dict(self._accuracy.by_week)
        weeks = dict.fromkeys(map(_iso_week, self._accuracy.period.each_day()))
        told = [(self._week(name), rates.get(name, Rate())) for name in weeks]
        return charts.level_chart(
            self._t("chart.accuracy"),
            [(week, _percent(rate.share)) for week, rate in told],
            [self._hint(week, rate) for week, rate in told],
        )

    # What it is worth

    def worth(self) -> Table:
        """What was saved, part by part."""
        columns = [
            self._column("from", "day"), self._column("to", "day"), self._column("judged"),
            self._column("decisions"), self._column("looks"),
            self._column("hours_saved", "rate"), self._column("money_saved", "rate"),
        ]  # fmt: skip
        rows = [_worth_row(step, one) for step, one in reversed(self._board.values) if one.judged]
        return Table("worth", columns, rows)

    def worth_words(self) -> str:
        """What all of it is made of."""
        worth, assumed = self._board.value, self._board.value.assumed
        return self._t(
            "home.worth_words", photos=self.say.number(worth.judged),
            by_hand=f"{assumed.seconds_by_hand:g}", decisions=self.say.number(worth.reviews),
            review=f"{assumed.review_seconds:g}", looks=self.say.number(worth.looks),
            check=f"{assumed.check_seconds:g}",
        )  # fmt: skip

    def saved_time(self) -> str:
        """How long, such as `12 h 03 min`; without a sign."""
        return duration(abs(self._board.value.saved_seconds), 0)

    def saved_money(self) -> str:
        """How much, with its currency and without a sign; empty where no wage is known."""
        worth = self._board.value
        if worth.saved_money is None:
            return ""
        return f"{self.say.number(abs(worth.saved_money), _DECIMALS)} {worth.assumed.currency}"

    # The API

    @cached_property
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

    def calls_chart(self) -> Markup:
        """How many calls there were each hour, and how they ended."""
        hours = [(hour, self._hours.get(hour)) for hour in range(_HOURS)]
        return charts.column_chart(
            self._t("chart.calls"),
            [(f"{self._began(hour):%H:%M}", _ends(one)) for hour, one in hours],
            ["" if one is None else self._call_words(hour, one) for hour, one in hours],
            self.say.number(max((one.calls for one in self._hours.values()), default=0)),
        )

    def calls_legend(self) -> list[tuple[str, str]]:
        """Which colour of it is what."""
        keys = (("auto", "answered"), ("check", "refused"), ("review", "failures"))
        return [(kind, self._t(f"column.{key}")) for kind, key in keys]

    # Words

    @property
    def _accuracy(self) -> Accuracy:
        return self._board.accuracy

    def _times_columns(self) -> list[Column]:
        counts = [self._column(key) for key in ("calls", "refused", "failures")]
        return [*counts, *(self._column(key, "rate") for key in ("p50", "p95", "p99"))]

    def _rates(self, name: str, first: str, rates: Sequence[tuple[str, Rate]]) -> Table:
        columns = [
            self._column(first, "text"), self._column("checked"), self._column("right"),
            self._column("share_right", "percent"), self._column("at_least", "percent"),
            self._column("at_most", "percent"), self._column("left_alone"),
        ]  # fmt: skip
        return Table(name, columns, [_rate_row(of, one) for of, one in reversed([*rates])])

    def _week(self, name: str) -> str:
        return self._t("home.week_mark", number=int(name[-2:]))

    def _hint(self, week: str, rate: Rate) -> str:
        if not rate.checked:
            return ""
        of = self._t("home.of_checked", right=rate.right, checked=rate.checked)
        return f"{week}: {self.say.percent(_percent(rate.share))} ({of})"

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


def _rate_row(of: str, rate: Rate) -> tuple[Value, ...]:
    low, high = rate.interval
    ends = (100 * low, 100 * high) if rate.checked else (None, None)
    left = rate.shown - rate.checked
    return (of, rate.checked, rate.right, _percent(rate.share), *ends, left)


def _worth_row(step: Period, worth: Worth) -> tuple[Value, ...]:
    hours = worth.saved_seconds / HOUR_SECONDS
    return (
        step.first, step.last, worth.judged, worth.reviews, worth.looks, hours, worth.saved_money,
    )  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _iso_week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"

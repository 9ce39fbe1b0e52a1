"""Tables and charts of how right it is here, and of what it is worth."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from config.catalogue import Texts
from config.units import duration
from web.pages.tables import Column, Kind, Table, Value
from web.pages.wording import Wording
from web.reading import charts
from web.reading.dashboard import Accuracy, Board, Period, Rate, Worth, worth_words

_HOUR_SECONDS = 3600
_DECIMALS = 2


class Measured:
    """Makes them in one language."""

    def __init__(self, board: Board, t: Texts) -> None:
        self._board, self._t = board, t
        self.say = Wording(t)

    def tables(self) -> dict[str, Table]:
        """All of them, by name."""
        made = (self.accuracy(), self.versions(), self.worth())
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
        weeks = dict.fromkeys(Period.week_of(day).name for day in self._accuracy.period.each_day())
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

    def worth_words(self) -> list[str]:
        """What all of it is made of, and where its seconds are from."""
        return worth_words(self._board.value, self._t.language)

    def saved_time(self) -> str:
        """How long, such as `12 h 03 min`; without a sign."""
        return duration(abs(self._board.value.saved_seconds), 0)

    def saved_money(self) -> str:
        """How much, with its currency and without a sign; empty where no wage is known."""
        worth = self._board.value
        if worth.saved_money is None:
            return ""
        return f"{self.say.number(abs(worth.saved_money), _DECIMALS)} {worth.assumed.currency}"

    # Words

    @property
    def _accuracy(self) -> Accuracy:
        return self._board.accuracy

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

    def _column(self, key: str, kind: Kind = "count") -> Column:
        return Column(key, self._t(f"column.{key}"), kind)


def _rate_row(of: str, rate: Rate) -> tuple[Value, ...]:
    low, high = rate.interval
    ends = (100 * low, 100 * high) if rate.checked else (None, None)
    left = rate.shown - rate.checked
    return (of, rate.checked, rate.right, _percent(rate.share), *ends, left)


def _worth_row(step: Period, worth: Worth) -> tuple[Value, ...]:
    hours = worth.saved_seconds / _HOUR_SECONDS
    return (
        step.first, step.last, worth.judged, worth.reviews, worth.looks, hours, worth.saved_money,
    )  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share

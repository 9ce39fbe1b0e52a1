"""The tables and charts of the first page, made of what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import NamedTuple

from markupsafe import Markup

from classifier.verdict import Band
from config.catalogue import Texts
from web.pages.tables import Column, Kind, Table, shown
from web.pages.wording import Wording
from web.reading import charts
from web.reading.dashboard import Board, Counts, Period
from web.reading.history import IncidentDocument

# What a column of the first chart is made of, from the bottom up: class in the style, and field.
VOLUME = (
    ("auto", "successful", "filed"),
    ("review", "review", "to_decide"),
    ("retake", "failed", "to_retake"),
    ("other", "duplicates", "duplicates"),
)
_BANDS = (Band.AUTO, Band.CHECK, Band.REVIEW)
# Categories that have a colour of their own; the others share one.
_COLOURED = 6


class Figure(NamedTuple):
    """A chart with its title."""

    key: str
    chart: Markup


class Figures:
    """Makes tables and charts in one language."""

    def __init__(self, board: Board, t: Texts, zone: tzinfo) -> None:
        self.board, self._counted = board, board.counted
        self._t = t
        self._zone = zone
        self.say = Wording(t)
        self._days = [(step.first, counts) for step, counts in board.counted.figures.steps]

    # Tables

    def tables(self) -> dict[str, Table]:
        """All of them, by name."""
        made = (self.days(), self.weeks(), self.confidences(), self.reasons(), self.alerts())
        return {table.name: table for table in made}

    def days(self) -> Table:
        """What became of the photos, day by day, and how fast."""
        columns = [
            self._column("day", "day"), *(self._column(key) for key in (
                "runs", "photos", "filed", "to_decide", "to_retake", "duplicates"
            )),
            self._column("success", "percent"), self._column("review_share", "percent"),
            self._column("at_work", "span"), self._column("photos_per_second", "rate"),
        ]  # fmt: skip
        return Table("days", columns, [
            (
                day, c.runs, c.photos, c.successful, c.review, c.failed, c.duplicates,
                c.success_rate, c.review_share, c.busy_seconds, c.photos_per_second,
            )
            for day, c in reversed(self._days) if c.runs
        ])  # fmt: skip

    def weeks(self) -> Table:
        """Each category's share of the photos with a verdict, and its change to the week before."""
        weeks = [(week, mix) for week, mix in self._counted.weeks if mix]
        columns = [self._column("category", "text")]
        columns += [Column(week.name, self._week_mark(week), "percent") for week, _ in weeks]
        columns += [self._column("change", "points")]
        rows = []
        for category in self._categories():
            shares = [100 * mix[category] / mix.total() for _, mix in weeks]
            change = shares[-1] - shares[-2] if len(shares) > 1 else None
            rows.append((category, *shares, change))
        return Table("weeks", columns, rows)

    def confidences(self) -> Table:
        """How many photos of each confidence there were, by band."""
        columns = [
            self._column("from", "percent"), self._column("to", "percent"),
            *(Column(band, self._t(f"band.{band}")) for band in _BANDS),
        ]  # fmt: skip
        bins = self._counted.confidences
        size = 100 / len(bins)
        return Table("confidences", columns, [
            (number * size, (number + 1) * size, *(one.get(band, 0) for band in _BANDS))
            for number, one in reversed([*enumerate(bins)]) if one
        ])  # fmt: skip

    def reasons(self) -> Table:
        """Why photos could not be read, and why people were asked."""
        columns = [
            self._column("outcome", "text"), self._column("reason", "text"),
            self._column("photos"),
        ]  # fmt: skip
        return Table("reasons", columns, [
            (self._t(f"outcome.{status}"), self._t.or_else(f"reason.{code}", code), number)
            for status, code, number in self.board.reasons
        ])  # fmt: skip

    def alerts(self) -> Table:
        """What people were told, and how it stands."""
        columns = [
            self._column("alert", "text"), self._column("severity", "text"),
            self._column("since", "moment"), self._column("now", "text"),
            self._column("known_to", "text"),
        ]  # fmt: skip
        return Table("alerts", columns, [
            (
                self._t.or_else(f"alert.{one['rule']}", one["rule"].replace("_", " ")),
                self._t(f"severity.{one['severity']}"), self._local(one["raised"]),
                self._t(f"stands.{_stands(one)}"),
                one["acknowledged_by"] or "",
            )
            for one in self.board.alerts
        ])  # fmt: skip

    # Charts

    def daily(self) -> list[Figure]:
        """Volume, success, review share and speed, by day; the latter by week where it is long."""
        steps = [(self._name(step), counts) for step, counts in self._counted.rates]
        return [
            Figure("volume", self._volume()),
            Figure("success", charts.level_chart(
                self._said("success"),
                [(name, one.success_rate) for name, one in steps],
                self._hints(lambda one: self.say.percent(one.success_rate)),
            )),
            Figure("review_share", charts.share_chart(
                self._said("review_share"),
                [(name, one.review_share) for name, one in steps],
                self._hints(lambda one: self.say.percent(one.review_share)),
            )),
            Figure("speed", charts.column_chart(
                self._said("speed"),
                [(name, {"all": round(10 * (one.photos_per_second or 0))}) for name, one in steps],
                self._hints(self._speed_words),
                self.say.number(max((one.photos_per_second or 0 for _, one in steps)), 1),
            )),
        ]  # fmt: skip

    def _volume(self) -> Markup:
        columns = [
            (self.say.mark(day), {kind: getattr(one, field) for kind, field, _ in VOLUME})
            for day, one in self._days
        ]
        hints = [
            f"{self.say.short_day(day)}: {self._volume_words(one)}" if one.runs else ""
            for day, one in self._days
        ]
        most = max(one.photos for _, one in self._days)
        return charts.column_chart(self._said("volume"), columns, hints, self.say.number(most))

    def _hints(self, words: Callable[[Counts], str]) -> list[str]:
        return [
            f"{self._name(step)}: {words(one)}" if one.runs else ""
            for step, one in self._counted.rates
        ]

    def _name(self, step: Period) -> str:
        is_week = self._counted.rates is not self._counted.figures.steps
        return self._week_mark(step) if is_week else self.say.mark(step.first)

    def volume_legend(self) -> list[tuple[str, str]]:
        """Which colour of the first chart is what."""
        return [(kind, self._t(f"column.{key}")) for kind, _, key in VOLUME]

    def mix(self) -> tuple[Markup, list[tuple[str, str]]]:
        """The weeks' categories as shares of a hundred; and which colour is whose."""
        coloured = self._categories()[:_COLOURED]
        kinds = [(f"c{number}", one) for number, one in enumerate(coloured, 1)]
        weeks = [(week, mix) for week, mix in self._counted.weeks if mix]
        columns, hints = [], []
        for week, mix in weeks:
            stack = {kind: round(1000 * mix[one] / mix.total()) for kind, one in kinds}
            stack["other"] = max(0, 1000 - sum(stack.values()))
            columns.append((self._week_mark(week), stack))
            parts = [f"{one} {self.say.percent(100 * mix[one] / mix.total())}" for one in coloured]
            hints.append(f"{self._week(week)}: {', '.join(parts)}")
        legend = [*kinds, ("other", self._t("home.other"))]
        return charts.column_chart(self._said("mix"), columns, hints, "100 %"), legend

    def histogram(self) -> Markup:
        """The confidences, their bands on top of each other."""
        bins = self._counted.confidences
        size = 100 // len(bins)
        hints = [
            f"{number * size}–{(number + 1) * size} %: {self.say.number(one.total())}"
            for number, one in enumerate(bins)
        ]
        return charts.confidence_chart(bins, self._said("confidences"), hints)

    def bars(self) -> list[Markup]:
        """A bar for each row of `reasons`."""
        most = max((number for _, _, number in self.board.reasons), default=1)
        return [
            charts.bar(number / most, "retake" if status == "error" else "review")
            for status, _, number in self.board.reasons
        ]

    # Words

    def _volume_words(self, counts: Counts) -> str:
        parts = [
            f"{self.say.number(number)} {self._t(f'column.{key}')}"
            for _, field, key in VOLUME
            if (number := getattr(counts, field))
        ]
        return f"{self.say.number(counts.photos)} – {', '.join(parts)}"

    def _speed_words(self, counts: Counts) -> str:
        rate = shown(counts.photos_per_second, "rate", self.say)
        return f"{rate}/s, {shown(counts.busy_seconds, 'span', self.say)}"

    def _said(self, key: str) -> str:
        return self._t(f"chart.{key}")

    def _column(self, key: str, kind: Kind = "count") -> Column:
        return Column(key, self._t(f"column.{key}"), kind)

    def _week(self, week: Period) -> str:
        return self._t("home.week", number=week.first.isocalendar().week)

    def _week_mark(self, week: Period) -> str:
        return self._t("home.week_mark", number=week.first.isocalendar().week)

    def _local(self, text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(self._zone)

    def _categories(self) -> list[str]:
        """Those of all these weeks, the most frequent first."""
        together: Counter[str] = Counter()
        for _, mix in self._counted.weeks:
            together += mix
        return [category for category, _ in together.most_common()]


def _stands(incident: IncidentDocument) -> str:
    """How it stands: it lasts, it is over, or it was news."""
    if [alert["phase"] for alert in incident["alerts"]] == ["told"]:
        return "told"
    return "lasts" if incident["resolved"] is None else "over"

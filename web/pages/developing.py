"""How it develops: four weeks, and month against month, as tables of the first page."""

from __future__ import annotations

from config.catalogue import Texts
from web.pages.tables import Column, Kind, Table
from web.pages.wording import Wording
from web.reading.dashboard import Period, Trends, reason_words, trend_word, trend_words

_MOST_REASONS = 3
_MOST_CATEGORIES = 12  # of those that are told on the page; the file has all


class Developing:
    """Makes them in one language."""

    def __init__(self, trends: Trends, t: Texts) -> None:
        self._trends, self._course, self._t = trends, trends.course, t
        self.say = Wording(t)

    def facts(self) -> list[tuple[str, str]]:
        """The year so far, windows kept, failures, and what waits."""
        return trend_words(self._trends, self._t.language)

    def tables(self) -> dict[str, Table]:
        """All of them, by name."""
        made = (self.mix(), self.weekly(), self.months())
        return {table.name: table for table in made}

    def mix(self) -> Table:
        """Each category's share of four weeks, and whether it rises."""
        weeks = [
            Column(f"week_{number}", self._days(week.period), "percent")
            for number, week in enumerate(self._course.weeks, 1)
        ]
        columns = [self._column("category", "text"), *weeks, self._column("trend", "text")]
        return Table("mix", columns, [
            (
                one.category,
                *(None if share is None else 100 * share for share in one.shares),
                trend_word(one.word, self._t.language),
            )
            for one in self._course.mix
        ])  # fmt: skip

    def brief(self) -> Table:
        """Of these what moves, and the largest, for the page."""
        mix = self._course.mix
        moving = sorted(range(len(mix)), key=lambda row: (mix[row].word == "steady", row))
        return self.mix().only(sorted(moving[:_MOST_CATEGORIES]))

    def weekly(self) -> Table:
        """How sure it was in these weeks, and why people had to decide."""
        columns = [
            self._column("week", "text"), self._column("photos"),
            self._column("confidence", "percent"), self._column("review_share", "percent"),
            self._column("reason", "text"),
        ]  # fmt: skip
        return Table("weekly", columns, [
            (
                self._days(week.period), week.counts.photos,
                _percent(week.counts.average_confidence), week.counts.review_share,
                ", ".join(
                    f"{reason_words(code, self._t.language)} {self.say.number(photos)}"
                    for code, photos in week.reasons.most_common(_MOST_REASONS)
                ),
            )
            for week in self._course.weeks
        ])  # fmt: skip

    def months(self) -> Table:
        """Month against month, the newest first; it may not be over."""
        columns = [
            self._column("month", "text"), self._column("photos"),
            self._column("confidence", "percent"), self._column("review_share", "percent"),
            self._column("success", "percent"),
        ]  # fmt: skip
        return Table("months", columns, [
            (
                self.say.month(month.first), counts.photos, _percent(counts.average_confidence),
                counts.review_share, counts.success_rate,
            )
            for month, counts in reversed(self._course.months)
        ])  # fmt: skip

    def _days(self, week: Period) -> str:
        return f"{self.say.mark(week.first)} – {self.say.mark(week.last)}"

    def _column(self, key: str, kind: Kind = "count") -> Column:
        return Column(key, self._t(f"column.{key}"), kind)


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share

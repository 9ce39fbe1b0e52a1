"""Tables of figures: the same rows on a page, for people, and as CSV, for spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from starlette.responses import Response

from config.units import duration
from web.pages.wording import Wording
from web.reading.spreadsheets import csv_lines

# How a column's values are written. points: the change of a share; a span is in seconds.
Kind = Literal["text", "day", "moment", "count", "percent", "points", "rate", "span"]
Value = str | float | date | datetime | None
_DIGITS = {"percent": 2, "points": 2, "rate": 2, "span": 1}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    key: str  # its name in a CSV, the same in every language
    label: str
    kind: Kind = "count"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    left: int = 0  # rows that are in the file alone

    def only(self, rows: Sequence[int]) -> Table:
        """Some of its rows, for a page that stays small."""
        shown = [self.rows[row] for row in rows if row < len(self.rows)]
        return replace(self, rows=shown, left=len(self.rows) - len(shown))

    def cells(self, row: Sequence[Value], say: Wording) -> list[tuple[str, Kind]]:
        """A row as people read it, each cell with its kind."""
        return [
            (shown(value, column.kind, say), column.kind)
            for value, column in zip(row, self.columns, strict=True)
        ]

    def csv(self) -> Response:
        """The whole table as a file; changes are left out: a minus would begin a formula."""
        columns = [(n, one) for n, one in enumerate(self.columns) if one.kind != "points"]
        rows = [[column.key for _, column in columns]]
        rows += [[_plain(row[n], column.kind) for n, column in columns] for row in self.rows]
        headers = {"Content-Disposition": f'attachment; filename="nightsort_{self.name}.csv"'}
        content = csv_lines(rows).encode("utf-8-sig")
        return Response(content, headers=headers, media_type="text/csv; charset=utf-8")


def shown(value: Value, kind: Kind, say: Wording) -> str:
    """A value as people of this language read it."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return say.moment(value)
    if isinstance(value, date):
        return say.day(value)
    return value if isinstance(value, str) else _figure(value, kind, say)


def _figure(value: float, kind: Kind, say: Wording) -> str:
    if kind == "percent":
        return say.percent(value)
    if kind == "span":
        return duration(value, 0)
    sign = "+" if kind == "points" and value > 0 else ""
    return sign + say.number(value, 0 if kind == "count" else 1)


def _plain(value: Value, kind: Kind) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat(timespec="seconds")
        case float():
            return f"{value:.{_DIGITS.get(kind, 0)}f}"
    return str(value)

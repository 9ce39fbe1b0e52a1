"""What Locust writes down, second by second, and what a step of it came to."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path
from statistics import median

from benchmarks.bench import Figures

# As Locust calls it: the row over all names.
_ALL = "Aggregated"


@dataclass(frozen=True, slots=True)
class Second:
    """One line of the history."""

    at: float  # seconds since 1970
    users: int
    requests: float  # a second
    failures: float  # a second
    p50: float  # milliseconds, of the last ten seconds
    p95: float
    p99: float


def read_history(file: Path) -> list[Second]:
    """The lines of `…_stats_history.csv` over all names."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [_second(row) for row in csv.DictReader(lines) if row["Name"] == _ALL]


def read_totals(file: Path) -> Figures:
    """The last line of `…_stats.csv`: all requests of the step."""
    with file.open(encoding="utf-8", newline="") as lines:
        row = next(row for row in csv.DictReader(lines) if row["Name"] == _ALL)
    return {
        "requests": int(row["Request Count"]),
        "failures": int(row["Failure Count"]),
        "requests_per_second": round(float(row["Requests/s"]), 1),
        "p50": _number(row["50%"]),
        "p95": _number(row["95%"]),
        "p99": _number(row["99%"]),
    }


def as_csv(history: Sequence[Second]) -> str:
    """All seconds of all steps, a line each."""
    file = StringIO()
    lines = csv.DictWriter(file, [one.name for one in fields(Second)], lineterminator="\n")
    lines.writeheader()
    lines.writerows(map(asdict, history))
    return file.getvalue()


def steady(history: list[Second]) -> float:
    """Answers a second once all users are there: the median, what failed left out."""
    most = max((second.users for second in history), default=0)
    full = [second.requests - second.failures for second in history if second.users == most]
    return round(median(full), 1) if full else 0.0


def _second(row: dict[str, str]) -> Second:
    return Second(
        at=float(row["Timestamp"]),
        users=int(row["User Count"]),
        requests=float(row["Requests/s"]),
        failures=float(row["Failures/s"]),
        p50=_number(row["50%"]),
        p95=_number(row["95%"]),
        p99=_number(row["99%"]),
    )


def _number(text: str) -> float:
    """Before the first answer Locust writes N/A."""
    return 0.0 if text in ("", "N/A") else float(text)

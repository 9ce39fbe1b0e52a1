"""The stations in lines, those that need a look first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from web.reading.dashboard import Counts, Period, Rate
from web.reading.fleet import (
    Health,
    Run,
    Snapshot,
    Station,
    counts_of,
    health_of,
    rate_of,
    saved_seconds,
)

MOST_DAYS = 92
_IN_FRONT: tuple[Health, ...] = ("silent", "quiet", "degraded", "healthy")


@dataclass(frozen=True, slots=True)
class StationLine:
    """One station, beside others."""

    station: Station
    health: Health
    counts: Counts  # of the days that are told
    rate: Rate
    saved_seconds: float

    @property
    def name(self) -> str:
        """Of the station."""
        return self.station.name

    @property
    def last_run(self) -> Run | None:
        """The newest that has ended."""
        return next(iter(self.station.runs), None)

    @property
    def undecided(self) -> int | None:
        """How many photos wait for people; None where it has not said."""
        return self.station.status["undecided"]["photos"] if self.station.status else None

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest of them waits."""
        text = self.station.status["undecided"]["oldest"] if self.station.status else None
        return datetime.fromisoformat(text) if text else None


@dataclass(frozen=True, slots=True)
class Sum:
    """All of them together."""

    stations: int
    by_health: dict[Health, int]
    undecided: int
    oldest: datetime | None
    rate: Rate
    saved_seconds: float


def lines_of(snapshot: Snapshot, period: Period) -> list[StationLine]:
    """All stations: first those that are silent, last those that are well, each by name."""
    lines = [
        StationLine(
            one, health_of(one, snapshot.as_of), counts_of(one, period), rate_of(one.status),
            saved_seconds(one, period),
        )
        for one in snapshot.stations.values()
    ]  # fmt: skip
    return sorted(lines, key=lambda one: (_IN_FRONT.index(one.health), one.name))


def sum_of(lines: Iterable[StationLine]) -> Sum:
    """What they come to."""
    told = [*lines]
    return Sum(
        stations=len(told),
        by_health={one: sum(line.health == one for line in told) for one in _IN_FRONT},
        undecided=sum(line.undecided or 0 for line in told),
        oldest=min((line.oldest for line in told if line.oldest), default=None),
        rate=sum((line.rate for line in told), Rate()),
        saved_seconds=sum(line.saved_seconds for line in told),
    )

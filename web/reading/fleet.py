"""All stations, as the mirror has them: read now and then, kept, and added up for a page.

While PostgreSQL is away, what was read last stays, and it is said how old it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import structlog

from classifier.verdict import Band
from config.errors import NightsortError, RefusedError
from config.settings import Settings
from config.value import UNSAID, ValueSettings
from daemon.domain.accuracy import Rate
from daemon.domain.looking import Looked
from daemon.domain.value import Measured, Value
from daemon.mirror import promotions
from daemon.mirror.fleet import QUIET, SILENT, Day, Run, Snapshot, Station, moment, read
from daemon.mirror.postgres import connect
from daemon.mirror.promotions import KnownVersion
from daemon.mirror.saying import PromotedStatus, StationStatus, Triple, accuracy_period
from daemon.mirror.thread import address_of
from daemon.reporting.accuracy import Accuracy
from daemon.reporting.figures import Counts, Figures, Words
from web.problems import Problem
from web.reading.dashboard import MOST_BY_DAY, Board, Counted, Period, by_week

__all__ = [
    "Fleet", "Health", "KnownVersion", "PromotedStatus", "Read", "Run", "Snapshot", "Station",
    "StationStatus", "board_of", "counts_of", "health_of", "moment", "rate_of", "saved_seconds",
]  # fmt: skip

log = structlog.get_logger()

REFRESH_SECONDS = 10.0

Health = Literal["silent", "quiet", "degraded", "healthy"]


@dataclass(frozen=True, slots=True)
class Read:
    """What is known, and whether that is new."""

    snapshot: Snapshot | None  # None: nothing could be read yet
    why: str  # that it could not be read just now; empty where it could
    age_seconds: float  # of the snapshot


class Fleet:
    """Reads the mirror for whoever asks; in any thread."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read before `refresh`."""
        self._settings = settings.fleet
        self._snapshot: Snapshot | None = None
        self._why = ""
        self._at = 0.0

    @property
    def read(self) -> Read:
        """What was read last."""
        age = time.monotonic() - self._at if self._snapshot else 0.0
        return Read(self._snapshot, self._why, age)

    def refresh(self) -> None:
        """Read all of it anew; what fails is told by `read`."""
        try:
            with closing(connect(address_of(self._settings))) as postgres:
                snapshot = read(postgres)
        except NightsortError as exc:
            if str(exc) != self._why:
                self._why = str(exc)
                log.warning("fleet_not_read", why=self._why)
            return
        if self._why:
            log.info("fleet_read_again")
        self._snapshot, self._at, self._why = snapshot, time.monotonic(), ""

    def promote(self, station: str, version: str, person: str) -> None:
        """Offer a version to all stations. Raises Problem 404, TransientError."""
        with closing(connect(address_of(self._settings))) as postgres:
            try:
                promotions.promote(postgres, station, version, person)
            except RefusedError as exc:
                raise Problem(404, "not_found", str(exc)) from exc
        log.info("version_promoted", station=station, version=version, person=person)
        self.refresh()

    def withdraw(self, person: str) -> None:
        """Offer none any more. Raises TransientError."""
        with closing(connect(address_of(self._settings))) as postgres:
            promotions.withdraw(postgres, person)
        log.info("promotion_withdrawn", person=person)
        self.refresh()


def health_of(station: Station, as_of: datetime) -> Health:
    """How it is; both times are of one clock."""
    if station.seen_at is None or as_of - station.seen_at > SILENT:
        return "silent"
    if as_of - station.seen_at > QUIET:
        return "quiet"
    is_well = station.status is not None and not station.status["problems"]
    return "healthy" if is_well else "degraded"


def board_of(stations: Iterable[Station], period: Period, today: date) -> Board:
    """These stations' figures, added up, as the first page of one has them."""
    chosen = [*stations]
    days = _days(chosen)
    steps = [(one, _sum(days, one)) for one in period.by_day()]
    rates = steps
    if period.days > MOST_BY_DAY:
        rates = [(one, _sum(days, one)) for one in period.steps()]
    weeks = by_week(period, ((day, one.categories) for day, one in days))
    counted = Counted(_figures(period, steps, days), rates, weeks, [])
    accuracy = _accuracy([one.status for one in chosen if one.status], today)
    value = _value(chosen, period)
    values = [(step, _value(chosen, step)) for step, _ in rates]
    return Board(counted, [], accuracy, value, values)


def counts_of(station: Station, period: Period) -> Counts:
    """What a station did in these days."""
    return _sum(station.days.items(), period)


def saved_seconds(station: Station, period: Period) -> float:
    """People's time that it saved, by what it assumes itself."""
    return _value([station], period).saved_seconds


def rate_of(status: StationStatus | None) -> Rate:
    """Of a station's spot checks of the last weeks, how many were found right."""
    return _added_rates([status] if status else [])


# --- adding up -----------------------------------------------------------------------------------


def _days(stations: Iterable[Station]) -> list[tuple[date, Day]]:
    return [found for station in stations for found in station.days.items()]


def _sum(days: Iterable[tuple[date, Day]], period: Period) -> Counts:
    total = Counts()
    for day, one in days:
        if period.first <= day <= period.last:
            _add(total, one.counts)
    return total


def _add(total: Counts, more: Counts) -> None:
    for name in ("runs", "successful", "review", "duplicates", "failed", "busy_seconds",
                 "ahead_seconds"):  # fmt: skip
        setattr(total, name, getattr(total, name) + getattr(more, name))


def _figures(
    period: Period, steps: list[tuple[Period, Counts]], days: list[tuple[date, Day]]
) -> Figures:
    return Figures(
        period=period,
        total=_sum(days, period),
        before=_sum(days, period.before),
        steps=steps,
        mix=[],
        bands=Counter(),
        failures=Counter(),
        doubts=Counter(),
        words=Words(),
    )


def _value(stations: Sequence[Station], period: Period) -> Value:
    """What they are worth, by what one of them assumes; for several see `saved_seconds`."""
    days = _days(stations)
    total = _sum(days, period)
    looks = sum(one.looks for day, one in days if period.first <= day <= period.last)
    assumed, measured = _assumed([*stations]), _measured([*stations])
    return Value(total.judged, total.review, looks, assumed, measured=measured)


def _assumed(stations: Sequence[Station]) -> ValueSettings:
    status = stations[0].status if len(stations) == 1 else None
    if status is None:
        return UNSAID
    seconds = status["seconds"]
    return ValueSettings(
        seconds_by_hand=seconds["by_hand"],
        review_seconds=seconds["review"],
        check_seconds=seconds["check"],
    )


def _measured(stations: Sequence[Station]) -> Measured:
    status = stations[0].status if len(stations) == 1 else None
    if status is None:
        return {}
    known = status.get("measured", {})
    return {
        band: Looked(status["seconds"][band], known[band]["photos"])
        for band in (Band.REVIEW, Band.CHECK)
        if band in known
    }


def _accuracy(said: list[StationStatus], today: date) -> Accuracy:
    return Accuracy(
        accuracy_period(today),
        filed=_added_rates(said),
        decided=Rate(),
        by_category=[],
        by_week=_by(one["accuracy"]["weeks"] for one in said),
        by_version=_by(one["accuracy"]["versions"] for one in said),
        mistakes=[],
        unasked=0,
    )


def _added_rates(said: Iterable[StationStatus]) -> Rate:
    weeks = (one["accuracy"]["weeks"].values() for one in said)
    return sum((Rate(*triple) for those in weeks for triple in those), Rate())


def _by(tables: Iterable[dict[str, Triple]]) -> list[tuple[str, Rate]]:
    rates: dict[str, Rate] = {}
    for table in tables:
        for key, triple in table.items():
            rates[key] = rates.get(key, Rate()) + Rate(*triple)
    return sorted(rates.items())

"""The fleet: what the mirror knows of all stations, read in one go. Writes nothing.

Added up there by station and local day, so that what comes over is as much whatever the history's
length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon.mirror import promotions, tables
from daemon.mirror.postgres import Postgres
from daemon.mirror.promotions import KnownVersion, Promotion
from daemon.mirror.saying import StationStatus
from daemon.reporting.figures import Counts

# Twice the longest time that is shown, as that is compared with the one before.
_DAYS = 190
_STATUS: TypeAdapter[StationStatus] = TypeAdapter(StationStatus)
RUNS_OF_EACH = 30
# Stations say how they are twice a minute: one that has missed this long is no longer as it said.
QUIET = timedelta(minutes=10)
SILENT = timedelta(days=1)
# Of each station, the largest; all others are told as one.
MOST_CATEGORIES = 100
REST = "\N{HORIZONTAL ELLIPSIS}"
# What a station that is one may say: it writes its own rows, and shall not spoil all others'.
_MOST = 1_000_000_000
_YEARS = range(1970, 3000)
_SECONDS, _MOST_SECONDS = ("by_hand", "review", "check"), 3600
_LONGEST_STATUS = 200_000
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended."""

    id: str
    started: datetime
    finished: datetime
    model: str
    counts: Counts


@dataclass(slots=True)
class Day:
    """What a station did on one of its days, a run with all its photos where it began."""

    counts: Counts
    looks: int  # photos that were filed and worth a quick look
    categories: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Station:
    """One station."""

    name: str
    nightsort: str
    copied_at: datetime
    seen_at: datetime | None  # None: it has never said how it is
    status: StationStatus | None  # None: nothing that can be understood
    days: dict[date, Day]
    runs: list[Run]  # newest first


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of them, by name."""

    as_of: datetime  # by that server's clock, as all times of others are
    stations: Mapping[str, Station]
    versions: list[KnownVersion] = field(default_factory=list)
    promotion: Promotion | None = None


def read(postgres: Postgres) -> Snapshot:
    """What is known now. Raises MirrorFailed; MirrorRefused where the tables are not there."""
    tables.require_readable(postgres)
    with _one_moment(postgres):
        found = postgres.rows(_STATIONS)
        days, runs = _days(postgres), _runs(postgres)
        _add_categories(postgres, days)
        versions, promotion = promotions.known_versions(postgres), promotions.newest(postgres)
        (as_of,) = postgres.row("SELECT now()") or (None,)
    stations = {
        name: Station(
            name,
            nightsort,
            copied_at,
            seen_at,
            _understood(status),
            days.get(name, {}),
            runs.get(name, []),
        )
        for name, nightsort, copied_at, seen_at, status in found
    }
    assert isinstance(as_of, datetime)
    return Snapshot(as_of, stations, versions, promotion)


def moment(text: str) -> datetime | None:
    """When it was, as a station wrote it; None for what is no time with an offset, or of no use."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo and at.year in _YEARS else None


def _understood(status: str | None) -> StationStatus | None:
    """What a station said; None for nothing, or what no nightsort known here would say."""
    try:
        said = _STATUS.validate_json(status or "")
    except ValidationError:
        return None
    return said if _is_plausible(said) else None


def _is_plausible(said: StationStatus) -> bool:
    """Whether it can be told and added up with what others say."""
    queue, undecided, accuracy = said["queue"], said["undecided"], said["accuracy"]
    triples = [*accuracy["weeks"].values(), *accuracy["versions"].values()]
    counted = [
        queue["waiting"], queue["settling"], queue["retrying"], undecided["photos"],
        said["waiting"], *(number for triple in triples for number in triple),
        *(one["photos"] for one in said.get("measured", {}).values()),
    ]  # fmt: skip
    oldest = undecided["oldest"]
    return (
        all(0 <= number <= _MOST for number in counted)
        and all(right <= checked <= shown for right, checked, shown in triples)
        and (oldest is None or moment(oldest) is not None)
        and all(0 <= said["seconds"].get(key, -1.0) <= _MOST_SECONDS for key in _SECONDS)
    )


@contextmanager
def _one_moment(postgres: Postgres) -> Iterator[None]:
    with postgres.transaction():
        postgres.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _moment(of: str) -> str:
    """A time that a station wrote, as Python can have it: there is infinity, too."""
    return (
        f"CASE WHEN {of} IS NOT NULL THEN least(greatest({of}, '1970-01-02Z'), '2999-01-01Z') END"
    )


_SAID = f"CASE WHEN octet_length(status::text) <= {_LONGEST_STATUS} THEN status::text END"
_STATIONS = (
    f"SELECT name, left(nightsort, 100), {_moment('copied_at')}, {_moment('seen_at')}, {_SAID}"  # noqa: S608
    " FROM nightsort.stations LEFT JOIN nightsort.states ON station = name ORDER BY name"
)
STATIONS_SEEN = (
    f"SELECT left(name, 100), {_moment('seen_at')},"  # noqa: S608 - our own text
    f" extract(epoch FROM now() - {_moment('seen_at')})"
    " FROM nightsort.stations LEFT JOIN nightsort.states ON station = name ORDER BY name"
)
_SINCE = "started >= now() - make_interval(days => %s)"
# A run's day is the one by its station's clocks, which its summary was written with.
_DAY = "left(summary->>'started', 10)"
_IS_DAY = (
    f"{_DAY} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' AND {_DAY} COLLATE \"C\" BETWEEN"
    " to_char(now() - make_interval(days => %s), 'YYYY-MM-DD')"
    " AND to_char(now() + interval '2 days', 'YYYY-MM-DD')"
)


def _figure(of: str) -> str:
    """A figure of a summary: a station writes its own rows, and shall not spoil all others'."""
    return (
        f"CASE jsonb_typeof({of}) WHEN 'number'"
        f" THEN least(greatest(({of})::numeric, 0), 1000000000) ELSE 0 END"
    )


_FIGURES = [
    _figure(f"summary->'{key}'")
    for key in ("successful", "review", "duplicates", "failed", "processing_time_seconds")
]
_AHEAD = _figure("summary->'judged_ahead_seconds'")
_LOOKS = _figure("summary->'confidence_distribution'->'check'")
_SUMS = ", ".join(f"sum({one})" for one in (*_FIGURES, _AHEAD, _LOOKS))
_DAYS_OF_ALL = (
    f"SELECT station, {_DAY}, count(*), {_SUMS}"  # noqa: S608 - our own text
    f" FROM nightsort.runs WHERE {_SINCE} AND {_IS_DAY} GROUP BY 1, 2"
)
_CATEGORIES = (
    f"WITH told AS (SELECT station, {_DAY} AS day, left(key, {_LONGEST_NAME}) AS category,"  # noqa: S608
    f" sum({_figure('value')}) AS photos FROM nightsort.runs"
    " CROSS JOIN jsonb_each(CASE jsonb_typeof(summary->'categories')"
    " WHEN 'object' THEN summary->'categories' ELSE '{}' END)"
    f" WHERE {_SINCE} AND {_IS_DAY} GROUP BY 1, 2, 3),"
    " ranked AS (SELECT station, category, row_number() OVER"
    " (PARTITION BY station ORDER BY sum(photos) DESC, category) AS place FROM told GROUP BY 1, 2)"
    f" SELECT station, day, CASE WHEN place <= {MOST_CATEGORIES} THEN category ELSE '{REST}' END,"
    " sum(photos) FROM told JOIN ranked USING (station, category) GROUP BY 1, 2, 3"
)
_RUNS = (
    "SELECT name, one.* FROM nightsort.stations CROSS JOIN LATERAL"  # noqa: S608 - our own text
    f" (SELECT left(id, {_LONGEST_NAME}), {_moment('started')}, {_moment('finished')},"
    f" left(model, 200), {', '.join(_FIGURES)}"
    " FROM nightsort.runs WHERE station = name ORDER BY id DESC LIMIT %s) AS one"
)


def _days(postgres: Postgres) -> dict[str, dict[date, Day]]:
    found: dict[str, dict[date, Day]] = {}
    for station, text, *sums, looks in postgres.rows(_DAYS_OF_ALL, (_DAYS, _DAYS)):
        if (day := _day(text)) is not None:
            found.setdefault(station, {})[day] = Day(_counts(sums), int(looks))
    return found


def _add_categories(postgres: Postgres, days: Mapping[str, Mapping[date, Day]]) -> None:
    for station, text, category, photos in postgres.rows(_CATEGORIES, (_DAYS, _DAYS)):
        if (day := _day(text)) is not None:
            days[station][day].categories[category] = int(photos)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _runs(postgres: Postgres) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for name, run, started, finished, model, *sums in postgres.rows(_RUNS, (RUNS_OF_EACH,)):
        one = Run(run, started, finished, model, _counts((1, *sums, 0.0)))
        found.setdefault(name, []).append(one)
    return found


def _counts(sums: Sequence[Any]) -> Counts:
    """PostgreSQL adds up whole numbers to decimals."""
    runs, successful, review, duplicates, failed, busy_seconds, ahead_seconds = sums
    return Counts(
        runs=int(runs),
        successful=int(successful),
        review=int(review),
        duplicates=int(duplicates),
        failed=int(failed),
        busy_seconds=float(busy_seconds),
        ahead_seconds=float(ahead_seconds),
    )

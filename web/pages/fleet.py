"""The fleet: all stations side by side and in sum, and each for itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.units import duration
from web.access import needs
from web.credentials import CallerOf
from web.fleet_view import StationLine, lines_of, sum_of
from web.pages.figures import Figures
from web.pages.fleet_tables import FleetTables
from web.pages.measured import Measured
from web.pages.tables import Table
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.dashboard import Period
from web.reading.fleet import Read, Snapshot, board_of
from web.reading.history import zone_of
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

pages = router()

SPANS, USUAL = (7, 30, 90), 30
# What was read longer ago than this is told as old.
_OLD_SECONDS = 120


class Days(NamedTuple):
    """For how many days it is told."""

    days: int
    period: Period
    today: date


def _asked(request: Request, days: Annotated[int, Query()] = USUAL) -> Days:
    """Those of `SPANS`; any other number is none of ours."""
    today = datetime.now(zone_of(site_of(request).settings)).date()
    chosen = days if days in SPANS else USUAL
    return Days(chosen, Period(today - timedelta(days=chosen - 1), today), today)


Asked = Annotated[Days, Depends(_asked)]


@pages.get("/", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, asked: Asked) -> Response:
    """All stations, those that need a look first, and what they come to."""
    site, read = site_of(request), _read(site_of(request))
    values = {} if read.snapshot is None else _together(request, read.snapshot, asked)
    return site.page(request, "fleet.html", **_frame(request, read, asked), **values)


@pages.get("/page/fleet/{name}.csv", include_in_schema=False)
@needs(Role.READER)
def table(request: Request, name: str, asked: Asked) -> Response:
    """One of its tables as a file."""
    return _file(_together(request, _snapshot(request), asked)["tables"], name)


@pages.get("/page/stations/{station}", include_in_schema=False)
@needs(Role.READER)
def show_one(request: Request, station: str, asked: Asked) -> Response:
    """One station."""
    site, read = site_of(request), _read(site_of(request))
    values = _alone(request, _snapshot(request), station, asked)
    return site.page(request, "fleet_station.html", **_frame(request, read, asked), **values)


@pages.get("/page/stations/{station}/{name}.csv", include_in_schema=False)
@needs(Role.READER)
def table_of_one(request: Request, station: str, name: str, asked: Asked) -> Response:
    """One of its tables as a file."""
    return _file(_alone(request, _snapshot(request), station, asked)["tables"], name)


@pages.post("/page/promotion", include_in_schema=False)
@needs(Role.ADMIN)
def promote(
    request: Request,
    caller: CallerOf,
    station: Annotated[str, Form()],
    version: Annotated[str, Form()],
) -> Response:
    """Offer a version to all stations."""
    site = site_of(request)
    assert site.fleet is not None
    site.fleet.promote(station, version, caller.name)
    return RedirectResponse(site.at("/#versions"), 303)


@pages.post("/page/promotion/end", include_in_schema=False)
@needs(Role.ADMIN)
def withdraw(request: Request, caller: CallerOf) -> Response:
    """Offer none any more; what stations adopted stays."""
    site = site_of(request)
    assert site.fleet is not None
    site.fleet.withdraw(caller.name)
    return RedirectResponse(site.at("/#versions"), 303)


def _read(site: Site) -> Read:
    assert site.fleet is not None
    return site.fleet.read


def _snapshot(request: Request) -> Snapshot:
    snapshot = _read(site_of(request)).snapshot
    if snapshot is None:
        raise Problem(503, "unavailable", "nothing could be read of the mirror yet")
    return snapshot


def _frame(request: Request, read: Read, asked: Days) -> dict[str, Any]:
    """What both pages have at their head."""
    site = site_of(request)
    zone = zone_of(site.settings)
    return {
        "why": read.why,
        "as_of": read.snapshot.as_of.astimezone(zone) if read.snapshot else None,
        "age": duration(read.age_seconds, 0) if read.age_seconds > _OLD_SECONDS else "",
        "spans": SPANS, "asked": asked, "say": Wording(site.texts(request)),
        "local": lambda at: at.astimezone(zone),
    }  # fmt: skip


def _together(request: Request, snapshot: Snapshot, asked: Days) -> dict[str, Any]:
    site, t = site_of(request), site_of(request).texts(request)
    zone = zone_of(site.settings)
    lines = lines_of(snapshot, asked.period)
    board = board_of(snapshot.stations.values(), asked.period, asked.today)
    figures, measured = Figures(board, t, zone), Measured(board, t)
    made = FleetTables(t, zone)
    return {
        "lines": lines, "sum": sum_of(lines), "board": board, "figures": figures,
        "measured": measured, "bars": made.bars(lines),
        "by_station": made.by_station(lines), "promotion": snapshot.promotion,
        "versions": snapshot.versions,
        "tables": _named(
            made.stations(lines), made.versions(snapshot.versions),
            made.outcomes(lines, snapshot.versions), figures.days(),
            figures.weeks(), measured.accuracy(),
        ),
    }  # fmt: skip


def _alone(request: Request, snapshot: Snapshot, name: str, asked: Days) -> dict[str, Any]:
    site, t = site_of(request), site_of(request).texts(request)
    zone = zone_of(site.settings)
    line = _line(snapshot, name, asked.period)
    board = board_of([line.station], asked.period, asked.today)
    figures, measured = Figures(board, t, zone), Measured(board, t)
    return {
        "line": line, "board": board, "figures": figures, "measured": measured,
        "tables": _named(
            FleetTables(t, zone).runs(line.station.runs), figures.days(), figures.weeks(),
            measured.accuracy(), measured.versions(), measured.worth(),
        ),
    }  # fmt: skip


def _line(snapshot: Snapshot, name: str, period: Period) -> StationLine:
    for line in lines_of(snapshot, period):
        if line.name == name:
            return line
    raise Problem(404, "not_found", "there is no such station")


def _named(*tables: Table) -> dict[str, Table]:
    return {table.name: table for table in tables}


def _file(tables: Mapping[str, Table], name: str) -> Response:
    if name not in tables:
        raise Problem(404, "not_found", "there is no such table")
    return tables[name].csv()

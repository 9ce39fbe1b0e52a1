"""The first page: how it is, what waits for people, and how it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.pages.calls import CallFigures
from web.pages.figures import Figures
from web.pages.measured import Measured
from web.pages.tables import Table
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.dashboard import glance
from web.reading.history import zone_of
from web.reading.photos import Store, history
from web.reading.state import look
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

pages = router()

# For how many days it is told, and what most people ask for.
SPANS, USUAL = (7, 30, 90), 30
Days = Annotated[int, Query(ge=1, le=90)]


@pages.get("/", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, days: Days = USUAL) -> Response:
    """State, what waits, and the figures of the last days."""
    site, now = site_of(request), _now(request)
    with _history(site) as store:
        values = _at_this_moment(request, store, now) | _how_it_goes(request, store, days, now)
    return site.page(request, "home.html", days=days, spans=SPANS, **values)


@pages.get("/page/now", include_in_schema=False)
@needs(Role.READER)
def now(request: Request) -> Response:
    """The part of it that changes by the minute, without a frame."""
    site = site_of(request)
    with _history(site) as store:
        values = _at_this_moment(request, store, _now(request))
    return site.page(request, "now.html", **values)


@pages.get("/page/figures/{name}.csv", include_in_schema=False)
@needs(Role.READER)
def table(request: Request, name: str, days: Days = USUAL) -> Response:
    """One of its tables as a file."""
    with _history(site_of(request)) as store:
        tables: dict[str, Table] = _how_it_goes(request, store, days, _now(request))["tables"]
    if name not in tables:
        raise Problem(404, "not_found", "there is no such table (yet)")
    return tables[name].csv()


def _now(request: Request) -> datetime:
    return datetime.now(zone_of(site_of(request).settings))


@contextmanager
def _history(site: Site) -> Iterator[Store | None]:
    """The history; None while nothing was ever sorted."""
    with ExitStack() as held:
        store = None
        try:
            store = held.enter_context(history(site.settings.state_dir))
        except Problem as problem:
            if problem.code != "no_history":
                raise
        yield store


def _at_this_moment(request: Request, store: Store | None, now: datetime) -> dict[str, Any]:
    """What the part needs that changes by the minute."""
    site = site_of(request)
    return {
        "seen": look(site.settings.state_dir), "now": now, "at_time": _at_time,
        "glance": glance(store) if store else None, "say": Wording(site.texts(request)),
        "enough_new": site.settings.learning.new_examples,
    }  # fmt: skip


def _how_it_goes(request: Request, store: Store | None, days: int, now: datetime) -> dict[str, Any]:
    """The figures, and their tables; none while there is no history."""
    if store is None:
        return {"board": None, "figures": None, "measured": None, "calls": None, "tables": {}}
    site, t = site_of(request), site_of(request).texts(request)
    board = site.boards.of(store, site.settings, days, now.date())
    figures = Figures(board, t, zone_of(site.settings))
    measured = Measured(board, t)
    calls = CallFigures(site.last_day.at(now.timestamp()), t, zone_of(site.settings))
    return {
        "board": board, "figures": figures, "measured": measured, "calls": calls,
        "tables": figures.tables() | measured.tables() | calls.tables(),
    }  # fmt: skip


def _at_time(text: str) -> datetime:
    return datetime.fromisoformat(text)

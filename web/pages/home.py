"""The first page: how it is, what waits for people, and how it goes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.pages.figures import Figures
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.history import zone_of
from web.reading.photos import history
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
    return _shown(request, "home.html", days)


@pages.get("/page/now", include_in_schema=False)
@needs(Role.READER)
def now(request: Request) -> Response:
    """The part of it that changes by the minute, without a frame."""
    return _shown(request, "now.html", USUAL)


@pages.get("/page/figures/{name}.csv", include_in_schema=False)
@needs(Role.READER)
def table(request: Request, name: str, days: Days = USUAL) -> Response:
    """One of its tables as a file."""
    site = site_of(request)
    figures = _figures(site, request, days, datetime.now(zone_of(site.settings)))
    found = figures.tables().get(name) if figures else None
    if found is None:
        raise Problem(404, "not_found", "there is no such table (yet)")
    return found.csv()


def _shown(request: Request, template: str, days: int) -> Response:
    site = site_of(request)
    now = datetime.now(zone_of(site.settings))
    figures = _figures(site, request, days, now)
    return site.page(
        request, template, seen=look(site.settings.state_dir), now=now, figures=figures,
        board=figures.board if figures else None, days=days, spans=SPANS,
        say=Wording(site.texts(request)), at_time=_at_time,
        enough_new=site.settings.learning.new_examples,
    )  # fmt: skip


def _figures(site: Site, request: Request, days: int, now: datetime) -> Figures | None:
    """What was counted; None while nothing was ever sorted."""
    try:
        with history(site.settings.state_dir) as store:
            board = site.boards.of(store, site.settings, days, now.date())
    except Problem as problem:
        if problem.code != "no_history":
            raise
        return None
    return Figures(board, site.texts(request), zone_of(site.settings))


def _at_time(text: str) -> datetime:
    return datetime.fromisoformat(text)

"""The first page: how it is, what waits for people, and how it goes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.pages.calls import CallFigures
from web.pages.developing import Developing
from web.pages.figures import Figures
from web.pages.measured import Measured
from web.pages.tables import Table
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.dashboard import Period, glance
from web.reading.history import zone_of
from web.reading.photos import Store, history_if_any
from web.reading.state import look
from web.roles import Role
from web.routes import router
from web.site import site_of

pages = router()

# For how many days it is told, and what most people ask for.
SPANS, USUAL = (7, 30, 90), 30
# What fits on a page day by day: any three months. Reports tell of more.
MOST_DAYS = 92


class Asked(NamedTuple):
    """The days that somebody wants to see: so many up to today, or from one to another."""

    days: int | None
    first: date | None
    last: date | None

    def period(self, today: date) -> Period:
        """These days, none of them after today, and the last of them where they are too many."""
        last = min(self.last or today, today)
        most = last - timedelta(days=MOST_DAYS - 1)
        usual = last - timedelta(days=(self.days or USUAL) - 1)
        return Period(min(max(self.first or usual, most), last), last)

    @property
    def query(self) -> str:
        """The same in an address."""
        if self.days:
            return urlencode({"days": self.days})
        days = {"from": self.first, "to": self.last}
        return urlencode({key: day for key, day in days.items() if day})


def _asked(
    days: Annotated[int | None, Query(ge=1, le=MOST_DAYS)] = None,
    first: Annotated[str, Query(alias="from")] = "",
    last: Annotated[str, Query(alias="to")] = "",
) -> Asked:
    between = _day(first), _day(last)
    return Asked(days if any(between) else days or USUAL, *between)


def _day(text: str) -> date | None:
    """None where the form's field is empty, or holds no day of ours."""
    try:
        day = date.fromisoformat(text.strip())
        return Period.asked_for(day, day).first
    except ValueError:
        return None


Days = Annotated[Asked, Depends(_asked)]


@pages.get("/", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, asked: Days) -> Response:
    """State, what waits, and the figures of the last days, or of others that were asked for."""
    site, now = site_of(request), _now(request)
    with history_if_any(site.settings.state_dir) as store:
        values = _at_this_moment(request, store, now) | _how_it_goes(request, store, asked, now)
    return site.page(
        request, "home.html", asked=asked, period=asked.period(now.date()), spans=SPANS,
        most_days=MOST_DAYS, **values,
    )  # fmt: skip


@pages.get("/page/now", include_in_schema=False)
@needs(Role.READER)
def now(request: Request) -> Response:
    """The part of it that changes by the minute, without a frame."""
    site = site_of(request)
    with history_if_any(site.settings.state_dir) as store:
        values = _at_this_moment(request, store, _now(request))
    return site.page(request, "now.html", **values)


@pages.get("/page/figures/{name}.csv", include_in_schema=False)
@needs(Role.READER)
def table(request: Request, name: str, asked: Days) -> Response:
    """One of its tables as a file."""
    with history_if_any(site_of(request).settings.state_dir) as store:
        tables: dict[str, Table] = _how_it_goes(request, store, asked, _now(request))["tables"]
    if name not in tables:
        raise Problem(404, "not_found", "there is no such table (yet)")
    return tables[name].csv()


def _now(request: Request) -> datetime:
    return datetime.now(zone_of(site_of(request).settings))


def _at_this_moment(request: Request, store: Store | None, now: datetime) -> dict[str, Any]:
    """What the part needs that changes by the minute."""
    site = site_of(request)
    seen = look(site.settings.state_dir)
    return {
        "seen": seen, "now": now, "at_time": _at_time,
        "glance": glance(store) if store else None, "say": Wording(site.texts(request)),
        "enough_new": site.settings.learning.new_examples,
    }  # fmt: skip


def _how_it_goes(
    request: Request, store: Store | None, asked: Asked, now: datetime
) -> dict[str, Any]:
    """The figures, and their tables; none while there is no history."""
    if store is None:
        none = dict.fromkeys(("board", "figures", "measured", "calls", "developing"))
        return {**none, "tables": {}}
    site, t = site_of(request), site_of(request).texts(request)
    board = site.boards.of(store, site.settings, asked.period(now.date()), now)
    figures = Figures(board, t, zone_of(site.settings))
    measured = Measured(board, t)
    developing = Developing(board.trends, t) if board.trends else None
    more = developing.tables() if developing else {}
    calls = CallFigures(site.last_day.at(now.timestamp()), t, zone_of(site.settings))
    return {
        "board": board, "figures": figures, "measured": measured, "calls": calls,
        "developing": developing,
        "tables": figures.tables() | measured.tables() | calls.tables() | more,
    }  # fmt: skip


def _at_time(text: str) -> datetime:
    return datetime.fromisoformat(text)

"""Pick lists by place, to be printed: all of a run, or only what changed since the last time.

Who prints is noted with what stood on it. Without a script, the browser's own Print does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import structlog
from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.access import needs
from web.credentials import CallerOf
from web.database import Print
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.history import zone_of
from web.reading.photos import history, history_if_any
from web.reading.picking import Gone, Lists, PickList, lists_of, runs_with_lists
from web.roles import Role
from web.routes import Id, router
from web.site import Site, site_of

log = structlog.get_logger()
pages = router()

_HERE = "/page/pick-lists"


@pages.get(_HERE, include_in_schema=False)
@needs(Role.READER)
def show(request: Request, run: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The lists of a run in figures, the newest where none is named."""
    site = site_of(request)
    values = {"run": "", "runs": [], "lists": None, **_values(site, run)}
    return site.page(request, "picks.html", **values, **_words(request, site))


@pages.get(f"{_HERE}/{{run}}", include_in_schema=False)
@needs(Role.READER)
def sheet(
    request: Request, run: str, printed: Annotated[int | None, Query(ge=1, lt=2**63)] = None
) -> Response:
    """The lists themselves. printed: as somebody had them printed; None: as all lies now."""
    site = site_of(request)
    found, mark = _lists(site, run), None
    lists, gone = found.all(), list[Gone]()
    if printed is not None:
        mark = site.store.prints.get(run, printed)
        if mark is None:
            raise Problem(404, "not_found", "this was not printed, or too long ago")
        lists, gone = _of_print(site, found, mark)
    return site.page(
        request, "pick_sheet.html", run=run, lists=lists, gone=gone, mark=mark,
        waiting=found.waiting if mark is None or mark.since is None else [],
        began=datetime.fromisoformat(_summary(site, run)["started"]), **_words(request, site),
    )  # fmt: skip


@pages.post(f"{_HERE}/{{run}}", include_in_schema=False)
@needs(Role.CLERK)
def print_out(
    request: Request, run: str, caller: CallerOf, what: Annotated[Literal["all", "changed"], Form()]
) -> Response:
    """Note that it is printed, and show it; a script then opens the browser's Print."""
    site = site_of(request)
    lying, last = _lists(site, run).lying, site.store.prints.newest(run)
    since = last.id if last is not None and what == "changed" else None
    number = site.store.prints.note(run, caller.name, since, lying)
    log.info("picks_printed", run=run, by=caller.name, what=what, photos=len(lying))
    return RedirectResponse(site.at(f"{_HERE}/{run}?printed={number}#print"), 303)


@pages.post(f"{_HERE}/{{run}}/{{id}}/drop", include_in_schema=False)
@needs(Role.CLERK)
def drop(request: Request, run: str, id: Id, caller: CallerOf) -> Response:  # noqa: A002 - as the address
    """It did not come out: what changed is counted from the printing before again."""
    site = site_of(request)
    if not site.store.prints.drop_newest(run, id):
        raise Problem(409, "not_newest", "it was printed again since, or is dropped already")
    log.info("picks_not_printed", run=run, by=caller.name)
    return RedirectResponse(site.at(f"{_HERE}?run={run}"), 303)


def _values(site: Site, run: str) -> dict[str, Any]:
    """What there is to show of a run. Raises Problem 404, 503."""
    with history_if_any(site.settings.state_dir) as store:
        if store is None:
            return {}
        runs = runs_with_lists(store)
        named = run or next(iter(runs), "")
        found = lists_of(store, site.settings, named) if named else None
    if run and found is None:
        raise _no_such_run()
    if found is None:
        return {}
    last = site.store.prints.newest(named)
    before: Mapping[int, str] = {} if last is None else last.lying
    return {
        "run": named, "runs": runs if named in runs else [named, *runs], "lists": found.all(),
        "last": last, "waiting": found.waiting,
        "changed": _counted(found.changed(before, found.lying)) if last else {},
        "gone": len(found.gone(before, found.lying)),
    }  # fmt: skip


def _counted(lists: Sequence[PickList]) -> dict[str, int]:
    return {one.category: len(one.items) for one in lists}


def _of_print(site: Site, found: Lists, mark: Print) -> tuple[list[PickList], list[Gone]]:
    """What stood on it."""
    if mark.since is None:
        return found.all(mark.lying), []
    since = site.store.prints.get(mark.run, mark.since)
    before = {} if since is None else since.lying
    return found.changed(before, mark.lying), found.gone(before, mark.lying)


def _lists(site: Site, run: str) -> Lists:
    """Raises Problem 404, 503."""
    with history(site.settings.state_dir) as store:
        found = lists_of(store, site.settings, run)
    if found is None:
        raise _no_such_run()
    return found


def _summary(site: Site, run: str) -> Mapping[str, Any]:
    with history(site.settings.state_dir) as store:
        summary = store.runs.summary(run)
    if summary is None:
        raise _no_such_run()
    return dict(summary)


def _no_such_run() -> Problem:
    return Problem(404, "not_found", "there is no such run, or it goes on still")


def _words(request: Request, site: Site) -> dict[str, Any]:
    zone, say = zone_of(site.settings), Wording(site.texts(request))
    return {"say": say, "when": lambda at: say.moment(datetime.fromtimestamp(at, zone))}

"""Learning: examples, lessons with their comparison, versions. Works without JavaScript.

Leads have lessons held, and categories taken out or put together; admins say which version judges.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.access import needs
from web.credentials import CallerOf
from web.learning_view import Lookup, label_rows, result_of, version_rows
from web.pages.wording import Wording
from web.problems import Problem
from web.reading import learning
from web.reading.categories import judged_into
from web.reading.history import zone_of
from web.reading.learning import Merge, Wanted
from web.reading.photos import Store, history
from web.reading.state import look
from web.roles import Role
from web.routes import Id, router
from web.site import Site, site_of

pages = router()

_HERE = "/page/learning"
# After these it is shown again, with the reason.
_SHOWN_AGAIN = frozenset({404, 409, 422, 503})
Name = Annotated[str, Form(max_length=200)]


@pages.get("/page/learning", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, said: Annotated[str, Query(pattern="^[a-z_]{0,40}$")] = "") -> Response:
    """All of it. said: what was done a moment ago."""
    return _page(request, said=said)


@pages.get("/page/learning/now", include_in_schema=False)
@needs(Role.READER)
def now(request: Request) -> Response:
    """The lesson that is not over alone, for the script; 204 when there is none."""
    site = site_of(request)
    with history(site.settings.state_dir) as store:
        under_way = store.lessons.under_way()
    if under_way is None:
        return Response(status_code=204)
    return site.page(request, "lesson_now.html", under_way=under_way)


@pages.get("/page/learning/{id}", include_in_schema=False)
@needs(Role.READER)
def show_one(request: Request, id: Id) -> Response:  # noqa: A002 - as the address calls it
    """What came of one lesson."""
    site = site_of(request)
    found = learning.lesson(site.settings.state_dir, id)
    with history(site.settings.state_dir) as store:
        result = result_of(found, _lookup(store)) if found.result else None
    return site.page(
        request, "lesson.html", lesson=found, result=result, **_words(request, site)
    )  # fmt: skip


@pages.post("/page/learning", include_in_schema=False)
@needs(Role.LEAD)
def ask(
    request: Request, caller: CallerOf, without: Name = "", merge: Name = "", into: Name = ""
) -> Response:
    """Have a lesson held, also one that takes a category out, or puts two together."""
    if bool(merge) != bool(into) or (merge and merge == into):
        raise Problem(400, "malformed", "merge and into are two categories, or neither is given")
    merged = (Merge(merge, into),) if merge else ()
    wanted = Wanted(without=(without,) if without else (), merged=merged)
    return _done(
        request, "asked", lambda site: learning.ask_for_lesson(site.settings, wanted, caller)
    )


@pages.post("/page/learning/{id}/cancel", include_in_schema=False)
@needs(Role.LEAD)
def cancel(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    caller: CallerOf,
) -> Response:
    """Let go of a lesson."""
    return _done(request, "cancelled", lambda site: learning.cancel(site.settings, id, caller))


@pages.post("/page/learning/adopt", include_in_schema=False)
@needs(Role.ADMIN)
def adopt(
    request: Request, caller: CallerOf, version: Annotated[str, Form(min_length=1, max_length=100)]
) -> Response:
    """Judge with a version."""
    return _done(request, "adopted", lambda site: learning.adopt(site.settings, version, caller))


@pages.post("/page/learning/back", include_in_schema=False)
@needs(Role.ADMIN)
def back(request: Request, caller: CallerOf) -> Response:
    """Judge with the version before."""
    return _done(request, "back", lambda site: learning.back(site.settings, caller))


def _done(request: Request, said: str, act: Callable[[Site], object]) -> Response:
    """Do it, and show the page; where it was not done, with the reason."""
    site = site_of(request)
    try:
        act(site)
    except Problem as problem:
        if problem.status_code not in _SHOWN_AGAIN:
            raise
        return _page(request, problem=problem)
    return RedirectResponse(f"{site.at(_HERE)}?{urlencode({'said': said})}", 303)


def _page(request: Request, *, said: str = "", problem: Problem | None = None) -> Response:
    site = site_of(request)
    values: dict[str, Any] = {"stand": None, "result": None, "labels": [], "versions": []}
    try:
        values |= _values(site)
    except Problem as missing:
        problem = problem or missing
    is_new = problem is not None and problem.code == "no_history"  # nothing is wrong with that
    status = problem.status_code if problem and not is_new else 200
    page = site.page(
        request, "learning.html", status, said=said, problem=problem,
        fewest=site.settings.learning.examples_per_label,
        learning=look(site.settings.state_dir).learning, **values, **_words(request, site),
    )  # fmt: skip
    if problem and not is_new:
        page.headers.update(problem.headers or {})
    return page


def _values(site: Site) -> dict[str, Any]:
    """What there is to show. Raises Problem 503."""
    settings = site.settings
    known, given_up = judged_into(settings)
    with history(settings.state_dir) as store:
        stand = learning.stand(settings, store)
        result = result_of(stand.shown, _lookup(store)) if stand.shown else None
    found = learning.versions(settings)
    return {
        "stand": stand,
        "new": sum(stand.new.values()),
        "known": sorted(known, key=str.casefold),
        "result": result,
        "labels": label_rows(
            stand.stock.labels,
            stand.new,
            known,
            found["versions"][-1].get("categories", ()),
            given_up,
            settings.learning.examples_per_label,
        ),
        "before": learning.before(settings),
        "versions": version_rows(found, stand.verdicts, stand.lessons),
    }


def _lookup(store: Store) -> Lookup:
    def look_up(number: int) -> tuple[str, str] | None:
        story = store.history.of_number(number)
        return None if story is None else (story.category_now, story.category)

    return look_up


def _words(request: Request, site: Site) -> dict[str, Any]:
    zone = zone_of(site.settings)
    t = site.texts(request)
    say = Wording(t)
    return {
        "say": say,
        "why": partial(learning.why_in, t.language),
        "when": lambda at: say.moment(at.astimezone(zone)),
        "at_time": datetime.fromisoformat,
        "SHIPPED": learning.SHIPPED,
    }

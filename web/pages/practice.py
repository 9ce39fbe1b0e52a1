"""Practice: five tasks for a new clerk, on a share that `nightsort practice` made."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.access import needs
from web.problems import Problem
from web.reading.practice import Plan, Task, is_answer, tasks
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

pages = router()

_LONGEST = 60
_ANSWER = "practice_answer"


@pages.get("/page/practice", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, wrong: bool = False) -> Response:
    """The tasks, each with its hint, and which are done."""
    site = site_of(request)
    plan, found = _asked(site)
    return site.page(request, "practice.html", tasks=found, plan=plan, is_wrong=wrong)


@pages.get("/page/practice/bar", include_in_schema=False)
@needs(Role.READER)
def bar(request: Request) -> Response:
    """How far it is: a part of every page, which asks for it again and again."""
    site = site_of(request)
    _, found = _asked(site)
    left = [task for task in found if not task.is_done]
    text = site.templates.get_template("practice_bar.html").render(
        t=site.texts(request), at=site.at, done=len(found) - len(left), all=len(found), left=left
    )
    return HTMLResponse(text)


@pages.post("/page/practice/answer", include_in_schema=False)
@needs(Role.READER)
def answer(request: Request, number: Annotated[str, Form()] = "") -> Response:
    """Take the number of the return whose photo could not be read."""
    site = site_of(request)
    plan, _ = _asked(site)
    given = number.strip()[:_LONGEST]
    if not is_answer(plan, given):
        return RedirectResponse(site.at("/page/practice?wrong=1#broken"), 303)
    site.store.connection.remember(_ANSWER, given)
    return RedirectResponse(site.at("/page/practice"), 303)


def _asked(site: Site) -> tuple[Plan, list[Task]]:
    """Raises Problem 404 where this is no practice."""
    plan = site.practice
    if plan is None:
        raise Problem(404, "not_found", "this is no practice; see: nightsort practice")
    given = site.store.connection.remembered(_ANSWER)
    return plan, tasks(plan, site.settings.state_dir, given)

"""How what a route raises is answered: JSON to programs, a page to people."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from config.errors import ModelError, TransientError
from web.paths import is_page, path_in
from web.problems import Problem, busy, failed, from_framework
from web.site import site_of

_SECONDS_WITHOUT_MODEL = 30


def register(app: FastAPI, routes: Sequence[Route]) -> None:
    """Answer everything that routes raise. routes: all that there are."""
    app.state.routes = routes
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(TransientError, _unavailable)
    app.add_exception_handler(ModelError, _without_model)
    app.add_exception_handler(Exception, _failed)


def answer(request: Request, problem: Problem) -> Response:
    """The problem in the form that the caller reads."""
    if not is_page(path_in(request.scope), request.method):
        return problem.response()
    site = site_of(request)
    page = site.page(request, "problem.html", problem.status_code, problem=problem)
    page.headers.update(problem.headers or {})
    return page


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return answer(request, error)
    problem = from_framework(error)
    if problem.status_code == 404 and (page := _meant(request)):
        return RedirectResponse(site_of(request).at(page), 307)
    if problem.status_code == 405 and (methods := _methods(request)):
        problem.headers = {"Allow": ", ".join(methods)}
    return answer(request, problem)


def _meant(request: Request) -> str:
    """The page that is meant, where people type a slash behind it; programs are told 404."""
    path, query = path_in(request.scope), request.url.query
    page = path.removesuffix("/")
    is_meant = page != path and request.method == "GET" and is_page(page)
    return f"{page}?{query}" if is_meant and query else page if is_meant else ""


def _methods(request: Request) -> list[str]:
    """What this address takes, of whichever of its routes; HEAD where GET is."""
    path, routes = path_in(request.scope), request.app.state.routes
    found = [route.methods or set() for route in routes if route.path_regex.match(path)]
    methods = set[str]().union(*found)
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


async def _malformed(request: Request, error: Exception) -> Response:
    """What does not fit the description: where it does not, and why."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        at = f"{first['ctx']['error']} at character {first['loc'][1]}"
        return answer(request, Problem(400, "malformed", f"the body is no JSON: {at}"))
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    why = first["msg"].removeprefix("Value error, ")  # put before what we say ourselves
    return answer(request, Problem(400, "malformed", f"{where}: {why}", field=where))


async def _unavailable(request: Request, error: Exception) -> Response:
    return answer(request, busy(str(error), code="unavailable"))


async def _without_model(request: Request, _error: Exception) -> Response:
    """What is wrong with it, and where it lies, is for the log."""
    detail = "there is no model that can be trusted now; the log of the page says why"
    return answer(request, busy(detail, _SECONDS_WITHOUT_MODEL, "no_model"))


async def _failed(request: Request, _error: Exception) -> Response:
    """A defect; what is raised goes on to `web.front`, which puts it into the log."""
    return answer(request, failed(request.state.request))

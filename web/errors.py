"""How what a route raises is answered: JSON to programs, a page to people."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from config.errors import ModelError, TransientError
from web.paths import is_page
from web.problems import Problem, busy, from_framework
from web.site import site_of

_SECONDS_WITHOUT_MODEL = 30


def register(app: FastAPI) -> None:
    """Answer everything that routes raise."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(TransientError, _unavailable)
    app.add_exception_handler(ModelError, _without_model)


def answer(request: Request, problem: Problem) -> Response:
    """The problem in the form that the caller reads."""
    path = request.scope["path"].removeprefix(request.scope["root_path"]) or "/"
    if not is_page(path, request.method):
        return problem.response()
    site = site_of(request)
    page = site.page(request, "problem.html", problem.status_code, problem=problem)
    page.headers.update(problem.headers or {})
    return page


async def _refused(request: Request, error: Exception) -> Response:
    return answer(request, error if isinstance(error, Problem) else from_framework(error))


async def _malformed(request: Request, error: Exception) -> Response:
    """What does not fit the description: where it does not, and why."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return answer(request, Problem(400, "malformed", f"{where}: {first['msg']}", field=where))


async def _unavailable(request: Request, error: Exception) -> Response:
    return answer(request, busy(str(error), code="unavailable"))


async def _without_model(request: Request, _error: Exception) -> Response:
    """What is wrong with it, and where it lies, is for the log."""
    detail = "there is no model that can be trusted now; the log of the page says why"
    return answer(request, busy(detail, _SECONDS_WITHOUT_MODEL, "no_model"))

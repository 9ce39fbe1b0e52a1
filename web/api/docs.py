"""The description of the API: OpenAPI 3.1 at /openapi.json, readable at /docs from own files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from web.access import access_of, open_to_all
from web.problems import CONTENT_TYPE, Problem, busy, described
from web.reading.system import our_version
from web.routes import Route, router
from web.site import site_of

pages = router()

_ABOUT = """Verdicts and facts for programs. Keys go in the header `X-API-Key`
(`nightsort web key add NAME` makes one). Every error is `application/problem+json` with a stable
`code`; what is left of an allowance stands in the `RateLimit` headers."""

_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `code` is stable.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}
_KEYS: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}]
# What every call may be answered with; by status, or `default` for others that it may be.
_ANYWHERE = (
    Problem(400, "unknown_host", "nothing here is called 'box'; add the name to [web] hosts"),
    Problem(403, "not_through_proxy", "this is reached through its proxy only"),
    busy("too many requests at this moment; try again in a moment"),
    busy("state_dir/web: no space left; free some on that disk", code="unavailable"),
)
_WITH_ROLE = (
    Problem(401, "no_credentials", "this needs a key in the header X-API-Key"),
    Problem(401, "unknown_key", "this key is unknown or revoked; ask for a new one"),
    Problem(403, "role_too_weak", "this needs the role clerk, and shop has reader"),
    Problem(429, "too_many", "60 calls a minute are used up; try again in 12 seconds"),
    Problem(429, "too_many_at_once", "10 calls of this key are under way; wait for one to end"),
)
_WITH_PARAMETERS = (Problem(400, "malformed", "limit: Input should be less than or equal to 500"),)
_WITH_CHANGE = (
    Problem(403, "foreign_origin", "a browser sends this for another page than ours"),
    Problem(403, "stale_form", "this does not come from a page of ours as it is now"),
)
_WITH_BODY = (
    Problem(408, "too_slow", "the rest of this request did not come in time"),
    Problem(413, "too_large", "more than 40 MB are not taken here", limit_bytes=40_000_000),
    Problem(415, "wrong_type", "the body must be application/json, not text/plain"),
)
_OF_ONE_THING = (Problem(404, "not_found", "there is nothing of that number or name"),)
_OTHERS = (
    Problem(405, "method_not_allowed", "this address takes other methods; Allow names them"),
    Problem(431, "headers_too_large", "headers may have 64 kB together"),
    Problem(500, "failed", "it failed, which is a defect; the log has more under request 9f2c"),
)


@pages.get("/docs", include_in_schema=False)
@open_to_all()
def show(request: Request) -> Response:
    """Swagger UI, from the package's own files."""
    return site_of(request).page(request, "docs.html")


def describe(app: FastAPI, routes: Sequence[Route]) -> dict[str, Any]:
    """The description; made once. routes: all that there are."""
    if app.openapi_schema is None:
        open_to_anybody = {
            (method, route.path)
            for route in routes
            if access_of(route.endpoint).role is None
            for method in route.methods or ()
        }
        schema = get_openapi(
            title="nightsort", version=our_version(), description=_ABOUT, routes=app.routes
        )
        parts = schema.setdefault("components", {})
        for made_by_fastapi in ("HTTPValidationError", "ValidationError"):
            parts.get("schemas", {}).pop(made_by_fastapi, None)
        parts.setdefault("schemas", {})["Problem"] = _PROBLEM
        parts["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        schema["security"] = _KEYS
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                is_open = (method.upper(), path) in open_to_anybody
                _complete(path, method, operation, is_open=is_open)
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(path: str, method: str, operation: dict[str, Any], *, is_open: bool) -> None:
    """Say how errors are answered; FastAPI's own word on that does not hold here."""
    responses = operation["responses"]
    operation |= {"security": [{}, *_KEYS]} if is_open else {}
    responses.pop("422", None) if "HTTPValidationError" in str(responses.get("422")) else None
    problems = [*_ANYWHERE]
    problems += () if is_open else _WITH_ROLE
    problems += _WITH_PARAMETERS if {"parameters", "requestBody"} & operation.keys() else ()
    problems += _OF_ONE_THING if "{" in path else ()
    problems += _WITH_CHANGE if method != "get" else ()
    problems += _WITH_BODY if "requestBody" in operation else ()
    for problem in problems:
        status = str(problem.status_code)
        responses[status] = _with(responses.get(status, {}), described(problem))
    responses["default"] = described(*_OTHERS)


def _with(answer: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The description of an answer, with the problems of another that it does not name itself."""
    content, theirs = answer.get("content", {}), more["content"][CONTENT_TYPE]
    examples = content.get(CONTENT_TYPE, {}).get("examples", {})
    problem = {**theirs, "examples": {**examples, **theirs["examples"], **examples}}
    return {**more, **answer, "content": {**content, CONTENT_TYPE: problem}}

"""The description of the API: OpenAPI 3.1 at /openapi.json, readable at /docs from own files."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response

from web.access import open_to_all
from web.problems import Problem, busy, described
from web.reading.system import our_version
from web.routes import router
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
_EXAMPLES = {
    str(one.status_code): one
    for one in (
        Problem(400, "malformed", "limit: Input should be less than or equal to 500"),
        Problem(401, "no_credentials", "this needs a key in the header X-API-Key"),
        Problem(403, "role_too_weak", "this needs the role clerk, and shop has reader"),
        Problem(404, "not_found", "there is nothing at this address"),
        Problem(413, "too_large", "more than 40 MB are not taken here", limit_bytes=40_000_000),
        Problem(415, "wrong_type", "the body must be application/json, not text/plain"),
        Problem(429, "too_many", "60 calls a minute are used up; try again in 12 seconds"),
        busy("too many requests at this moment; try again in a moment"),
        Problem(500, "failed", "it failed, which is a defect"),
    )
}
_ALWAYS, _WITH_ROLE, _WITH_BODY = ("400", "503"), ("401", "403", "429"), ("413", "415")


@pages.get("/docs", include_in_schema=False)
@open_to_all()
def show(request: Request) -> Response:
    """Swagger UI, from the package's own files."""
    return site_of(request).page(request, "docs.html")


def describe(app: FastAPI) -> dict[str, Any]:
    """The description; made once."""
    if app.openapi_schema is None:
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
        schema["security"] = [{"key": []}, {"bearer": []}]
        for path in schema["paths"].values():
            for operation in path.values():
                _complete(operation)
        app.openapi_schema = schema
    return app.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    """Say how errors are answered; FastAPI's own word on that does not hold here."""
    responses = operation["responses"]
    responses.pop("422", None) if "HTTPValidationError" in str(responses.get("422")) else None
    statuses = (*_ALWAYS, *_WITH_ROLE, *(_WITH_BODY if "requestBody" in operation else ()))
    if "{" in str(operation.get("parameters", "")):
        statuses = (*statuses, "404")
    for status in statuses:
        responses.setdefault(status, described(_EXAMPLES[status]))
    responses.setdefault("default", described(_EXAMPLES["500"]))

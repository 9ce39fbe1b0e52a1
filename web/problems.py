"""Errors that callers read: RFC 9457 for programs, a page for people.

    {"type": "about:blank", "title": "Too many requests", "status": 429,
     "code": "too_many", "detail": "100 predictions an hour are used up; …"}

`code` is stable and is what programs decide by; `detail` is a sentence for whoever reads the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from fastapi.exceptions import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

# After these, whoever decided sees the photo again, with the reason why it was not done.
SHOWN_AGAIN = frozenset({409, 422, 503})
CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5


class Problem(HTTPException):
    """What a request is answered with instead of what it asked for."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        """`more`: members beside the usual ones, such as who decided meanwhile."""
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.more = more

    def document(self) -> dict[str, Any]:
        """What programs get."""
        return {
            "type": "about:blank",
            "title": _title(self.status_code),
            "status": self.status_code,
            "code": self.code,
            "detail": self.detail,
            **self.more,
        }

    def response(self) -> JSONResponse:
        """The answer for programs."""
        return JSONResponse(
            self.document(), self.status_code, headers=self.headers, media_type=CONTENT_TYPE
        )

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with it, before there is any application."""
        await self.response()(scope, receive, send)


def described(*problems: Problem) -> dict[str, Any]:
    """The description of an answer that is one of these, all of one status, for `responses=`."""
    examples = {one.code: {"value": one.document()} for one in problems}
    schema = {"$ref": "#/components/schemas/Problem"}
    detail = str(problems[0].detail)
    found: dict[str, Any] = {
        "description": detail[:1].upper() + detail[1:],
        "content": {CONTENT_TYPE: {"schema": schema, "examples": examples}},
    }
    if problems[0].status_code in (429, 503):
        seconds = {"type": "integer", "minimum": 1}
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": seconds}}
    return found


def busy(detail: str, seconds: int = RETRY_SECONDS, code: str = "busy") -> Problem:
    """503: not now."""
    return Problem(503, code, detail, {"Retry-After": str(seconds)})


@contextmanager
def a_place(
    places: BoundedSemaphore, otherwise: Problem, patience_seconds: float = 0.0
) -> Iterator[None]:
    """Hold one of these places until the end of the `with` block.

    otherwise: raised where none becomes free in time.
    """
    if not places.acquire(timeout=patience_seconds):
        raise otherwise
    try:
        yield
    finally:
        places.release()


def too_many(
    detail: str, seconds: float, code: str = "too_many", headers: Mapping[str, str] | None = None
) -> Problem:
    """429: this caller has had its share. headers: what is left of it."""
    later = {"Retry-After": str(max(1, round(seconds + 0.5)))}
    return Problem(429, code, detail, later | dict(headers or {}))


def failed(request: str) -> Problem:
    """500: a defect of ours, of which the log has more under that number."""
    return Problem(
        500,
        "failed",
        f"it failed, which is a defect; the log has more under request {request}",
        request=request,
    )


# What the framework itself refuses, by status.
CODES = {
    400: "malformed",
    401: "no_credentials",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_type",
}
OTHER = "error"


def from_framework(error: Exception) -> Problem:
    """A Problem for what Starlette or FastAPI raised."""
    status = getattr(error, "status_code", 500)
    headers = getattr(error, "headers", None)
    detail = _DETAILS.get(status, str(getattr(error, "detail", "")) or _title(status))
    return Problem(status, CODES.get(status, OTHER), detail, headers)


_DETAILS = {
    404: "there is nothing at this address",
    405: "this address takes other methods; the header Allow names them",
}


def _title(status: int) -> str:
    return HTTPStatus(status).phrase.capitalize()

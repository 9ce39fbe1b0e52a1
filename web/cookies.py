"""The cookies of the page: HttpOnly, SameSite=Lax, and over https Secure and bound to this host.

Lax, not Strict: a link in a mail must open signed in. Names with `__Host-` cannot be set by a
neighbour under the same domain, nor by somebody on the line. Source: RFC 6265bis.
"""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

Purpose = Literal["session", "form", "device"]
DEVICE_SECONDS = 180 * 86_400


def name(request: Request, purpose: Purpose) -> str:
    """What the cookie of this purpose is called."""
    if request.scope["scheme"] != "https":
        return f"nightsort-{purpose}"
    bound = "__Secure-" if request.scope["root_path"] else "__Host-"
    return f"{bound}nightsort-{purpose}"


def read(request: Request, purpose: Purpose) -> str:
    """The cookie of this purpose; empty when there is none."""
    return request.cookies.get(name(request, purpose), "")


def write(
    request: Request, response: Response, purpose: Purpose, value: str, seconds: int | None = None
) -> None:
    """Set it; seconds: how long the browser keeps it, by default until it is closed."""
    response.set_cookie(
        name(request, purpose),
        value,
        max_age=seconds,
        path=request.scope["root_path"] or "/",
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="lax",
    )


def remove(request: Request, response: Response, purpose: Purpose) -> None:
    """Take it away."""
    write(request, response, purpose, "", 0)

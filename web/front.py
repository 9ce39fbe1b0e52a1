"""What every request passes before the application, and every answer after it.

Who asks (behind proxies), for whom it is meant (Host), whether there is room; the headers that tell
browsers to trust nothing else; one line in the log for each request. Whatever the application
raises ends here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.addresses import is_loopback
from web.bodies import Body
from web.database import Call
from web.paths import is_page
from web.problems import Problem, busy, failed
from web.roles import Caller
from web.site import Site

log = structlog.get_logger()

# Requests at the same time; what comes beyond is better told so than kept waiting.
MOST_AT_ONCE = 64
# Nobody is there to be answered; nginx has that word for it.
CALLER_GONE = 499
# A rest of a body up to this is read to its end for the connection's sake.
_SMALL_BYTES = 64 * 1024
# Asked for all the time, and of no interest afterwards.
_QUIET = ("/health/live", "/page/static/", "/page/now", "/page/station", "/page/events")
# Lasts as long as somebody looks at a page: `web.live` says how many there may be.
_LASTING = "/page/events"

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # no-referrer would make browsers send the origin "null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


def _raw(headers: Mapping[str, str]) -> Sequence[tuple[bytes, bytes]]:
    """As they go over the wire."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_ALWAYS = _raw(SECURITY_HEADERS)


@dataclass(slots=True)
class Exchange:
    """One request, and how it is answered."""

    scope: Scope
    headers: Headers
    method: str
    id: str
    began: float
    status: int = 0
    path: str = "/"  # below the place where the page begins

    @property
    def template(self) -> str:
        """The path as its route is written, so that no id or secret in it is noted."""
        return str(getattr(self.scope.get("route"), "path", "")) or "unmatched"

    @property
    def caller(self) -> Caller | None:
        """Who asked, as far as the route found out."""
        caller: Caller | None = self.scope["state"].get("caller")
        return caller

    @property
    def allowance(self) -> Mapping[str, str]:
        """What is left to the caller, where a limit counted this call."""
        allowance: Mapping[str, str] = self.scope["state"].get("allowance", {})
        return allowance

    @property
    def body(self) -> Body | None:
        """What comes with it, as far as the route looked."""
        body: Body | None = self.scope.get("nightsort.body")
        return body

    @property
    def outcome(self) -> int:
        """The status; another word where the caller had gone before all of the body was there."""
        return CALLER_GONE if self.body is not None and self.body.is_cut_off else self.status

    @property
    def has_unread_body(self) -> bool:
        """Whether more of a body is to come than is worth reading."""
        if self.body is not None and self.body.is_read:
            return False
        length = self.headers.get("content-length", "")
        return "transfer-encoding" in self.headers or (
            length.isdecimal() and int(length) > _SMALL_BYTES
        )


class Front:
    """The outermost part of the application."""

    def __init__(self, app: ASGIApp, site: Site, *, only_proxies: bool) -> None:
        self._app = app
        self._site = site
        self._only_proxies = only_proxies
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Source: the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _begun(scope)
        structlog.contextvars.bind_contextvars(request=exchange.id)
        refused = self._prepare(exchange)
        place = 0 if exchange.path == _LASTING else 1
        self._running += place
        try:
            await self._answer(exchange, refused, receive, self._dressed(exchange, send))
        finally:
            self._running -= place
            self._note(exchange)
            structlog.contextvars.unbind_contextvars("request")

    def _prepare(self, exchange: Exchange) -> Problem | None:
        """Note who asks and for what; the answer where that is all there is to say."""
        scope, headers = exchange.scope, exchange.headers
        connected = (scope.get("client") or ("", 0))[0]
        peer = self._site.addresses.peer(connected, scope["scheme"], headers)
        scope["client"], scope["scheme"] = (peer.address, 0), peer.scheme
        self._place(exchange)
        reached_at = (scope.get("server") or (None,))[0]
        if not self._site.addresses.is_ours(headers.get("host", ""), reached_at):
            return Problem(
                400,
                "unknown_host",
                f"nothing here is called {headers.get('host', '')[:200]!r}; where it should be, "
                "add the name to [web] hosts",
            )
        if self._only_proxies and not peer.came_through_proxy and not is_loopback(peer.address):
            return Problem(403, "not_through_proxy", "this is reached through its proxy only")
        if self._running >= MOST_AT_ONCE and exchange.path != "/health/live":
            return busy("too many requests at this moment; try again in a moment", 2)
        return None

    def _place(self, exchange: Exchange) -> None:
        """Below a path of its own, whether or not the proxy took that away."""
        scope, prefix = exchange.scope, self._site.settings.web.path
        scope["root_path"] = prefix
        path: str = scope["path"]
        if prefix and path != prefix and not path.startswith(f"{prefix}/"):
            scope["path"] = prefix + path
        # Kept here, as what is mounted below changes both for what is below it.
        exchange.path = scope["path"].removeprefix(prefix) or "/"

    async def _answer(
        self, exchange: Exchange, refused: Problem | None, receive: Receive, send: Send
    ) -> None:
        try:
            if refused is not None:
                await refused.send(exchange.scope, receive, send)
            else:
                await self._app(exchange.scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Exception:  # whatever it is, the next request is answered
            log.exception("request_failed", method=exchange.method, path=exchange.template)
            if not exchange.status:
                await failed(exchange.id).send(exchange.scope, receive, send)

    def _dressed(self, exchange: Exchange, send: Send) -> Send:
        """Sends with the headers that every answer has."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                given = message["headers"]
                names = {name for name, _ in given}
                ours = [one for one in _headers(exchange) if one[0] not in names]
                message = {**message, "headers": [*given, *ours]}
            await send(message)

        return dressed

    def _note(self, exchange: Exchange) -> None:
        milliseconds = round((time.perf_counter() - exchange.began) * 1000, 1)
        method, status, caller = exchange.method, exchange.outcome, exchange.caller
        size = 0 if exchange.body is None else exchange.body.read_bytes
        if not exchange.path.startswith(_QUIET):
            log.info(
                "request_served", method=method, path=exchange.template, status=status,
                milliseconds=milliseconds, bytes=size, address=exchange.scope["client"][0],
                caller=None if caller is None else caller.label,
            )  # fmt: skip
        if not is_page(exchange.path, method):
            key = caller.name if caller is not None and caller.kind == "key" else ""
            self._site.recorder.note(
                Call(time.time(), exchange.template, status, milliseconds, size, key)
            )


def _begun(scope: Scope) -> Exchange:
    """HEAD is answered as GET is: the server, which has its own scope, leaves the body out."""
    began, number, method = time.perf_counter(), f"{random.getrandbits(64):016x}", scope["method"]
    ours = {
        **scope,
        "method": "GET" if method == "HEAD" else method,
        "state": {**scope.get("state", {}), "request": number},
    }
    return Exchange(ours, Headers(scope=scope), method, number, began)


def _headers(exchange: Exchange) -> Sequence[tuple[bytes, bytes]]:
    """What every answer has that does not say otherwise."""
    more = {"X-Request-Id": exchange.id, **exchange.allowance}
    if exchange.has_unread_body:
        more["Connection"] = "close"  # or the server would swallow all the rest
    return [*_ALWAYS, *_raw(more)]

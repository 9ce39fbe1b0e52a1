"""A route of page or API: everything that must be settled before its function is called."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from inspect import iscoroutinefunction
from typing import Annotated, Any, get_type_hints
from urllib.parse import quote

from fastapi import APIRouter, params
from fastapi import Path as PathParameter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.errors import ModelError, TransientError
from web.access import Access, access_of
from web.bodies import Body
from web.credentials import CHALLENGE, identify, require_token
from web.paths import is_page, path_in
from web.problems import Problem
from web.roles import Caller, Role
from web.site import Site, site_of

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# What a function takes and gives that answers by itself.
_PLAIN = {"request": Request, "return": Response}

# A number of something in a path, as a database can hold it.
Id = Annotated[int, PathParameter(ge=1, lt=2**63)]


class Route(APIRoute):
    """Settles credentials, role, origin, limits and body, in this order, then calls."""

    def get_route_handler(self) -> Handler:
        """As FastAPI's, with what is settled before it."""
        access = access_of(self.endpoint)
        inner = self.endpoint if self._is_plain() else super().get_route_handler()
        body_kinds = self._body_kinds()

        async def handle(request: Request) -> Response:
            site = site_of(request)
            caller = request.state.caller = await _caller(request, site, access)
            role = _role_needed(request, site, caller, access)
            if caller is None and role is not None and _is_page(request):
                return _to_sign_in(request, site)
            _require_role(caller, role)
            is_by_key = caller is not None and caller.kind == "key"
            changes = request.method not in _SAFE
            if changes and not is_by_key:
                _require_our_origin(request, site)
            with ExitStack() as held:
                _count(request, site, access, held)
                _require_kind(request, body_kinds)
                whole = _bounded(request, site, access, held)
                if changes and not is_by_key:
                    await require_token(whole, site)
                response: Response = await inner(whole)
                return response

        return handle

    def _is_plain(self) -> bool:
        """Whether FastAPI has nothing to do: no arguments to find, no answer to make."""
        is_bare = iscoroutinefunction(self.endpoint) and not self.dependencies
        return is_bare and get_type_hints(self.endpoint) == _PLAIN

    def _body_kinds(self) -> tuple[str, ...] | None:
        """The kinds of body that it takes; None where it does not say."""
        if self.body_field is not None:
            is_form = isinstance(self.body_field.field_info, params.Form)
            return _FORMS if is_form else ("application/json",)
        described = (self.openapi_extra or {}).get("requestBody")
        return None if described is None else tuple(described["content"])


def router() -> APIRouter:
    """A router whose routes say what they ask of callers."""
    return APIRouter(route_class=Route)


async def _caller(request: Request, site: Site, access: Access) -> Caller | None:
    """Who asks; where anybody may, a key that is none of ours is none."""
    try:
        return await identify(request, site)
    except Problem:
        if access.role is not None:
            raise
        return None


def _is_page(request: Request) -> bool:
    return is_page(path_in(request.scope), request.method)


def _to_sign_in(request: Request, site: Site) -> Response:
    """The sign-in, which leads back here; after something that would change, to the first page."""
    here = "/"
    if request.method in _SAFE:
        here = path_in(request.scope) + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(site.at(f"/login?next={quote(here, safe='/')}"), 303)


def _role_needed(
    request: Request, site: Site, caller: Caller | None, access: Access
) -> Role | None:
    """None: whoever it is; so is a tablet at the photo table where that may be."""
    address: str = request.scope["client"][0]
    if caller is None and access.or_station and site.addresses.is_station(address):
        return None
    return access.role


def _require_role(caller: Caller | None, role: Role | None) -> None:
    if role is None:
        return
    if caller is None:
        raise Problem(
            401,
            "no_credentials",
            "this needs a key in the header X-API-Key (`nightsort web key add` makes one), or a "
            "sign-in",
            CHALLENGE,
        )
    if not caller.role.may(role):
        raise Problem(
            403,
            "role_too_weak",
            f"this needs the role {role}, and {caller.name} has {caller.role}",
            needed=role,
        )


def _require_our_origin(request: Request, site: Site) -> None:
    why = site.addresses.foreign(request.headers, request.scope["scheme"])
    if why is not None:
        raise Problem(403, "foreign_origin", why)


def _count(request: Request, site: Site, access: Access, held: ExitStack) -> None:
    """Count the call for its caller; whatever the answer is, it says what is left.

    People's reads are not counted: a page is many of them. Nor is what anybody may read.
    """
    caller: Caller | None = request.state.caller
    is_read = access.counts_as == "reads"
    if caller is None or (is_read and (caller.kind == "person" or access.role is None)):
        return
    held.enter_context(site.limits.place(caller.label, access.counts_as))
    request.state.allowance = site.limits.take(caller.label, access.counts_as)
    if not is_read:
        held.push(partial(_give_back, request, site, access))


def _give_back(
    request: Request, site: Site, access: Access, _: object, error: object, __: object
) -> None:
    """A prediction that could not be had just now (503) costs nothing of the hour's."""
    is_later = isinstance(error, Problem) and error.status_code == 503
    if is_later or isinstance(error, TransientError | ModelError):
        label = request.state.caller.label
        request.state.allowance = site.limits.give_back(label, access.counts_as)


def _require_kind(request: Request, kinds: tuple[str, ...] | None) -> None:
    if kinds is None or "content-type" not in request.headers:
        return
    kind = request.headers["content-type"].partition(";")[0].strip().lower()
    is_json = kind.endswith("+json") and "application/json" in kinds
    if kind not in kinds and not is_json:
        raise Problem(
            415,
            "wrong_type",
            f"the body must be {' or '.join(kinds)}, not {kind[:100] or 'nothing'}",
        )


def _bounded(request: Request, site: Site, access: Access, held: ExitStack) -> Request:
    """The same request, whose body keeps within its bounds."""
    most_bytes = access.bytes_within(site.settings)
    body = Body(request.receive, most_bytes, site.spool)
    body.check_length(request.headers.get("content-length"))
    held.callback(body.done)
    request.scope["nightsort.body"] = body
    return Request(request.scope, body.receive)

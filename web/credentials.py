"""Who asks: a key, or a session's cookie; and whether a form is one of ours."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import structlog
from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from config.errors import TransientError
from web import cookies
from web.database import Session
from web.problems import Problem
from web.roles import Caller
from web.site import Site
from web.tokens import same
from web.uploads import form_of

log = structlog.get_logger()

TOKEN_FIELD, TOKEN_HEADER = "token", "x-csrf-token"


async def identify(request: Request, site: Site) -> Caller | None:
    """Who asks; None: nobody we know. Raises Problem 401 for a key that is none of ours."""
    key = _key(request)
    if key is not None:
        found = site.store.keys.find(key)
        if found is None:
            log.warning("key_refused", address=request.scope["client"][0])
            raise Problem(
                401, "unknown_key", "this key is unknown or revoked; ask for a new one", CHALLENGE
            )
        return Caller("key", found.name, found.role)
    secret = cookies.read(request, "session")
    session = site.store.sessions.find(secret, site.settings.web.session_hours) if secret else None
    if session is None:
        return None
    if site.store.sessions.is_to_note(session):
        await run_in_threadpool(_note, site, session)
    return Caller("person", session.name, session.role, session.account, session.hash)


def _note(site: Site, session: Session) -> None:
    """That it is used; where the disk takes no more, people look on all the same."""
    with suppress(TransientError):
        site.store.sessions.note(session)


def is_still_known(request: Request, site: Site) -> bool:
    """Whether who asked, or the station that did, would still be let in; notes no use."""
    caller: Caller | None = request.state.caller
    if caller is None:
        return True  # by the address, which stays as long as the connection
    if caller.kind == "key":
        return site.store.keys.find(_key(request) or "") is not None
    secret = cookies.read(request, "session")
    return site.store.sessions.find(secret, site.settings.web.session_hours) is not None


# What a 401 must carry. Source: RFC 9110, 11.6.1.
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nightsort"'}


async def require_token(request: Request, site: Site) -> None:
    """Raise Problem 403 unless this request carries the token of a page of ours."""
    sent = request.headers.get(TOKEN_HEADER, "")
    if not sent and "form" in request.headers.get("content-type", ""):
        value = (await form_of(request)).get(TOKEN_FIELD, "")
        sent = value if isinstance(value, str) else ""
    if not same(sent, site.token(request)):
        raise Problem(
            403,
            "stale_form",
            "this does not come from a page of ours as it is now; load the page again (it needs "
            "cookies), then try once more",
        )


def _key(request: Request) -> str | None:
    given = request.headers.get("x-api-key")
    if given is not None:
        return given.strip()
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _the_caller(request: Request) -> Caller:
    caller = request.state.caller
    assert isinstance(caller, Caller), "only routes with needs(…) may ask for their caller"
    return caller


CallerOf = Annotated[Caller, Depends(_the_caller)]

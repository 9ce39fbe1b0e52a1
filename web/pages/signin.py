"""Signing in and out."""

from __future__ import annotations

import secrets
from typing import Annotated

import structlog
from fastapi import Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web import cookies, passwords, throttle
from web.access import needs, open_to_all
from web.credentials import CHALLENGE, CallerOf
from web.database import Account
from web.database.accounts import folded
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

log = structlog.get_logger()
pages = router()

_LONGEST_NAME = 100


@pages.get("/login", include_in_schema=False)
@open_to_all()
def show(request: Request, next: str = "/") -> Response:  # noqa: A002 - as the address calls it
    """The form; whoever is signed in goes on."""
    site = site_of(request)
    if request.state.caller is not None:
        return RedirectResponse(site.next_page(next), 303)
    return form(request, site, next)


@pages.post("/login", include_in_schema=False)
@open_to_all()
def sign_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - as the form calls it
) -> Response:
    """303 and a session; or 401 with the form again, 429 after too many attempts."""
    site = site_of(request)
    name = name.strip()[:_LONGEST_NAME]
    device = site.tokens.device(cookies.read(request, "device"), folded(name))
    subjects = throttle.subjects(folded(name), request.scope["client"][0], device)
    account = site.store.accounts.named(name)
    wait = site.store.failures.charge(subjects)
    if wait > 0:
        log.warning("sign_in_slowed", who=_who(account), seconds=round(wait), **_from(request))
        return form(request, site, next, name, wait=round(wait + 0.5))
    if not passwords.fits(password, account.password if account else None) or account is None:
        log.warning("sign_in_refused", who=_who(account), **_from(request))
        return form(request, site, next, name, is_wrong=True)
    if passwords.is_outdated(account.password):
        site.store.accounts.rehash(account.id, passwords.hashed(password))
    site.store.failures.clear(*subjects)
    log.info("signed_in", who=account.name, **_from(request))
    return signed_in(request, site, account.id, account.name, site.next_page(next))


@pages.post("/logout", include_in_schema=False)
@needs(Role.READER)
def sign_out(request: Request, caller: CallerOf) -> Response:
    """End the session, here and in the browser."""
    site = site_of(request)
    site.store.sessions.end(caller.session)
    log.info("signed_out", who=caller.name, **_from(request))
    response = RedirectResponse(site.at("/login"), 303)
    cookies.remove(request, response, "session")
    return response


@pages.get("/logout", include_in_schema=False)
@open_to_all()
def ask_to_sign_out(request: Request) -> Response:
    """A link must sign nobody out: it shows the button that does."""
    site = site_of(request)
    if request.state.caller is None:
        return RedirectResponse(site.at("/login"), 303)
    return site.page(request, "logout.html")


def signed_in(request: Request, site: Site, account: int, name: str, where: str) -> Response:
    """Begin a session for this person, and go to `where`."""
    response = RedirectResponse(where, 303)
    cookies.write(request, response, "session", site.store.sessions.begin(account))
    if site.tokens.device(cookies.read(request, "device"), folded(name)) is None:
        device = site.tokens.new_device(folded(name))
        cookies.write(request, response, "device", device, cookies.DEVICE_SECONDS)
    cookies.remove(request, response, "form")
    return response


def with_form_cookie(request: Request, respond: Response, made: str | None) -> Response:
    """The response, with the cookie that its form needs where the browser has none."""
    if made is not None:
        cookies.write(request, respond, "form", made)
    return respond


def new_form_cookie(request: Request) -> str | None:
    """What to set where the browser has none; the page is then made for it."""
    if request.state.caller is not None or cookies.read(request, "form"):
        return None
    made = request.state.form = secrets.token_urlsafe(16)
    return made


def form(
    request: Request,
    site: Site,
    next_path: str,
    name: str = "",
    *,
    is_wrong: bool = False,
    wait: int = 0,
) -> Response:
    """The form to sign in, with what was wrong about the last attempt."""
    made = new_form_cookie(request)
    status = 429 if wait else 401 if is_wrong else 200
    page = site.page(
        request, "login.html", status, name=name, next=next_path, is_wrong=is_wrong, wait=wait,
        is_anybody_there=site.store.accounts.is_anybody_there(),
    )  # fmt: skip
    if wait:
        page.headers["Retry-After"] = str(wait)
    if is_wrong:
        page.headers.update(CHALLENGE)
    return with_form_cookie(request, page, made)


def _who(account: Account | None) -> str:
    """Names that nobody has are not noted: people type passwords there."""
    return "nobody of that name" if account is None else account.name


def _from(request: Request) -> dict[str, str]:
    return {"address": request.scope["client"][0]}

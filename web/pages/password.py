"""A new password: one's own, or by a one-time link; the first account, by such a link, too."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from web import passwords, throttle
from web.access import needs, open_to_all
from web.credentials import CallerOf
from web.database import Account, Link
from web.pages.signin import new_form_cookie, signed_in, with_form_cookie
from web.problems import Problem, too_many
from web.roles import NAME, Role
from web.routes import router
from web.site import Site, site_of

log = structlog.get_logger()
pages = router()


@pages.get("/page/password", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, caller: CallerOf) -> Response:
    """The form for one's own password."""
    _require_person(caller.account)
    return site_of(request).page(request, "password.html", complaint=None)


@pages.post("/page/password", include_in_schema=False)
@needs(Role.READER)
def change(
    request: Request,
    caller: CallerOf,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Take it, end all other sessions of this person, and begin this one anew."""
    site = site_of(request)
    account = site.store.accounts.by_id(_require_person(caller.account))
    # Who found a browser signed in must not find out the password by trying.
    subject = f"account {caller.account}"
    wait = site.store.failures.charge({subject: throttle.PAIR.wait})
    if wait > 0:
        raise too_many("too many attempts with a wrong password", wait)
    if account is None or not passwords.fits(old, account.password):
        return site.page(request, "password.html", 422, complaint="old_is_wrong")
    site.store.failures.clear(subject)
    complaint = _complaint(new, again, account.name)
    if complaint:
        return site.page(request, "password.html", 422, complaint=complaint)
    site.store.accounts.set_password(account.id, passwords.hashed(new), by=account.name)
    log.info("password_changed", who=account.name, by=account.name)
    return signed_in(request, site, account.id, account.name, site.at("/"))


@pages.get("/page/link/{secret}", include_in_schema=False)
@open_to_all()
def open_link(request: Request, secret: str) -> Response:
    """The form that a one-time link leads to; looking does not use it up."""
    site = site_of(request)
    return _link_form(request, site, secret, _require_link(site.store.links.look(secret)))


@pages.post("/page/link/{secret}", include_in_schema=False)
@open_to_all()
def use_link(
    request: Request,
    secret: str,
    name: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Use it up: set the password, make the first account if that is what it is for, sign in."""
    site = site_of(request)
    link = _require_link(site.store.links.look(secret))
    account = _account_of(site, link)
    name = account.name if account else name.strip()
    complaint = _complaint(new, again, name) if NAME.fullmatch(name) else "name"
    if complaint:
        return _link_form(request, site, secret, link, name, complaint)
    kept = passwords.hashed(new)
    taken = _require_link(site.store.links.take(secret))  # of two at once, one
    if taken.account is None:
        number = site.store.accounts.add_first(name, kept)
        if number is None:
            raise _used_up()
        log.info("account_added", who=name, role=str(Role.ADMIN), by="the first link")
    else:
        number = taken.account
        site.store.accounts.set_password(number, kept, by=name)
        log.info("password_changed", who=name, by="a link")
    return signed_in(request, site, number, name, site.at("/"))


def _link_form(
    request: Request,
    site: Site,
    secret: str,
    link: Link,
    name: str = "",
    complaint: str | None = None,
) -> Response:
    made = new_form_cookie(request)
    account = _account_of(site, link)
    page = site.page(
        request, "link.html", 422 if complaint else 200, secret=secret, complaint=complaint,
        is_first=link.account is None, name=account.name if account else name,
    )  # fmt: skip
    return with_form_cookie(request, page, made)


def _account_of(site: Site, link: Link) -> Account | None:
    return None if link.account is None else site.store.accounts.by_id(link.account)


def _require_link(link: Link | None) -> Link:
    if link is None:
        raise _used_up()
    return link


def _used_up() -> Problem:
    return Problem(410, "link_over", "this link was used, or is too old; ask for a new one")


def _require_person(account: int) -> int:
    if not account:
        raise Problem(403, "people_only", "a key has no password; sign in")
    return account


def _complaint(new: str, again: str, name: str) -> str | None:
    return "not_the_same" if new != again else passwords.complaint(new, name)

"""Who may sign in; an admin makes a link for somebody who forgot the password."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.credentials import CallerOf
from web.database.links import RESET_SECONDS
from web.problems import Problem
from web.roles import Role
from web.routes import Id, router
from web.site import site_of

log = structlog.get_logger()
pages = router()


@pages.get("/page/people", include_in_schema=False)
@needs(Role.ADMIN)
def show(request: Request) -> Response:
    """Everybody, with role."""
    site = site_of(request)
    return site.page(
        request, "people.html", people=site.store.accounts.everybody(), link=None, made_for=None
    )


@pages.post("/page/people/{account}/link", include_in_schema=False)
@needs(Role.ADMIN)
def make_link(request: Request, account: Id, caller: CallerOf) -> Response:
    """A link for this person, shown once."""
    site = site_of(request)
    found = site.store.accounts.by_id(account)
    if found is None:
        raise Problem(404, "not_found", "there is no such person (any more)")
    secret = site.store.links.make_reset(account, by=caller.name)
    log.info("link_made", who=found.name, by=caller.name, hours=RESET_SECONDS / 3600)
    base = site.settings.web.public_url or str(request.base_url).rstrip("/")
    return site.page(
        request, "people.html", people=site.store.accounts.everybody(), made_for=found.name,
        link=f"{base}/page/link/{secret}",
    )  # fmt: skip

"""Saying that one knows of an alert, so that it is not told again day after day."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.access import needs
from web.credentials import CallerOf
from web.reading.asking import acknowledge
from web.roles import Role
from web.routes import Id, router
from web.site import site_of

pages = router()


@pages.post("/page/alerts/{id}/acknowledge", include_in_schema=False)
@needs(Role.CLERK)
def known(request: Request, id: Id, caller: CallerOf) -> Response:  # noqa: A002 - as the address
    """Note it, and show the alerts again."""
    site = site_of(request)
    acknowledge(site.settings.state_dir, id, caller)
    return RedirectResponse(site.at("/#alerts"), 303)

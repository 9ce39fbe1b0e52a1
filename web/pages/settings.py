"""The settings in use, to read: values, where they come from, what has changed since."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.credentials import CallerOf
from web.reading.inspection import renamed, settings_in_use
from web.roles import Role
from web.routes import router
from web.site import site_of
from web.templating import settings_texts

pages = router()


@pages.get("/page/settings", include_in_schema=False)
@needs(Role.ADMIN)
def show(request: Request, caller: CallerOf) -> Response:
    """Every key; of a secret only that it is set."""
    site = site_of(request)
    language = site.texts(request).language
    seen = settings_in_use(site.settings, caller)
    return site.page(
        request, "settings.html", seen=seen, about=settings_texts().get(language),
        renamed=renamed(seen.told, language),
    )  # fmt: skip

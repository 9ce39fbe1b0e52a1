"""What the doctor finds: the newest look at once, and another for whoever asks for it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.access import needs
from web.credentials import CallerOf
from web.pages.wording import Wording
from web.problems import Problem
from web.reading.history import zone_of
from web.reading.inspection import LONGEST_MINUTES, examination, examine
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

pages = router()

_HERE = "/page/doctor"


@pages.get(_HERE, include_in_schema=False)
@needs(Role.LEAD)
def show(request: Request) -> Response:
    """What was found."""
    site = site_of(request)
    return site.page(request, "doctor.html", problem=None, **_values(request, site))


@pages.get(f"{_HERE}/now", include_in_schema=False)
@needs(Role.LEAD)
def now(request: Request) -> Response:
    """The part that changes, for the script."""
    site = site_of(request)
    return site.page(request, "doctor_now.html", **_values(request, site))


@pages.post(_HERE, include_in_schema=False)
@needs(Role.LEAD)
def look_again(request: Request, caller: CallerOf) -> Response:
    """Have everything looked at; the page then shows how that stands."""
    site = site_of(request)
    try:
        examine(site.settings, caller)
    except Problem as problem:
        if problem.status_code != 503:
            raise
        return site.page(
            request, "doctor.html", 503, problem=problem, **_values(request, site)
        )  # fmt: skip
    return RedirectResponse(site.at(_HERE), 303)


def _values(request: Request, site: Site) -> dict[str, Any]:
    looked = examination(site.settings, site.texts(request).language)
    at = looked.at and looked.at.astimezone(zone_of(site.settings))
    return {
        "looked": looked, "at_time": at, "say": Wording(site.texts(request)),
        "minutes": LONGEST_MINUTES,
    }  # fmt: skip

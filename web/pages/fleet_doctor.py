"""What the doctor says of the mirror that the fleet's page reads, whenever it is shown."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.credentials import CallerOf
from web.pages.wording import Wording
from web.reading.history import zone_of
from web.reading.inspection import examination_of_fleet
from web.roles import Role
from web.routes import router
from web.site import site_of

pages = router()


@pages.get("/page/doctor", include_in_schema=False)
@needs(Role.LEAD)
def show(request: Request, caller: CallerOf) -> Response:
    """What is found just now."""
    site = site_of(request)
    texts = site.texts(request)
    now = datetime.now(zone_of(site.settings))
    looked = examination_of_fleet(site.settings, caller, now, texts.language)
    return site.page(
        request, "fleet_doctor.html", looked=looked, at_time=now, say=Wording(texts)
    )  # fmt: skip

"""The events that pages listen to, so as to know when to ask for their part again."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from web.access import needs
from web.credentials import is_still_known
from web.problems import busy
from web.reading.history import zone_of
from web.roles import Role
from web.routes import router
from web.site import site_of

pages = router()

_AGAIN_SECONDS = 60
# nginx would else keep events until a buffer is full; Caddy and others go by the media type.
_HEADERS = {"X-Accel-Buffering": "no"}


@pages.get("/page/events", include_in_schema=False)
@needs(Role.READER, or_station=True)
async def events(request: Request) -> Response:
    """`changed` when there is something new to ask for, `beat` while there is not.

    Ends with the sign-in. Listening does not count as using the page.
    """
    site = site_of(request)
    if site.listeners.is_full:
        raise busy("too many pages listen; this one asks now and then instead", _AGAIN_SECONDS)
    zone = zone_of(site.settings)
    told = site.listeners.events(
        lambda: is_still_known(request, site), lambda: f"{datetime.now(zone):%H:%M:%S}"
    )
    return StreamingResponse(told, headers=_HEADERS, media_type="text/event-stream")

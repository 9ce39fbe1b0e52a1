"""The screen beside the photo table: what came in, and what to take again while it lies there."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.api.photos import kept_by
from web.pages.wording import Wording
from web.pictures import mark
from web.problems import Problem
from web.reading.arrivals import MOST_COUNTED, Arrival, return_of
from web.reading.history import zone_of
from web.reading.photos import Store, history
from web.reading.state import look
from web.roles import Role
from web.routes import Id, router
from web.site import Site, site_of
from web.station import LOOKED_AT, MOST_LOOKED_AT, URGENT, Card, cards, is_urgent

pages = router()

# The largest card on a screen is not much wider.
PICTURE_SIDE = 640


@pages.get("/station", include_in_schema=False)
@needs(Role.READER, or_station=True)
def show(request: Request) -> Response:
    """The whole screen."""
    return _shown(request, "station.html")


@pages.get("/page/station", include_in_schema=False)
@needs(Role.READER, or_station=True)
def now(request: Request) -> Response:
    """The part of it that changes, without a frame."""
    return _shown(request, "station_now.html")


@pages.get("/page/station/{id}/image", include_in_schema=False)
@needs(Role.READER, or_station=True)
def image(request: Request, id: Id) -> Response:  # noqa: A002 - as the address calls it
    """The picture of a photo that came in lately, and of no other: nobody may have signed in."""
    site = site_of(request)
    with history(site.settings.state_dir) as store:
        found = _shown_lately(store, id)
    if found is None:
        raise Problem(404, "not_found", f"photo {id} has not come in lately")
    known = request.headers.get("if-none-match", "")
    if found.sha256 and known == mark(found.sha256, PICTURE_SIDE):
        return Response(status_code=304, headers=kept_by(known))
    made = site.pictures.of_arrival(found, PICTURE_SIDE)
    return Response(made.jpeg, media_type="image/jpeg", headers=kept_by(made.mark))


def _shown_lately(store: Store, photo: int) -> Arrival | None:
    found = store.arrivals.of_number(photo)
    if found is None or store.arrivals.is_among_newest(photo, LOOKED_AT):
        return found
    return found if is_urgent(found, datetime.now(UTC)) else None


def _shown(request: Request, template: str) -> Response:
    site = site_of(request)
    zone = zone_of(site.settings)
    now = datetime.now(zone)
    shown, today = _arrived(site, now)
    return site.page(
        request, template, cards=shown, today=today, most=MOST_COUNTED, now=now,
        zone=zone, seen=look(site.settings.state_dir), say=Wording(site.texts(request)),
    )  # fmt: skip


def _arrived(site: Site, now: datetime) -> tuple[list[Card], int | None]:
    """What is shown, and how many photos came today; nothing before the first ever came.

    Nor while the history cannot be read: a screen that nobody touches must go on asking.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        with history(site.settings.state_dir) as store:
            arrivals = store.arrivals.lately(now - URGENT, LOOKED_AT, MOST_LOOKED_AT)
            today = store.arrivals.since(midnight)
            return cards(arrivals, return_of(site.settings), now), today
    except Problem as problem:
        return [], (0 if problem.code == "no_history" else None)

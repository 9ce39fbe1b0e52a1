"""Looking photos up: what became of each, who decided, and where it lies."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.pages.wording import Wording
from web.reading.history import Asked, Hits, Whereabouts, find, known_categories, zone_of
from web.reading.photos import history_if_any
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

pages = router()

# So many stand on a page; a return has two or three.
_SHOWN = 24
# No name is longer; what is, finds nothing.
_LONGEST = 300


@pages.get("/find", include_in_schema=False)
@needs(Role.READER)
def show(
    request: Request, q: str = "", category: str = "", day: str = "", state: str = "",
    run: str = "",
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:  # fmt: skip
    """The form, and what was found for it. What makes no sense in an address is left out."""
    site = site_of(request)
    asked = Asked(
        q.strip()[:_LONGEST], category.strip()[:_LONGEST], _day(day), _state(state),
        run.strip()[:_LONGEST],
    )  # fmt: skip
    hits, categories = _found(site, asked, before)
    fields = {
        "q": asked.text, "category": asked.category, "state": asked.state or "",
        "day": asked.day.isoformat() if asked.day else "", "run": asked.run,
    }  # fmt: skip
    narrowed = {key: value for key, value in fields.items() if value}
    return site.page(
        request, "find.html", asked=asked, hits=hits, categories=categories, fields=fields,
        states=list(Whereabouts), zone=zone_of(site.settings), before=before,
        newest=f"?{urlencode(narrowed)}",
        older=f"?{urlencode({**narrowed, 'before': hits.older})}" if hits and hits.older else "",
        say=Wording(site.texts(request)),
    )  # fmt: skip


def _found(site: Site, asked: Asked, before: int | None) -> tuple[Hits | None, list[str]]:
    """What is found, and the categories there are; no hits at all while there is no history."""
    with history_if_any(site.settings.state_dir) as store:
        if store is None:
            return None, sorted(site.settings.categories)
        categories = known_categories(store, site.settings)
        if not asked.is_anything:
            return Hits([], None), categories
        return find(store, site.settings, asked, _SHOWN, before), categories


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _state(text: str) -> Whereabouts | None:
    return Whereabouts(text) if text in list(Whereabouts) else None

"""The application: routes, errors, files, and what surrounds each request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from web.api import decisions, docs, figures, health, history, learning, photos, predict
from web.api import fleet as fleet_api
from web.api import sending as sending_api
from web.errors import register
from web.front import Front
from web.pages import (
    alerts,
    doctor,
    find,
    fleet,
    fleet_doctor,
    groups,
    home,
    lessons,
    live,
    password,
    people,
    picks,
    practice,
    reports,
    review,
    runs,
    sending,
    settings,
    signin,
    station,
)
from web.routes import Route
from web.shortcut import Application
from web.site import Site
from web.static_files import STATIC, OwnFiles

# What is served, page by page and endpoint by endpoint; in the order in which an address is looked
# for: first what programs and clicks ask for all day, as looking through all others takes 0.4 ms.
ROUTERS: Sequence[APIRouter] = (
    predict.endpoints,
    photos.endpoints,
    review.pages,
    decisions.endpoints,
    live.pages,
    home.pages,
    station.pages,
    groups.pages,
    find.pages,
    runs.pages,
    health.endpoints,
    signin.pages,
    password.pages,
    people.pages,
    alerts.pages,
    doctor.pages,
    settings.pages,
    picks.pages,
    reports.pages,
    practice.pages,
    lessons.pages,
    sending.pages,
    docs.pages,
    history.endpoints,
    sending_api.endpoints,
    figures.endpoints,
    learning.endpoints,
)

# The same of `nightsort web --fleet`.
FLEET_ROUTERS: Sequence[APIRouter] = (
    signin.pages,
    password.pages,
    people.pages,
    fleet.pages,
    fleet_doctor.pages,
    docs.pages,
    fleet_api.endpoints,
)


def application(site: Site) -> FastAPI:
    """Routes and errors, without what surrounds them."""
    app = Application(
        title="nightsort", docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )  # fmt: skip
    app.state.site = site
    app.router.route_class = Route
    routers = ROUTERS if site.fleet is None else FLEET_ROUTERS
    for router in routers:
        app.include_router(router)
    app.mount("/page/static", OwnFiles(directory=STATIC))
    routes = [one for router in routers for one in router.routes if isinstance(one, Route)]
    app.openapi = lambda: docs.describe(app, routes)  # type: ignore[method-assign]
    register(app, routes)
    app.shorten(routes)
    return app


def build(
    site: Site, lifespan: Callable[[], AbstractAsyncContextManager[None]], *, only_proxies: bool
) -> ASGIApp:
    """All of it; lifespan: what goes on beside the requests."""
    app = application(site)
    app.router.lifespan_context = lambda _: lifespan()
    return Front(app, site, only_proxies=only_proxies)

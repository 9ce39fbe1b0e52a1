"""Whether it works, and which version it is."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from config.errors import ModelError
from web.access import needs, open_to_all
from web.api.moments import Moment
from web.reading.learning import would_judge
from web.reading.state import look
from web.reading.system import our_version
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

endpoints = router()

_HIDDEN = {"uptime_seconds", "version", "queue", "problems"}


class Queue(BaseModel):
    """How many photos wait."""

    waiting: int
    settling: int
    retrying: int


class Health(BaseModel):
    """Whether it works. Without a key, only the first four."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "healthy",
                    "model_loaded": True,
                    "model": "fashion 2026.11.4",
                    "timestamp": "2026-11-27T09:30:00+01:00",
                    "uptime_seconds": 86400.0,
                    "version": "0.1.0",
                    "queue": {"waiting": 412, "settling": 3, "retrying": 0},
                    "problems": [],
                }
            ]
        }
    )

    status: Literal["healthy", "degraded", "down"]
    model_loaded: bool = Field(
        description="Whether predictions can be made, whatever the daemon does."
    )
    model: str | None = Field(description="Which makes them.")
    timestamp: Moment
    uptime_seconds: float | None = None
    version: str | None = None
    queue: Queue | None = None
    problems: list[str] | None = None


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


class Version(BaseModel):
    """Which nightsort, and which model; null while there is none that can be trusted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "0.1.0",
                    "model": "fashion 2026-11-26.1",
                    "base": "fashion 2026.11.4",
                }
            ]
        }
    )

    version: str
    model: str | None
    base: str | None


@endpoints.get("/health", responses={503: {"model": Health}}, tags=["state"])
@open_to_all()
def health(request: Request) -> Health:
    """Whether it works: 200, or 503 when the daemon does not run, or hangs. Needs no key."""
    site = site_of(request)
    seen, model = look(site.settings.state_dir), _model(site)
    document = Health(
        status=seen.health,
        model_loaded=model is not None,
        model=model,
        timestamp=datetime.now().astimezone(),
        uptime_seconds=round(time.monotonic() - site.began, 1),
        version=our_version(),
        queue=None if seen.queue is None else Queue(**seen.queue),
        problems=seen.problems,
    )
    return _answered(document, set() if request.state.caller else _HIDDEN)  # type: ignore[return-value]


@endpoints.get("/health/live", tags=["state"])
@open_to_all()
def alive() -> Alive:
    """200 while this process answers; for whoever restarts it. Needs no key."""
    return Alive()


@endpoints.get("/version", tags=["state"])
@needs(Role.READER)
def version(request: Request) -> Version:
    """Which nightsort this is, which model judges, and over which it was learnt."""
    try:
        facts = site_of(request).predictor.facts()
    except ModelError:
        return Version(version=our_version(), model=None, base=None)
    return Version(version=our_version(), model=facts.title, base=facts.base)


def _model(site: Site) -> str | None:
    """The model that judges; None: there is none that can be trusted. Loads none for this."""
    try:
        if site.predictor.is_begun:
            return site.predictor.facts().title
    except ModelError:
        return None
    return would_judge(site.settings)


def _answered(document: Health, hidden: set[str]) -> Response:
    shown = document.model_dump(mode="json", exclude=hidden)
    return JSONResponse(shown, 503 if document.status == "down" else 200)

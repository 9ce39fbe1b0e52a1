"""All stations for programs, and whether the fleet's page works."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from web.access import needs, open_to_all
from web.api.moments import Moment
from web.fleet_view import MOST_DAYS, StationLine, lines_of
from web.problems import busy
from web.reading.dashboard import Period
from web.reading.fleet import Fleet, Health
from web.reading.history import zone_of
from web.reading.system import our_version
from web.roles import Role
from web.routes import router
from web.site import Site, site_of

endpoints = router()

_AGAIN_SECONDS = 20


class Undecided(BaseModel):
    """Photos that wait for a person."""

    photos: int
    oldest: Moment | None


class Right(BaseModel):
    """Spot checks of the last twelve weeks, and between what the share of all lies (95 %)."""

    right: int
    checked: int
    share: float | None
    low: float
    high: float


class StationDocument(BaseModel):
    """One station, and what it did in these days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "station": "berlin", "health": "healthy", "problems": [],
                    "seen": "2026-11-27T09:29:31+01:00", "copied": "2026-11-27T09:29:02+01:00",
                    "behind": 0, "version": "0.1.0", "model": "fashion 2026-11-26.1",
                    "waiting": 12, "undecided": {"photos": 3, "oldest": None}, "photos": 4120,
                    "review_share": 6.1, "last_run": "20261127_020000", "hours_saved": 31.2,
                    "accuracy": {"right": 99, "checked": 100, "share": 0.99, "low": 0.9455,
                                 "high": 0.9982},
                }
            ]
        }
    )  # fmt: skip

    station: str
    health: Health = Field(
        description="silent: not heard of for a day, or ever; quiet: for ten minutes."
    )
    problems: list[str]
    seen: Moment | None
    copied: Moment
    behind: int | None = Field(description="Changes that it had not copied yet.")
    version: str
    model: str | None
    waiting: int | None
    undecided: Undecided | None
    photos: int
    review_share: float | None = Field(description="In percent.")
    accuracy: Right
    last_run: str | None
    hours_saved: float


class FleetDocument(BaseModel):
    """All stations, those that need a look first."""

    as_of: Moment
    days: int
    problem: str | None = Field(description="Why the mirror cannot be read just now.")
    stations: list[StationDocument]


class FleetHealth(BaseModel):
    """Whether the fleet's page works. Without a key, only the first two."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "healthy", "timestamp": "2026-11-27T09:30:00+01:00",
                    "uptime_seconds": 86400.0, "version": "0.1.0",
                    "as_of": "2026-11-27T09:29:50+01:00", "problems": [],
                }
            ]
        }
    )  # fmt: skip

    status: Literal["healthy", "degraded", "down"]
    timestamp: Moment
    uptime_seconds: float | None = None
    version: str | None = None
    as_of: Moment | None = None
    problems: list[str] | None = None


class FleetAlive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


@endpoints.get("/fleet", tags=["fleet"])
@needs(Role.READER)
def show(request: Request, days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30) -> FleetDocument:
    """Every station with its figures of the last days, as they were read last."""
    site, read = site_of(request), fleet_of(request).read
    if read.snapshot is None:
        raise busy(read.why or "nothing was read yet", _AGAIN_SECONDS, "unavailable")
    today = datetime.now(zone_of(site.settings)).date()
    period = Period(today - timedelta(days=days - 1), today)
    return FleetDocument(
        as_of=read.snapshot.as_of,
        days=days,
        problem=read.why or None,
        stations=[_document(one) for one in lines_of(read.snapshot, period)],
    )


@endpoints.get("/health", responses={503: {"model": FleetHealth}}, tags=["state"])
@open_to_all()
def health(request: Request) -> FleetHealth:
    """Whether it works: 200, or 503 while nothing could be read. Needs no key."""
    document = _health(site_of(request), fleet_of(request))
    hidden = set() if request.state.caller else {"uptime_seconds", "version", "as_of", "problems"}
    shown = document.model_dump(mode="json", exclude=hidden)
    return JSONResponse(shown, 503 if document.status == "down" else 200)  # type: ignore[return-value]


@endpoints.get("/health/live", tags=["state"])
@open_to_all()
def alive() -> FleetAlive:
    """200 while this process answers; for whoever restarts it. Needs no key."""
    return FleetAlive()


def fleet_of(request: Request) -> Fleet:
    """What is read for this page."""
    fleet = site_of(request).fleet
    assert fleet is not None
    return fleet


def _health(site: Site, fleet: Fleet) -> FleetHealth:
    read = fleet.read
    problems = [read.why] if read.why else []
    if read.snapshot is not None:
        today = datetime.now(zone_of(site.settings)).date()
        problems += [
            f"{one.name} is {one.health}"
            for one in lines_of(read.snapshot, Period(today, today))
            if one.health != "healthy"
        ]
    is_down = read.snapshot is None
    return FleetHealth(
        status="down" if is_down else "degraded" if problems else "healthy",
        timestamp=datetime.now().astimezone(),
        uptime_seconds=round(time.monotonic() - site.began, 1),
        version=our_version(),
        as_of=read.snapshot.as_of if read.snapshot else None,
        problems=problems,
    )


def _document(one: StationLine) -> StationDocument:
    status, rate = one.station.status, one.rate
    low, high = rate.interval
    return StationDocument(
        station=one.name,
        health=one.health,
        problems=status["problems"] if status else [],
        seen=one.station.seen_at,
        copied=one.station.copied_at,
        behind=status["waiting"] if status else None,
        version=one.station.nightsort,
        model=status["model"] if status else None,
        waiting=status["queue"]["waiting"] if status else None,
        undecided=Undecided.model_validate(status["undecided"]) if status else None,
        photos=one.counts.photos,
        review_share=one.counts.review_share,
        accuracy=Right(
            right=rate.right, checked=rate.checked, share=rate.share, low=low, high=high
        ),
        last_run=one.last_run.id if one.last_run else None,
        hours_saved=round(one.saved_seconds / 3600, 2),
    )

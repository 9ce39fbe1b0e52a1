"""What there is to know of a return, of the runs, and of what people were told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from web.access import needs
from web.api.photos import PHOTO, WITHOUT_HISTORY, Photo, document
from web.problems import Problem, described
from web.reading.history import IncidentDocument, RunSummary, photos_of_return
from web.reading.photos import history
from web.roles import Role
from web.routes import router
from web.site import site_of

endpoints = router()

Limit = Annotated[int, Query(ge=1, le=500)]


_RUN: dict[str, Any] = {
    "run": "20251013_020000", "started": "2025-10-13T02:00:00+02:00",
    "finished": "2025-10-13T02:07:41+02:00", "total_processed": 412, "successful": 395,
    "review": 14, "duplicates": 2, "failed": 1, "deferred": 0, "waiting_before": 412, "arrived": 0,
    "gone": 0, "waiting_after": 0, "success_rate": 99.8, "processing_time_seconds": 4.4,
    "images_per_second": 93.6, "categories": {"Shirts": 210, "Tops": 199},
    "confidence_distribution": {"auto": 371, "check": 24, "review": 14},
    "average_confidence": 0.9641, "model": "fashion 2026.11.4",
    "errors": [{"filename": "IMG_7.jpg", "error": "the photo is incomplete"}],
}  # fmt: skip
_ALERT: dict[str, Any] = {
    "id": 3, "rule": "share_unavailable", "severity": "error",
    "raised": "2025-10-13T01:12:00+02:00", "day": 1, "resolved": "2025-10-13T01:40:00+02:00",
    "acknowledged": None, "acknowledged_by": None, "facts": {"folder": "incoming"},
    "alerts": [{
        "key": "3:raised", "phase": "raised", "day": 1, "at": "2025-10-13T01:12:00+02:00",
        "deliveries": [{
            "target": "email it@example.com", "state": "delivered", "attempts": 1,
            "at": "2025-10-13T01:12:04+02:00", "error": "",
        }],
    }],
}  # fmt: skip


class Return(BaseModel):
    """A return, as far as its photos tell."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"return_id": "60521", "photos": [PHOTO]}]}
    )

    return_id: str = Field(description="As nightsort spells it.", examples=["20251013-001"])
    photos: list[Photo] = Field(description="Oldest first; the newest 500 of them at most.")


class Runs(BaseModel):
    """Runs that have ended, a page of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"runs": [_RUN], "next": None}]})

    runs: list[RunSummary] = Field(description="Newest first, as `summary_<run>.json`.")
    next: str | None = Field(description="`after` of the next page; null on the last.")


class Alerts(BaseModel):
    """What people were told."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alerts": [_ALERT]}]})

    alerts: list[IncidentDocument] = Field(description="Newest first.")


@endpoints.get("/returns/{return_id}", tags=["photos"], responses=WITHOUT_HISTORY)
@needs(Role.READER)
def show_return(
    request: Request, return_id: Annotated[str, Path(max_length=300, examples=["60521"])]
) -> Return:
    """The photos of a return, with what was said of them. Its id may be spelt in any way."""
    with history(site_of(request).settings.state_dir) as store:
        found = photos_of_return(store, return_id)
    if not found:
        raise Problem(404, "not_found", "there is no photo of that return")
    return Return(
        return_id=found[-1].story.return_id or return_id, photos=[document(one) for one in found]
    )


@endpoints.get(
    "/runs",
    tags=["runs"],
    response_model=Runs,
    responses={
        404: described(Problem(404, "not_found", "there is no such run to go on after")),
        **WITHOUT_HISTORY,
    },
)
@needs(Role.READER)
def runs(
    request: Request,
    after: Annotated[str | None, Query(max_length=100, description="A run, to go on.")] = None,
    limit: Limit = 100,
) -> Response:
    """The runs that have ended, newest first, with what became of their photos."""
    with history(site_of(request).settings.state_dir) as store:
        found = store.runs.summaries_after(after, limit + 1)
    if found is None:
        raise Problem(404, "not_found", "there is no such run to go on after")
    shown = found[:limit]
    return _as_kept(runs=shown, next=shown[-1]["run"] if len(found) > limit else None)


@endpoints.get("/alerts", tags=["runs"], response_model=Alerts, responses=WITHOUT_HISTORY)
@needs(Role.READER)
def alerts(request: Request, limit: Limit = 100) -> Response:
    """What people were told: raised, delivered, resolved, acknowledged."""
    with history(site_of(request).settings.state_dir) as store:
        return _as_kept(alerts=store.alerts.history(limit))


def _as_kept(**document: Any) -> Response:
    """What is kept as JSON goes out as it is: one of an older nightsort may lack a key."""
    return JSONResponse(document)

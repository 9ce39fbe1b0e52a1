"""Lessons and versions: asked for, looked after, adopted and taken back, through a program."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.api.moments import Moment
from web.api.photos import WITHOUT_HISTORY
from web.api.sending import Examples, examples
from web.bodies import SUM_BYTES
from web.credentials import CallerOf
from web.problems import Problem, busy, described
from web.reading import learning
from web.reading.learning import (
    Bands,
    BaseName,
    Lesson,
    LessonState,
    Merge,
    VersionCard,
    Wanted,
)
from web.roles import Role
from web.routes import Id, router
from web.sending import learn_later
from web.site import site_of
from web.uploads import TOO_MANY_FOR_ONE, archive_of

endpoints = router()

_MOST_NAMES = 100
Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]], Query(max_length=_MOST_NAMES)
]
Version = Annotated[str, Path(min_length=1, max_length=100)]

_DOWN = described(busy("nightsort is not running, so nothing can be done", 30, "daemon_down"))
_DAMAGED = described(busy("the model that comes with nightsort is damaged", 30, "no_model"))
_UNDER_WAY = Problem(
    409, "under_way", "the lesson 12 is not over; ask again when it is, or cancel it", job=12
)


def _unpaired() -> Problem:
    return Problem(400, "malformed", "merge and into belong together, as many of each")


_OVER = Problem(409, "over", "the lesson 12 is over")
_UNTRUSTED = Problem(409, "untrusted", "2026-11-26.1.npz: is damaged; learn anew", in_use="shipped")
_HELD = Problem(409, "under_way", "another lesson is being learnt; ask again when it is done")
_NONE_BEFORE = Problem(404, "not_found", "there is no version to go back to: none was adopted")
_UNKNOWN = Problem(422, "unknown_category", "Hats: no such category; there are Shirts, Tops")

_SIDE: dict[str, Any] = {
    "accuracy": 0.951, "ece": 0.021, "auto": {"share": 0.83, "accuracy": 0.984},
    "review_share": 0.09, "categories": {"Shirts": {"recall": 0.94, "support": 120}},
}  # fmt: skip
_RESULT: dict[str, Any] = {
    "version": "2026-11-26.1", "base": "fashion 2026.11.4",
    "examples": {"Sandals": 42, "Shirts": 9}, "new_labels": ["Sandals"], "seconds": 2.8,
    "before": _SIDE, "after": _SIDE, "became_right": ["#7 return_60521_front.jpg"],
    "became_wrong": [], "judgement": "better",
    "why": "of 1278 photos 19 become right and 3 wrong",
    "doubtful": [{"photo": "#9 a.jpg", "said": "Shirts", "looks_like": "Tops"}],
    "adopted": False,
}  # fmt: skip
_JOB: dict[str, Any] = {
    "job": 12, "state": "done", "progress": 1.0, "result": _RESULT, "why": None,
    "asked_by": "shop", "asked": "2026-11-26T09:00:00+00:00", "ended": "2026-11-26T09:00:04+00:00",
}  # fmt: skip


# A body is no must: what it holds is described, and read by `archive_of`.
_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {"type": "object", "required": ["archive"], "properties": {"archive": _FILE}}
_ARCHIVE: dict[str, Any] = {
    "requestBody": {"required": False, "content": {"multipart/form-data": {"schema": _FORM}}}
}


class Accepted(BaseModel):
    """A lesson that was asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"job": 12}]})

    job: int
    examples: Examples | None = Field(None, description="What the archive brought.")


class Share(BaseModel):
    """Of the photos, and how many of those are right."""

    share: float
    accuracy: float | None


class Recall(BaseModel):
    """How many of a category's photos were found."""

    recall: float
    support: int


class Measured(BaseModel):
    """How right a version is, on photos that neither learnt from."""

    accuracy: float
    ece: float
    auto: Share
    review_share: float
    categories: dict[str, Recall]


class Doubtful(BaseModel):
    """An example that looks like another category."""

    photo: str
    said: str
    looks_like: str


class Result(BaseModel):
    """What came of a lesson, as `nightsort learn --json` prints it."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_RESULT]})

    version: str | None = Field(description="The candidate; null where the lesson was refused.")
    base: str
    examples: dict[str, int]
    new_labels: list[str]
    seconds: float
    before: Measured | None
    after: Measured | None
    became_right: list[str] = Field(description="Photos of the history are called `#7 name.jpg`.")
    became_wrong: list[str]
    judgement: str = Field(examples=["better", "as good", "worse", "refused"])
    why: str
    doubtful: list[Doubtful]
    adopted: bool


class Job(BaseModel):
    """A lesson: how far it is, and what came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_JOB]})

    job: int
    state: LessonState = Field(
        description="`waiting`: until nothing is sorted. `failed`: also when it was cancelled."
    )
    progress: float = Field(description="0 to 1, in steps.", ge=0, le=1)
    result: Result | None
    why: str | None = Field(description="It failed.")
    asked_by: str | None = Field(description="null: it was held by itself.")
    asked: Moment
    ended: Moment | None


class Brief(BaseModel):
    """A version in a few words; of `shipped`, or one that is refused, less is known."""

    version: str
    model: str = ""
    learnt: str = ""
    categories: list[str] = []
    examples: int = 0
    judgement: str | None = None
    origin: str = Field("", description="The station that learnt it, where that is another one.")
    problem: str = Field(description="Why it cannot be trusted; empty where it can be.")


class Versions(BaseModel):
    """All versions, as `nightsort models list --json` prints them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "in_use": "shipped",
                    "versions": [
                        {"version": "shipped", "model": "fashion 2026.11.4", "problem": ""}
                    ],
                }
            ]
        }
    )

    in_use: str
    versions: list[Brief]


_CARD: dict[str, Any] = {
    "format": 1, "name": "2026-11-26.1", "learnt": "2026-11-26T09:00:00+01:00",
    "base": {"name": "fashion", "version": "2026.11.4", "sha256": "9f" * 32}, "only": False,
    "features": {
        "embedding": 1280, "scale": 0.02, "zero": 0, "channels": 576, "weights": [1.0, 0.5],
    },
    "categories": ["Shirts", "Sandals"], "rows": ["Shirts", "Sandals", "Belts"],
    "owners": [0, 1, -1], "removed": [], "opinion": [0], "temperature": 18.0,
    "opinion_temperature": 1.0, "doubts": [1.0, 1.09],
    "gate": {"spread": 1.0, "weight": 0.5, "threshold": 0.4},
    "bands": {"auto": 0.85, "review": 0.6}, "examples": {"Sandals": 42},
    "sources": {"correction": 30, "upload": 12}, "figures": {"judgement": "better"},
}  # fmt: skip


class Card(VersionCard):
    """What a learnt version says of itself, as `nightsort models show --json` prints it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CARD]})


_SHIPPED: dict[str, Any] = {
    "name": "shipped", "base": _CARD["base"], "categories": ["Shirts", "Tops"],
    "bands": {"auto": 0.85, "review": 0.6}, "metrics": {"test": {"accuracy": 0.94}},
}  # fmt: skip


class Shipped(BaseModel):
    """What the model says of itself as it comes: learnt elsewhere, and called `shipped` here."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHIPPED]})

    name: str
    base: BaseName
    categories: list[str]
    bands: Bands | None
    metrics: dict[str, Any] = Field(description="As it was measured before it was shipped.")


class InUse(BaseModel):
    """Which version judges from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"in_use": "2026-11-26.1"}]})

    in_use: str


@endpoints.post(
    "/retrain",
    status_code=202,
    response_model_exclude_none=True,
    tags=["learning"],
    openapi_extra=_ARCHIVE,
    responses={
        400: described(
            _unpaired(),
            Problem(400, "no_file", "there is no file in `archive`"),
            TOO_MANY_FOR_ONE,
        ),
        409: described(_UNDER_WAY),
        422: described(_UNKNOWN, Problem(422, "bad_archive", "a.zip: no photos in it")),
        503: _DOWN,
    },
)
@needs(Role.LEAD, most_bytes=SUM_BYTES // 2)
async def retrain(
    request: Request,
    response: Response,
    caller: CallerOf,
    only: Annotated[bool, Query(description="The examples' categories alone.")] = False,
    without: Names = [],  # noqa: B006 - FastAPI copies it
    merge: Names = [],  # noqa: B006
    into: Names = [],  # noqa: B006
) -> Accepted:
    """Have a lesson held from all examples, as soon as nothing is sorted; one at a time.

    With an `archive`, a ZIP of <label>/*.jpg, its photos are kept as examples first, as by
    `/upload`. `without`: categories that are none any longer. `merge` and `into`, as many of each:
    the first is part of the second from now on. What judges changes only where `[learning] adopt`
    is `auto`.
    """
    if len(merge) != len(into):
        raise _unpaired()
    pairs = tuple(Merge(*pair) for pair in zip(merge, into, strict=True))
    wanted, site = Wanted(only, tuple(without), pairs), site_of(request)
    await run_in_threadpool(learning.require_free, site.settings)  # before the body is read
    async with archive_of(request) as archive:
        brought = await learn_later(site, caller, [archive], "") if archive else None
    number = await run_in_threadpool(learning.ask_for_lesson, site.settings, wanted, caller)
    response.headers["Location"] = site.at(f"/jobs/{number}")
    return Accepted(job=number, examples=brought and examples(brought))


@endpoints.get("/jobs/{id}", tags=["learning"], responses=WITHOUT_HISTORY)
@needs(Role.LEAD)
def show(request: Request, id: Id) -> Job:  # noqa: A002 - as the address calls it
    """How far a lesson is, and what came of it."""
    return _job(learning.lesson(site_of(request).settings.state_dir, id))


@endpoints.delete("/jobs/{id}", tags=["learning"], responses={409: described(_OVER), 503: _DOWN})
@needs(Role.LEAD)
def cancel(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    caller: CallerOf,
) -> Job:
    """Let go of a lesson that is not over."""
    return _job(learning.cancel(site_of(request).settings, id, caller))


@endpoints.get(
    "/models", tags=["learning"], response_model_exclude_unset=True, responses={503: _DAMAGED}
)
@needs(Role.READER)
def models(request: Request) -> Versions:
    """The versions there are, and which is in use."""
    return Versions.model_validate(learning.versions(site_of(request).settings))


@endpoints.post(
    "/models/back",
    tags=["learning"],
    responses={404: described(_NONE_BEFORE), 409: described(_HELD), 503: _DOWN},
)
@needs(Role.ADMIN)
def back(request: Request, caller: CallerOf) -> InUse:
    """Judge with the version before again. 404 where there is none."""
    return InUse(in_use=learning.back(site_of(request).settings, caller))


@endpoints.get(
    "/models/{version}",
    tags=["learning"],
    responses={409: described(_UNTRUSTED), 503: _DAMAGED},
)
@needs(Role.READER)
def model(request: Request, version: Version) -> Card | Shipped:
    """What a learnt version was learnt from, and how it compared; `shipped`: what it knows."""
    if version == learning.SHIPPED:
        return Shipped.model_validate(learning.shipped(site_of(request).settings))
    return Card(**learning.card(site_of(request).settings, version).model_dump())


@endpoints.post(
    "/models/{version}/adopt",
    tags=["learning"],
    responses={409: described(_UNTRUSTED, _HELD), 503: _DOWN},
)
@needs(Role.ADMIN)
def adopt(request: Request, version: Version, caller: CallerOf) -> InUse:
    """Judge with a version from the next photo on; `shipped` is the model as it comes."""
    return InUse(in_use=learning.adopt(site_of(request).settings, version, caller))


def _job(found: Lesson) -> Job:
    return Job(
        job=found.id,
        state=found.state,
        progress=found.progress,
        result=None if found.result is None else Result.model_validate(found.result),
        why=found.why or None,
        asked_by=found.person or None,
        asked=found.asked,
        ended=found.ended,
    )

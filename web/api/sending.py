"""What programs send: photos into incoming, and examples for the next lesson."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from web.access import needs
from web.bodies import SUM_BYTES
from web.credentials import CallerOf
from web.problems import Problem, busy, described
from web.reading.sending import ExamplesAnswer
from web.roles import Role
from web.routes import router
from web.sending import learn_later, require_open, take_in
from web.site import site_of
from web.uploads import (
    MOST_EXAMPLES,
    TOO_MANY_FOR_ONE,
    batch_bytes,
    examples_of,
    files_of,
    multipart,
    refusals,
)

endpoints = router()

_NO_PHOTO = "not a photo, the content looks like text: save it as JPEG or PNG, and drop that"
_RECEIVED: dict[str, Any] = {
    "received": [{"filename": "return_60521_front.jpg", "as": "return_60521_front (2).jpg"}],
    "refused": [{"filename": "notes.txt", "error": _NO_PHOTO, "code": "not_an_image"}],
}
_TAKEN: dict[str, Any] = {
    "added": 41,
    "double": 2,
    "refused": [{"filename": "Sandals/notes.jpg", "error": _NO_PHOTO}],
}
_NO_LABEL = Problem(400, "malformed", "label: say what the photos show", field="label")
_LATER = described(
    busy("nightsort is not running, so nothing can be taken", 30, "daemon_down"),
    busy("nightsort ended; whether it was taken, incoming shows", code="unknown_outcome"),
    busy("too much is being sent at this moment; try again in a moment"),
    busy("incoming: no space left; free some space on that disk", code="unavailable"),
)


class Arrival(BaseModel):
    """A photo that lies in incoming now, whole."""

    filename: str = Field(description="As it was sent.")
    as_: str = Field(alias="as", description="Its name in incoming; none is ever written over.")


class Refusal(BaseModel):
    """A file of which nothing is kept; the others are taken."""

    filename: str
    error: str
    code: str


class Arrivals(BaseModel):
    """What became of each file."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECEIVED]})

    received: list[Arrival]
    refused: list[Refusal]


class NoExample(BaseModel):
    """A file that is no example, and why."""

    filename: str = Field(description="In an archive its path there.")
    error: str


class Examples(BaseModel):
    """What became of examples."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TAKEN]})

    added: int = Field(description="New, or said to show something else than before.")
    double: int = Field(description="Known already, or sent twice.")
    refused: list[NoExample]


@endpoints.post(
    "/incoming",
    openapi_extra=multipart("files", several=True),
    tags=["sending"],
    responses={**refusals("files", 50, SUM_BYTES // 2), 503: _LATER},
)
@needs(Role.CLERK, most_bytes=batch_bytes)
async def receive(request: Request, caller: CallerOf) -> Arrivals:
    """Put photos into incoming, as if they were dropped on the share.

    One that cannot be read is refused, by its content, with the codes of `/predict`; the others are
    taken. Each comes in whole under a free name.
    """
    site = site_of(request)
    require_open(site)
    async with files_of(request, "files", site.settings.api.batch_photos) as files:
        answer = await take_in(site, caller, files)
    return Arrivals(
        received=[Arrival(filename=one.name, **{"as": one.path}) for one in answer.received],
        refused=[
            Refusal(filename=one.name, error=one.detail, code=one.code) for one in answer.refused
        ],
    )


_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_BODY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "files": {"type": "array", "items": _FILE, "minItems": 1},
        "label": {"type": "string", "maxLength": 100, "description": "What all of them show."},
        "archive": {**_FILE, "description": "A ZIP of <label>/*.jpg, in place of both."},
    },
}


@endpoints.post(
    "/upload",
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _BODY}}}
    },
    tags=["learning"],
    responses={
        **refusals("files", MOST_EXAMPLES, SUM_BYTES // 2, TOO_MANY_FOR_ONE, _NO_LABEL),
        422: described(
            Problem(422, "bad_archive", "a.zip: more than 5,000 photos; bring it in parts")
        ),
        503: _LATER,
    },
)
@needs(Role.LEAD, most_bytes=SUM_BYTES // 2)
async def upload(request: Request, caller: CallerOf) -> Examples:
    """Keep labelled photos as examples for the next lesson; nothing is filed.

    Either `files` with the `label` that all of them show, or an `archive`, a ZIP of <label>/*.jpg.
    In an archive, folders whose names begin with _ are skipped.
    """
    site = site_of(request)
    require_open(site)
    async with examples_of(request) as (files, label):
        return examples(await learn_later(site, caller, files, label))


def examples(answer: ExamplesAnswer) -> Examples:
    """What became of examples, as programs read it."""
    return Examples(
        added=answer.added,
        double=answer.double,
        refused=[NoExample(filename=one.name, error=one.detail) for one in answer.refused],
    )

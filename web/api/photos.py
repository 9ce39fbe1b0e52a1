"""What waits for a person, and all about one photo, with its picture."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.api.moments import Moment
from web.pictures import LARGEST_SIDE, SMALLEST_SIDE, mark
from web.problems import Problem, busy, described
from web.reading.photos import Correction, Seen, Story, as_text, history, photo
from web.roles import Role
from web.routes import Id, router
from web.site import site_of

endpoints = router()

# From a file's move until the history says where it lies now.
_MOVING_SECONDS = 0.3


_WAITING: dict[str, Any] = {
    "id": 7, "filename": "return_60521_front.jpg", "return_id": "60521", "category": "Shirts",
    "confidence": 0.5312, "reason": "unsure", "reason_text": "unsure between Shirts and Tops",
    "alternatives": [{"category": "Tops", "confidence": 0.4011}], "run": "20251013_020000",
    "since": "2025-10-13T02:04:11+02:00",
}  # fmt: skip
_WORD: dict[str, Any] = {
    "number": 3, "at": "2025-10-13T08:12:07+02:00", "person": "anna", "via": "page",
    "word": "corrected", "category": "Tops",
}  # fmt: skip
PHOTO: dict[str, Any] = {
    **_WAITING, "state": "filed", "category_now": "Tops", "band": "review", "model": "fashion 1.2",
    "sha256": "9f" * 32, "source_path": "return_60521_front.jpg",
    "path_now": "Tops/return_60521_front.jpg", "sent_by": "anna", "said": 3, "words": [_WORD],
}  # fmt: skip


_NO_HISTORY = busy("there is no history yet: nightsort has not run", 30, "no_history")
WITHOUT_HISTORY: dict[int | str, Any] = {503: described(_NO_HISTORY)}


class Alternative(BaseModel):
    """A category that it might be instead."""

    category: str
    confidence: float


class Waiting(BaseModel):
    """A photo that waits for a person, or did."""

    id: int
    filename: str
    return_id: str | None
    category: str | None = Field(description="The guess.")
    confidence: float | None
    reason: str | None
    reason_text: str | None
    alternatives: list[Alternative]
    run: str | None
    since: Moment | None = Field(description="When its run put it there.")


class Reviews(BaseModel):
    """What waits, a page of it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"photos": [_WAITING], "total": 13, "next": None}]}
    )

    photos: list[Waiting]
    total: int = Field(description="Of all nights, on whatever page.")
    next: int | None = Field(description="`after` of the next page; null on the last.")


class Word(BaseModel):
    """What a person said of a photo."""

    number: int
    at: Moment
    person: str
    via: str = Field(examples=["page"])
    word: str = Field(examples=["agreed", "corrected", "retake", "taken_back"])
    category: str | None


class Photo(Waiting):
    """All that is known of a photo."""

    model_config = ConfigDict(json_schema_extra={"examples": [PHOTO]})

    state: str = Field(examples=["review", "filed", "retake"])
    category_now: str | None = Field(description="A person's word, else the guess.")
    band: str | None
    model: str | None
    sha256: str | None
    source_path: str
    path_now: str
    sent_by: str | None = Field(
        default=None, description="Who sent it through page or API; null: it came by the share."
    )
    said: int = Field(description="Number of the last word on it, 0: none. See `upon`.")
    words: list[Word]


@endpoints.get("/reviews", tags=["photos"], responses=WITHOUT_HISTORY)
@needs(Role.READER)
def reviews(
    request: Request,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Reviews:
    """What waits for a person, of all nights, oldest first."""
    with history(site_of(request).settings.state_dir) as store:
        waiting = store.history.waiting(after, limit + 1)
        total = store.history.undecided()["photos"]
    shown = waiting[:limit]
    return Reviews(
        photos=[Waiting(**_waiting(one)) for one in shown],
        total=total,
        next=shown[-1].id if len(waiting) > limit else None,
    )


@endpoints.get("/photos/{id}", tags=["photos"], responses=WITHOUT_HISTORY)
@needs(Role.READER)
def show(request: Request, id: Id) -> Photo:  # noqa: A002 - as the address calls it
    """All about one photo: verdict, state, and what people said of it."""
    return document(photo(site_of(request).settings.state_dir, id))


@endpoints.get(
    "/photos/{id}/image",
    tags=["photos"],
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "A JPEG"},
        404: described(
            Problem(404, "no_picture", "there is no picture of what is put back"),
            Problem(404, "gone", "the photo is not where it was"),
            Problem(404, "unreadable", "its content cannot be decoded"),
        ),
        503: described(
            _NO_HISTORY,
            busy("the folder of the photos does not answer", 30, "share_hangs"),
        ),
    },
)
@needs(Role.READER)
def image(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    side: Annotated[int, Query(ge=SMALLEST_SIDE, le=LARGEST_SIDE)] = 640,
) -> Response:
    """Its picture, upright, with `side` pixels on the longer side; never larger than the photo."""
    site = site_of(request)
    found = photo(site.settings.state_dir, id)
    known = request.headers.get("if-none-match", "")
    if found.is_shown and found.story.sha256_now and known == mark(found.story.sha256_now, side):
        return Response(status_code=304, headers=kept_by(known))
    try:
        made = site.pictures.of(found, side)
    except Problem as problem:
        if problem.code != "gone":
            raise
        time.sleep(_MOVING_SECONDS)  # it may be on its way at this moment
        made = site.pictures.of(photo(site.settings.state_dir, id), side)
    return Response(made.jpeg, media_type="image/jpeg", headers=kept_by(made.mark))


def document(found: Seen) -> Photo:
    """A photo as programs read it."""
    story = found.story
    return Photo(
        **_waiting(story),
        state=story.state,
        category_now=story.category_now or None,
        band=story.band or None,
        model=story.model or None,
        sha256=story.sha256 or None,
        source_path=as_text(story.source),
        path_now=as_text(story.place),
        sent_by=story.sent_by or None,
        said=found.said,
        words=[_word(one) for one in found.words],
    )


def _waiting(story: Story) -> dict[str, Any]:
    return {
        "id": story.id,
        "filename": story.filename,
        "return_id": story.return_id or None,
        "category": story.category or None,
        "confidence": None if story.confidence is None else round(story.confidence, 4),
        "reason": story.reason or None,
        "reason_text": story.reason_text or None,
        "alternatives": [
            {"category": one.category, "confidence": round(one.confidence, 4)}
            for one in story.alternatives
        ],
        "run": story.run or None,
        "since": story.recorded_at or None,
    }


def _word(one: Correction) -> Word:
    return Word(
        number=one.id, at=one.at, person=one.person, via=one.via, word=one.word,
        category=one.category or None,
    )  # fmt: skip


def kept_by(mark: str) -> dict[str, str]:
    """Browsers keep a picture, and ask each time whether it is still the same, and theirs."""
    return {"ETag": mark, "Cache-Control": "private, no-cache"} if mark else {}

"""What a person decides, through a program: on one photo, on many, and taken back."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Self

from fastapi import Body
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.requests import Request

from web.access import needs
from web.api.photos import Photo, document
from web.credentials import CallerOf
from web.deciding import Decision, Wish, carry_out, carry_out_all
from web.problems import Problem, busy, described
from web.roles import Role
from web.routes import Id, router
from web.site import site_of

endpoints = router()


def _as_json_has_it(value: object) -> object:
    """In JSON true is no 1, and NaN is nothing; in Python both are numbers."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not a boolean")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a number is wanted, not NaN or Infinity")
    return value


_NUMBER = BeforeValidator(_as_json_has_it)
_UPON = Field(
    None, ge=0, description="The photo's `said` as you saw it; said anything since: 409. Not given:"
    " only what somebody else decided is refused.",
)  # fmt: skip
MOST_PHOTOS = 500
MOST_SECONDS = 86_400


_DECIDED = Problem(
    409, "decided", "a.jpg: anna decided on 13 Oct 2025 08:12: Tops",
    by="anna", at="2025-10-13T08:12:07+02:00", word="corrected", category="Tops",
)  # fmt: skip
_GONE = Problem(409, "gone", "a.jpg: it is not at _review/Tops/a.jpg any more")
_ALREADY = Problem(409, "already", "a.jpg: nobody has decided on it")
_UNKNOWN = Problem(
    422, "unknown_category", "Hats: no such category; there are Shirts, Tops, Tshirts"
)
_STATE = Problem(409, "state", "#7: it is a duplicate; correct the photo that is filed")
_LATER = described(
    busy("nightsort is not running, so nothing can be decided", 30, "daemon_down"),
    busy("nightsort ended; whether it was done, the photo says", code="unknown_outcome"),
    busy("a.jpg: the rights of its folder do not allow it", 30, "refused"),
)
_REFUSED: dict[str, dict[int | str, dict[str, Any]]] = {
    "decision": {409: described(_DECIDED, _GONE, _STATE), 422: described(_UNKNOWN), 503: _LATER},
    "undo": {409: described(_DECIDED, _ALREADY, _STATE), 503: _LATER},
    "decisions": {422: described(_UNKNOWN), 503: _LATER},
}


class _Word(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Decision
    category: str | None = Field(
        None, max_length=200, description="What it is, where the decision is that."
    )

    new: bool = Field(
        False,
        strict=True,
        description="The category may be one that there was not so far; it names a folder.",
    )

    seconds: Annotated[float, _NUMBER] = Field(
        0, ge=0, le=MOST_SECONDS, description="How long a person looked (at many: at all of them)"
        " until they said so; kept as a figure alone, without photo or name. 0: not measured.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _category_where_it_belongs(self) -> Self:
        if (self.decision is Decision.CATEGORY) != bool(self.category):
            raise ValueError("category must be there with the decision category, and only then")
        if self.new and not self.category:
            raise ValueError("only a category can be new")
        return self


class OneDecision(_Word):
    """A person's word on a photo."""

    upon: Annotated[int | None, _NUMBER] = _UPON


class ManyDecisions(_Word):
    """A person's word on photos."""

    photos: list[Annotated[int, _NUMBER, Field(ge=1, lt=2**63)]] = Field(
        min_length=1, max_length=MOST_PHOTOS
    )


class Undoing(BaseModel):
    """Which word is meant."""

    model_config = ConfigDict(extra="forbid")

    upon: Annotated[int | None, _NUMBER] = _UPON


class Left(BaseModel):
    """A photo that was left as it was, and why."""

    id: int
    code: str
    detail: str


class Decided(BaseModel):
    """What became of each photo."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"done": [7], "failed": [{"id": 8, "code": "gone", "detail": _GONE.detail}]}
            ]
        }
    )

    done: list[int]
    failed: list[Left]


@endpoints.post(
    "/photos/{id}/decision",
    tags=["decisions"],
    responses=_REFUSED["decision"],
)
@needs(Role.CLERK)
def decide(request: Request, id: Id, word: OneDecision, caller: CallerOf) -> Photo:  # noqa: A002
    """Decide on a photo: done, recorded, and shown as it is then.

    One's own word is followed by another. 409 when somebody else decided, or anybody since `upon`
    (`by`, `at`, `word`, `category`), or it cannot be decided.
    """
    wish = _wish((id,), word, _upon(word.upon))
    return document(carry_out(site_of(request), caller, wish))


@endpoints.post(
    "/photos/{id}/undo",
    tags=["decisions"],
    responses=_REFUSED["undo"],
)
@needs(Role.CLERK)
def undo(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    caller: CallerOf,
    which: Annotated[Undoing | None, Body()] = None,
) -> Photo:
    """Take the last decision on a photo back: it waits in review again."""
    wish = Wish((id,), None, upon=_upon(which.upon if which else None))
    return document(carry_out(site_of(request), caller, wish))


@endpoints.post("/decisions", tags=["decisions"], responses=_REFUSED["decisions"])
@needs(Role.CLERK)
def decide_many(request: Request, word: ManyDecisions, caller: CallerOf) -> Decided:
    """Decide on photos in one stroke; one that is left keeps no other from it."""
    wish = _wish(tuple(dict.fromkeys(word.photos)), word)
    outcome = carry_out_all(site_of(request), caller, wish)
    return Decided(
        done=outcome.done,
        failed=[Left(id=one.id, code=one.code, detail=one.detail) for one in outcome.failed],
    )


def _wish(photos: tuple[int, ...], word: _Word, upon: tuple[int, ...] = ()) -> Wish:
    category = word.category or ""
    return Wish(photos, word.decision, category, word.new, upon, seconds=word.seconds)


def _upon(number: int | None) -> tuple[int, ...]:
    return () if number is None else (number,)

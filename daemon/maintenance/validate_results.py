"""Validating results: whether what stands in a file on a share is what nightsort writes there.

Anybody may have changed it. What passes here can be recorded, counted and shown like our own.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from classifier.verdict import Band
from config.value import ValueSettings
from daemon.domain.summaries import RunSummary
from daemon.folders.writing import number

RUN_ID = r"\d{8}_\d{6}(?:_\d+)?"
_RUN = re.compile(RUN_ID)
# Clocks that were never set stand in 1970; to and from all other times one can reckon freely.
_YEARS = range(1969, 9000)


def began(run: str) -> datetime:
    """When a run began, by its id, in local time; raises ValueError for what is no run's id."""
    if not _RUN.fullmatch(run):
        raise ValueError(f"not the id of a run: {run!r}")
    return _within_years(datetime.strptime(run[:15], "%Y%m%d_%H%M%S"))  # noqa: DTZ007


def moment(text: str) -> datetime:
    """A time with its offset, as results tell it; raises ValueError for anything else."""
    at = _within_years(datetime.fromisoformat(text))
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError(f"a time without its offset: {text!r}")
    return at


def confidence(text: str) -> float | None:
    """A confidence as results tell it; raises ValueError for anything else."""
    value = float(text) if text else None
    if number(value) != text or not 0 <= (value or 0) <= 1:
        raise ValueError(f"not a confidence: {text!r}")
    return value


def summary(text: str) -> RunSummary | None:
    """The summary of a run that `text` is; None when it is none."""
    try:
        found = _Summary.model_validate_json(text).model_dump(exclude_unset=True)
    except ValidationError:
        return None
    if found.get("value", "") is None:
        del found["value"]
    return cast(RunSummary, found)


def _within_years(at: datetime) -> datetime:
    if at.year not in _YEARS:
        raise ValueError(f"a time that no clock shows: {at}")
    return at


def _moment_text(text: str) -> str:
    moment(text)
    return text


_Moment = Annotated[str, AfterValidator(_moment_text)]
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Amount = Annotated[float, Field(ge=0)]


class _Exactly(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=())


class _Error(_Exactly):
    filename: str
    error: str


class _Measured(_Exactly):
    seconds: _Amount
    photos: _Count
    weeks: _Count


class _Value(_Exactly):
    saved_seconds: float
    saved_hours: float
    saved_money: float | None
    judged: _Count
    reviews: _Count
    looks: _Count
    cost: _Amount
    months: _Amount
    seconds: dict[Literal["by_hand", "review", "check"], _Amount]
    measured: dict[Literal[Band.CHECK, Band.REVIEW], _Measured]
    assumed: ValueSettings


def _if_it_is_one(value: object, believed: ValidatorFunctionWrapHandler) -> _Value | None:
    """What a run was worth can be reckoned again: without it the run is believed all the same."""
    try:
        return cast(_Value, believed(value))
    except ValidationError:
        return None


class _Summary(_Exactly):
    """What `daemon.reporting.run_files.summarise` makes, in its order."""

    run: str
    started: _Moment
    finished: _Moment
    total_processed: _Count
    successful: _Count
    review: _Count
    duplicates: _Count
    failed: _Count
    deferred: _Count
    waiting_before: _Count
    arrived: _Count
    gone: _Count
    waiting_after: _Count
    success_rate: _Amount
    processing_time_seconds: _Amount
    judged_ahead: _Count = 0  # older ones do not say
    judged_ahead_seconds: _Amount = 0.0
    images_per_second: _Amount
    categories: dict[str, _Count]
    confidence_distribution: Annotated[dict[Band, _Count], Field(min_length=len(Band))]
    average_confidence: Annotated[float, Field(ge=0, le=1)]
    errors: list[_Error]
    model: str
    value: Annotated[_Value | None, WrapValidator(_if_it_is_one)] = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        parts = self.successful + self.review + self.duplicates + self.failed
        if self.total_processed != parts:
            raise ValueError("it does not add up")
        return self

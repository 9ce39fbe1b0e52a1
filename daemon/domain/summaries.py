"""The summary of a run: one document for its file, history, pages, alerts, and whoever asks."""

from __future__ import annotations

from typing import NotRequired, TypeGuard, cast

from typing_extensions import TypedDict

# What nobody else is told of a run's or week's `value`; and of what that assumes.
MONEY = ("saved_money", "cost")
OF_MONEY = ("wage_per_hour", "monthly_cost")


class FailedPhoto(TypedDict):
    """A photo that went to quarantine, and why, in a sentence."""

    filename: str
    error: str


class RunSoFar(TypedDict):
    """What can be told of a run also before it has ended."""

    run: str
    total_processed: int  # successful + review + duplicates + failed
    review: int
    failed: int
    waiting_after: int
    processing_time_seconds: float
    errors: list[FailedPhoto]


class MeasuredDocument(TypedDict):
    """What a decision, or a quick look, took on the page."""

    seconds: float  # the median
    photos: int  # of which it is
    weeks: int  # in which they were decided


class ValueDocument(TypedDict):
    """What was saved, as `daemon.reporting.value` reckons it, with all that it is made of."""

    saved_seconds: float  # below 0: lost
    saved_hours: float
    saved_money: float | None  # None: without a wage
    judged: int
    reviews: int
    looks: int
    cost: float
    months: NotRequired[float]  # to which the cost belongs; older ones do not say
    seconds: NotRequired[dict[str, float]]  # by_hand, review, check: those reckoned with
    measured: NotRequired[dict[str, MeasuredDocument]]  # by band; what is not in it is assumed
    assumed: dict[str, object]  # the settings `[value]`


class _Drained(TypedDict):
    """What became of the photos. Moments are ISO 8601 with offset."""

    started: str
    finished: str
    total_processed: int
    successful: int
    review: int
    duplicates: int
    failed: int
    deferred: int  # left waiting, also what was still being written
    waiting_before: int
    arrived: int
    gone: int
    waiting_after: int
    success_rate: float  # percent
    processing_time_seconds: float  # in the run
    judged_ahead: int  # photos that were judged before it; older summaries do not say
    judged_ahead_seconds: float  # that this took
    images_per_second: float  # of all this time
    categories: dict[str, int]
    confidence_distribution: dict[str, int]  # by band
    average_confidence: float  # 0..1
    errors: list[FailedPhoto]
    model: str
    value: NotRequired[ValueDocument]  # as it was when the run ended; older ones do not say


class RunSummary(_Drained):
    """The summary of a run that has ended, as in `summary_<run>.json`."""

    run: str


class NothingDone(_Drained):
    """What `now` answers where there was nothing to do: no run, and zeros."""

    run: None


DrainSummary = RunSummary | NothingDone


def is_run(summary: DrainSummary) -> TypeGuard[RunSummary]:
    """Whether there was something to do."""
    return summary["run"] is not None


def with_verdict(summary: DrainSummary) -> int:
    """How many photos were judged."""
    return summary["successful"] + summary["review"]


def without_money(summary: RunSummary) -> RunSummary:
    """For other systems: what a run is worth in money tells the wage, or what all of it costs."""
    worth = summary.get("value")
    if worth is None:
        return summary
    told: dict[str, object] = {key: one for key, one in worth.items() if key not in MONEY}
    told["assumed"] = {key: one for key, one in worth["assumed"].items() if key not in OF_MONEY}
    return cast(RunSummary, {**summary, "value": told})


def missing(summary: DrainSummary) -> int:
    """How many photos came and are nowhere in the count; negative: too many are."""
    came = summary["waiting_before"] + summary["arrived"]
    went = summary["total_processed"] + summary["gone"] + summary["waiting_after"]
    return came - went

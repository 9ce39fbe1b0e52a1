"""The summary of a run: one document for its file, history, pages, alerts, and whoever asks."""

from __future__ import annotations

from typing import TypeGuard

from typing_extensions import TypedDict


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


def missing(summary: DrainSummary) -> int:
    """How many photos came and are nowhere in the count; negative: too many are."""
    came = summary["waiting_before"] + summary["arrived"]
    went = summary["total_processed"] + summary["gone"] + summary["waiting_after"]
    return came - went

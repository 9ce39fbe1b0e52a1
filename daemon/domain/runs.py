"""Runs: one drain from its opening to its end, what it counted, and the lines of its results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from classifier.verdict import Band
from daemon.domain.photos import Status, as_text


@dataclass(frozen=True, slots=True)
class Run:
    """One drain, from opening to summary."""

    id: str  # local time, such as 20251013_020000
    started_at: datetime
    waiting_before: int
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is, for whoever watches it."""

    run: str | None
    processed: int  # photos with an outcome in this run
    waiting: int
    settling: int
    at: float  # monotonic seconds at which it was noted


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did, counted from the store."""

    run: str
    started_at: datetime
    model: str
    waiting_before: int
    arrived: int
    gone: int
    waiting_after: int
    busy_seconds: float
    statuses: dict[Status, int]
    categories: dict[str, int]
    bands: dict[Band, int]
    average_confidence: float | None
    judged_ahead: int = 0  # before the run began
    ahead_seconds: float = 0.0  # that this took


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One line of a run's results; paths as in `Outcome`."""

    source: str
    category: str
    confidence: float | None
    status: Status
    timestamp: str  # ISO 8601 with offset
    band: str
    reason: str
    reason_text: str
    second_category: str
    second_confidence: float | None
    return_id: str
    category_code: str
    location: str
    target: str
    sha256: str
    run: str

    @property
    def filename(self) -> str:
        """Its name as it was dropped, as text."""
        return as_text(self.source.rpartition("/")[2])

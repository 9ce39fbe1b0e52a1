"""Documents for tests that say of one only what they need."""

from __future__ import annotations

from typing import Any, cast

from daemon.domain.examples import LastLesson
from daemon.domain.status import LiveStatus, StatusDocument
from daemon.domain.summaries import RunSummary


def part_of_summary(**known: Any) -> RunSummary:
    """A run's summary with some of its keys."""
    return cast(RunSummary, known)


def part_of_status(**known: Any) -> LiveStatus:
    """A status with some of its keys."""
    return cast(LiveStatus, known)


def as_read(status: LiveStatus) -> StatusDocument:
    """A status as it comes back from its file."""
    return cast(StatusDocument, status)


def a_lesson(**changes: Any) -> LastLesson:
    """A lesson that was held by itself and is better."""
    known: dict[str, Any] = {
        "at": "2026-11-27T09:00:00.000000+00:00",
        "until": "2026-11-27T08:44:00.000000+00:00",
        "new": 46,
        "examples": 212,
        "new_labels": [],
        "version": "2026-11-27.1",
        "judgement": "better",
        "why": "of 1,278 photos 19 become right and 3 wrong",
        "adopted": False,
        "by_itself": True,
    }
    return cast(LastLesson, known | changes)

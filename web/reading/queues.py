"""What people may look at one after the other: what waits for them, and two queues beside that."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from daemon.domain.photos import Story
from daemon.store import Store

# What is older was sold, or thrown away: nobody asks where it lies.
LOOK_DAYS = 7
# How right it is is told over twelve weeks; an answer for the last four is soon enough to matter.
SPOT_DAYS = 28


class Queue(StrEnum):
    """Photos that people go through."""

    REVIEW = "review"  # a person must decide
    LOOKS = "looks"  # filed, and worth a quick look
    SPOTS = "spots"  # chosen by lot among what was filed without a look


def waiting(store: Store, queue: Queue, today: date, after: int, limit: int) -> list[Story]:
    """Photos of a queue with numbers above `after`, oldest first."""
    match queue:
        case Queue.REVIEW:
            return store.history.waiting(after, limit)
        case Queue.LOOKS:
            return store.history.to_look_at(_days_back(today, LOOK_DAYS), after, limit)
        case Queue.SPOTS:
            return store.spot_checks.unanswered(_days_back(today, SPOT_DAYS), after, limit)


def totals(store: Store, today: date) -> dict[Queue, int]:
    """How many photos each queue has."""
    return {
        Queue.REVIEW: store.history.undecided()["photos"],
        Queue.LOOKS: store.history.count_to_look_at(_days_back(today, LOOK_DAYS)),
        Queue.SPOTS: store.spot_checks.count_unanswered(_days_back(today, SPOT_DAYS)),
    }


def _days_back(today: date, days: int) -> date:
    return today - timedelta(days=days)

"""The photos that came in last, for the screen beside the photo table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from config.settings import Settings
from daemon.domain.photos import Fingerprint
from daemon.domain.return_ids import by_pattern, return_id, return_key
from daemon.store import Arrival, Store
from daemon.store.arrivals import MOST_COUNTED

__all__ = [
    "MOST_COUNTED", "Arrival", "Fingerprint", "came_since", "is_among_newest", "lately",
    "of_number", "return_key", "return_of",
]  # fmt: skip


def lately(store: Store, begin: datetime, at_least: int, at_most: int) -> list[Arrival]:
    """All that came since then, the newest first; nothing that somebody took away again.

    at_least: so many are among them, whenever they came.
    """
    return store.arrivals.lately(begin, at_least, at_most)


def of_number(store: Store, photo: int) -> Arrival | None:
    """The photo of that number; None where there is none, or somebody took it away."""
    return store.arrivals.of_number(photo)


def is_among_newest(store: Store, photo: int, limit: int) -> bool:
    """Whether it is one of the last so many."""
    return store.arrivals.is_among_newest(photo, limit)


def came_since(store: Store, begin: datetime) -> int:
    """How many have come since then."""
    return store.arrivals.since(begin)


def return_of(settings: Settings) -> Callable[[Arrival], str]:
    """Says which return an arrival is of: by what was found out, else by its name."""
    pattern = settings.returns.pattern
    read = return_id if pattern is None else by_pattern(pattern)
    return lambda arrival: arrival.return_id or read(arrival.filename)

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
    "MOST_COUNTED", "Arrival", "Fingerprint", "came_since", "newest", "return_key", "return_of",
]  # fmt: skip


def newest(store: Store, limit: int) -> list[Arrival]:
    """The newest first; nothing that somebody took away again."""
    return store.arrivals.newest(limit)


def came_since(store: Store, begin: datetime) -> int:
    """How many have come since then."""
    return store.arrivals.since(begin)


def return_of(settings: Settings) -> Callable[[Arrival], str]:
    """Says which return an arrival is of: by what was found out, else by its name."""
    pattern = settings.returns.pattern
    read = return_id if pattern is None else by_pattern(pattern)
    return lambda arrival: arrival.return_id or read(arrival.filename)

"""The photos that came in last, for the screen beside the photo table."""

from __future__ import annotations

from collections.abc import Callable

from config.settings import Settings
from daemon.domain.photos import Fingerprint
from daemon.domain.return_ids import reader_of, return_key
from daemon.store import Arrival
from daemon.store.arrivals import MOST_COUNTED

__all__ = ["MOST_COUNTED", "Arrival", "Fingerprint", "return_key", "return_of"]


def return_of(settings: Settings) -> Callable[[Arrival], str]:
    """Says which return an arrival is of: by what was found out, else by its name."""
    read = reader_of(settings.returns.pattern)
    return lambda arrival: arrival.return_id or read(arrival.filename)

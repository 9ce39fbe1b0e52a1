"""What the printed cards say of a shop's own ways: how its photos are named."""

from __future__ import annotations

from config.settings import Settings
from daemon.domain.return_ids import reader_of

# As departments write them; what a shop's own pattern does not understand is not shown.
_NAMES = (
    "return-60521_front.jpg",
    "RET-20251013-001.jpg",
    "ret 20251013 1 back.jpg",
    "60521 label.jpg",
    "R60521.jpg",
    "RMA60521.jpg",
)
_MOST = 3


def named_well(settings: Settings) -> list[tuple[str, str]]:
    """A few file names with the return that each is of; none where none would be understood."""
    read = reader_of(settings.returns.pattern)
    return [(name, found) for name in _NAMES if (found := read(name))][:_MOST]

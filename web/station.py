"""What the screen beside the photo table says of each photo that came in. Pure.

Somebody who stands two metres away must see at once which item to photograph again while it still
lies there: those come first, until a later photo of the same return is as it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from web.reading.arrivals import Arrival, return_key

# So many have place on a screen; the first ones that are urgent take that of several.
PLACES, LARGE, PLACES_OF_LARGE = 12, 2, 4
# After that long an item is not on the table any more.
URGENT = timedelta(minutes=30)
# So many are looked at whenever they came, and at most so many of those that may be urgent.
LOOKED_AT, MOST_LOOKED_AT = 60, 5000

Kind = Literal["again", "late", "retaken", "good", "double", "received"]

_WAITS = frozenset({"queued", "claimed", "classified"})
_MAY_BE_FLAWED = _WAITS | {"review", "quarantined"}
_FLAWS = frozenset({"too_dark", "too_blurred", "too_small"})
_UNREADABLE = frozenset(
    {"corrupt", "truncated", "not_an_image", "too_large", "unreadable", "crashes_decoder"}
)


@dataclass(frozen=True, slots=True)
class Card:
    """A photo as the screen shows it."""

    arrival: Arrival
    kind: Kind
    why: str = ""  # of what is to be taken again: a flaw, `unreadable`, or `asked`
    return_id: str = ""

    @property
    def has_picture(self) -> bool:
        """Whether there may be something to see."""
        return self.why != "unreadable"


def cards(
    arrivals: Sequence[Arrival], return_of: Callable[[Arrival], str], now: datetime
) -> list[Card]:
    """The photos for the screen, what is urgent first, else the newest. arrivals: newest first."""
    made: list[Card] = []
    good: set[str] = set()  # returns of which a later photo is as it should be
    for arrival in arrivals:
        named = return_of(arrival)
        why = flaw(arrival)
        if why:
            kind = _of_flawed(arrival, now, is_retaken=bool(named) and return_key(named) in good)
        else:
            kind = _of_good(arrival)
            if kind == "good":
                good.add(return_key(named))
        made.append(Card(arrival, kind, why, named))
    urgent = sum(card.kind == "again" for card in made)
    most = PLACES - (PLACES_OF_LARGE - 1) * min(LARGE, urgent)
    return sorted(made, key=lambda card: card.kind != "again")[:most]


def _of_flawed(arrival: Arrival, now: datetime, *, is_retaken: bool) -> Kind:
    if is_retaken:
        return "retaken"
    return "again" if is_urgent(arrival, now) else "late"


def is_urgent(arrival: Arrival, now: datetime) -> bool:
    """Whether it is to be taken again, and its item may lie on the table still."""
    return bool(flaw(arrival)) and now - arrival.came < URGENT


def _of_good(arrival: Arrival) -> Kind:
    if arrival.state == "duplicate":
        return "double"
    return "good" if arrival.is_judged else "received"


def flaw(arrival: Arrival) -> str:
    """Why it is to be taken again; empty where it is not, as far as is known."""
    if arrival.state == "retake":
        return "asked"
    if arrival.state not in _MAY_BE_FLAWED:
        return ""
    if arrival.reason in _UNREADABLE:
        return "unreadable"
    return arrival.reason if arrival.reason in _FLAWS else ""

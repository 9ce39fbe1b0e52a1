"""A version that head office promoted: what a station remembers of it, and what it calls it."""

from __future__ import annotations

import re
from typing import Literal

from typing_extensions import TypedDict

# own: it was learnt here. came: it is here, and is to be compared. over: it was, or is none any
# more.
PromotedState = Literal["own", "came", "over"]

# A day and a number, and a station's name: it becomes the name of a file.
_ELSEWHERE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]{1,9}@[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII
)


class Promoted(TypedDict):
    """The newest promotion that this station knows of."""

    id: int
    station: str  # where it was learnt
    name: str  # what it is called here
    sha256: str
    person: str  # who promoted it
    state: PromotedState
    judgement: str  # what came of it; empty until it was compared
    why: str
    adopted: bool


def origin_of(version: str) -> str:
    """The station that learnt a version, by its name; empty: this one, or none."""
    return version.partition("@")[2]


def name_elsewhere(version: str, station: str) -> str:
    """What others call a version of a station: days and numbers are each station's own."""
    return version if origin_of(version) else f"{version}@{station}"


def is_name_elsewhere(name: str) -> bool:
    """Whether it can be what a version of another station is called: any station writes its own."""
    return _ELSEWHERE.fullmatch(name) is not None

"""What people and programs send through the page, and what became of it.

The page writes files into its spool and says in an order which they are; the spool is its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A folder of one request, and the number of the file in it.
_SPOOLED = re.compile(r"[0-9a-f]{1,64}/[0-9]{1,6}")
LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that waits in the page's spool until the order is answered."""

    spooled: str  # where, below the spool
    name: str  # as its sender calls it: anything

    def __post_init__(self) -> None:
        """Raises ValueError for what is no place in a spool."""
        if not _SPOOLED.fullmatch(self.spooled):
            raise ValueError("spooled must be a folder and a number, such as 0a1b/0")
        if len(self.name) > LONGEST_NAME:
            raise ValueError(f"name must have at most {LONGEST_NAME} characters")


@dataclass(frozen=True, slots=True)
class Received:
    """A photo that lies in incoming now, whole."""

    name: str  # as its sender calls it
    path: str  # in incoming


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A file of which nothing is kept."""

    name: str  # as its sender calls it; in an archive its path there
    code: str  # as for photos that cannot be read, or of `orders.Code`
    detail: str  # a sentence for people


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """What became of each photo that was sent."""

    received: tuple[Received, ...] = ()
    refused: tuple[NotTaken, ...] = ()


@dataclass(frozen=True, slots=True)
class ExamplesAnswer:
    """How many examples were taken, and what was not."""

    added: int  # new, or said to be something else than before
    double: int  # known already, or sent twice
    refused: tuple[NotTaken, ...] = ()

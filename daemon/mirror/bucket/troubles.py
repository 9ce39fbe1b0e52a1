"""What cannot be copied while all else can: a file on a bad spot of the disk, one that is refused.

It waits behind everything else, and is tried again more and more rarely.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import structlog

from daemon.domain.clock import Clock
from daemon.domain.photos import as_text
from daemon.domain.status_words import NO_PROBLEM, Problem
from daemon.store.bucket_copies import Copy

log = structlog.get_logger()

_FIRST_WAIT_SECONDS = 30.0
_LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Trouble:
    why: Problem
    tries: int
    due: float  # steady seconds


class Troubles:
    """Those of one bucket; kept from one attempt to the next."""

    def __init__(self, clock: Clock) -> None:
        """Know of none."""
        self._clock = clock
        self.failures = 0
        self._known: dict[int | str, _Trouble] = {}  # by photo, or key of another file

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    @property
    def why(self) -> Problem:
        """Why one of them cannot be copied; empty where there is none."""
        return next((one.why for one in self._known.values()), NO_PROBLEM)

    def knows(self, one: int | str) -> bool:
        """Whether a photo, or the file of a key, is to wait behind all others."""
        return one in self._known

    def is_put_off(self, one: int | str) -> bool:
        """Whether it is not even to be tried yet."""
        return one in self._known and self._known[one].due > self._clock.steady()

    def photos_due(self) -> list[int]:
        """The photos that are to be tried again now."""
        return [one for one in self._known if isinstance(one, int) and not self.is_put_off(one)]

    def failed(self, copy: Copy, why: Problem) -> None:
        """Note that a copy could not be made. The first time it may be anything's fault."""
        self.failures += 1
        one = _name(copy)
        tries = self._known[one].tries if one in self._known else 0
        wait = min(_FIRST_WAIT_SECONDS * 2 ** (tries - 1), _LONGEST_WAIT_SECONDS) if tries else 0
        self._known[one] = _Trouble(why, min(tries + 1, 10), self._clock.steady() + wait)
        if tries == 1:
            log.warning("copy_failed", key=copy.key, place=as_text(copy.place), why=why)

    def settled(self, one: int | str) -> None:
        """Note that it was copied, or needs to be no more."""
        self._known.pop(one, None)

    def keep_files(self, keys: Collection[str]) -> None:
        """Note which files are still to be copied."""
        for one in [one for one in self._known if isinstance(one, str) and one not in keys]:
            self.settled(one)


def _name(copy: Copy) -> int | str:
    return copy.key if copy.photo is None else copy.photo

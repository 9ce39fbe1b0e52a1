"""Intake: waits until a file stops changing.

Events, rescans and start-up all come through `observe`; a file leaves through `settled` once it
has been quiet for the settle time by the daemon's own clock and still looks the same. Holds at
most `capacity` files, so that memory does not grow with what is dropped: the watcher's next look
offers the rest again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from daemon.domain.photos import Fingerprint, Sighting

CAPACITY = 20_000


class Intake:
    """Files that are settling."""

    def __init__(self, settle_seconds: float, capacity: int = CAPACITY) -> None:
        self._settle_seconds = settle_seconds
        self._capacity = capacity
        # By path: what it looked like, and since when it has not changed (steady seconds).
        self._settling: dict[str, tuple[Fingerprint, float]] = {}
        self._first_seen: dict[str, float] = {}  # since when each is waited for, whatever happens

    def __len__(self) -> int:
        return len(self._settling)

    @property
    def room(self) -> int:
        """How many more files can be observed."""
        return self._capacity - len(self._settling)

    def observe(self, sighting: Sighting, now: float) -> None:
        """Start, or start again, to wait for a file; one that did not change goes on waiting."""
        known = self._settling.get(sighting.path)
        if known is None or known[0] != sighting.fingerprint:
            self._wait_again(sighting.path, sighting.fingerprint, now)

    def next_due(self) -> float | None:
        """When the first file may be settled, in steady seconds; None when nothing is settling."""
        first = next(iter(self._settling.values()), None)
        return None if first is None else first[1] + self._settle_seconds

    def settled(
        self,
        now: float,
        look: Callable[[str], Fingerprint | None],
        still_open: Callable[[str], bool],
    ) -> list[Sighting]:
        """Take out the files that are settled.

        look: what a path looks like now, None when it is gone.
        still_open: whether somebody has the file open for writing.
        """
        settled, leaving = [], []
        for path, fingerprint in self._quiet(now):
            seen = look(path)
            if seen is None:
                leaving.append(path)
            elif seen != fingerprint or still_open(path):
                self._wait_again(path, seen, now)
            else:
                leaving.append(path)
                settled.append(Sighting(path, fingerprint))
        # At the end: when a look fails, none of those before it must be lost.
        for path in leaving:
            del self._settling[path]
            del self._first_seen[path]
        return settled

    def held(self, now: float, seconds: float) -> list[tuple[str, float]]:
        """Files that have been waited for so long, and for how long; the longest first."""
        waited = ((path, now - since) for path, since in self._first_seen.items())
        found = [(path, how_long) for path, how_long in waited if how_long >= seconds]
        return sorted(found, key=lambda one: -one[1])

    def _quiet(self, now: float) -> list[tuple[str, Fingerprint]]:
        long_enough = takewhile(
            lambda item: now - item[1][1] >= self._settle_seconds, self._settling.items()
        )
        return [(path, fingerprint) for path, (fingerprint, _) in long_enough]

    def _wait_again(self, path: str, seen: Fingerprint, now: float) -> None:
        # At the end of the line: the dictionary stays ordered by time.
        self._settling.pop(path, None)
        self._settling[path] = (seen, now)
        self._first_seen.setdefault(path, now)

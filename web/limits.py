"""How much one caller may ask for: in a span of time, and at once. In memory, for one process.

Written here, as it is less than what a library would need to be told: 30 lines against a package
with three of its own, whose windows are either rough or kept in a server. A restart forgets, which
harms nobody: what must not be forgotten, failed sign-ins, is in the database.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from config.web import ApiSettings
from web.problems import too_many

Kind = Literal["predictions", "batches", "reads"]
# Callers beyond these are forgotten, the ones first that have not called for longest.
_MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many in so many seconds."""

    kind: Kind
    most: int
    seconds: float
    words: str


class Limits:
    """What each caller has left."""

    def __init__(self, api: ApiSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_once = api.at_once
        self._allowances: Mapping[Kind, Allowance] = {
            one.kind: one
            for one in (
                Allowance("predictions", api.predictions_per_hour, 3600, "predictions an hour"),
                Allowance("batches", api.batches_per_hour, 3600, "batches an hour"),
                Allowance("reads", api.reads_per_minute, 60, "calls a minute"),
            )
        }
        self._taken: dict[tuple[str, Kind], deque[float]] = {}
        self._running: Counter[str] = Counter()

    def take(self, caller: str, kind: Kind) -> dict[str, str]:
        """Count one call; returns the headers that say what is left. Raises Problem 429."""
        allowance, now = self._allowances[kind], self._clock()
        taken = self._calls_of(caller, kind)
        if len(taken) >= allowance.most:
            wait = taken[0] + allowance.seconds - now
            raise too_many(
                f"{allowance.most} {allowance.words} are used up; try again in {wait:.0f} seconds",
                wait,
                headers=_headers(allowance, taken, now),
            )
        taken.append(now)
        return _headers(allowance, taken, now)

    def left(self, caller: str, kind: Kind) -> dict[str, str]:
        """The headers that say what is left."""
        return _headers(self._allowances[kind], self._calls_of(caller, kind), self._clock())

    def give_back(self, caller: str, kind: Kind) -> dict[str, str]:
        """The call counted last does not count; returns the headers that say what is left."""
        taken = self._calls_of(caller, kind)
        if taken:
            taken.pop()
        return self.left(caller, kind)

    @contextmanager
    def place(self, caller: str, kind: Kind) -> Iterator[None]:
        """One of the places for calls at the same time. Raises Problem 429."""
        if self._running[caller] >= self._at_once:
            raise too_many(
                f"{self._at_once} calls of this key are under way; wait for one of them to end",
                1,
                "too_many_at_once",
                self.left(caller, kind),
            )
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]

    def _calls_of(self, caller: str, kind: Kind) -> deque[float]:
        """Those that still count."""
        taken = self._taken.pop((caller, kind), None) or deque[float]()
        while taken and self._clock() - taken[0] >= self._allowances[kind].seconds:
            taken.popleft()
        self._taken[caller, kind] = taken  # the newest last
        if len(self._taken) > _MOST_CALLERS:
            del self._taken[next(iter(self._taken))]
        return taken


def _headers(allowance: Allowance, taken: deque[float], now: float) -> dict[str, str]:
    """Both spellings: the draft's own, and the one that most clients read.

    Source: draft-ietf-httpapi-ratelimit-headers, version 10 and 06.
    """
    left = allowance.most - len(taken)
    reset = round(taken[0] + allowance.seconds - now) if taken else 0
    return {
        "RateLimit-Policy": f'"{allowance.kind}";q={allowance.most};w={allowance.seconds:.0f}',
        "RateLimit": f'"{allowance.kind}";r={left};t={reset}',
        "RateLimit-Limit": str(allowance.most),
        "RateLimit-Remaining": str(left),
        "RateLimit-Reset": str(reset),
    }

"""How long to wait after sign-ins that failed: longer each time, never for ever. Pure arithmetic.

Counted are: a name from one address (who guesses somebody's password), a name from anywhere (who
guesses from many machines), an address (who tries many names). The last two make everybody wait
a minute at most, for they also hit people who did nothing: those behind one proxy, or the one whose
name is tried. A browser in which that person signed in before has a count of its own, and
nobody else's failures keep it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

FORGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Failures of one subject."""

    count: int = 0
    last_at: float = 0.0

    def is_old(self, now: float) -> bool:
        """Whether they are forgotten."""
        return now - self.last_at > FORGET_SECONDS


@dataclass(frozen=True, slots=True)
class Rule:
    """So many are free; then each doubles the seconds to wait, up to a bound."""

    free: int
    most_seconds: float

    def wait(self, tally: Tally, now: float) -> float:
        """Seconds until the next attempt is looked at; 0: now."""
        over = tally.count - self.free
        if over < 0 or tally.is_old(now):
            return 0.0
        delay = min(2.0**over, self.most_seconds) if over < 60 else self.most_seconds
        # A clock that was set back must not add to it.
        return max(0.0, min(delay, tally.last_at + delay - now))


PAIR = Rule(free=5, most_seconds=900.0)
NAME = Rule(free=20, most_seconds=60.0)
ADDRESS = Rule(free=50, most_seconds=60.0)

Subjects = Mapping[str, Callable[[Tally, float], float]]


def subjects(name: str, address: str, device: str | None) -> Subjects:
    """What an attempt counts for.

    name: as names are compared. device: what tells a browser in which this name signed in before.
    """
    if device is not None:
        return {f"device {device}": PAIR.wait}
    return {
        f"pair {name} {address}": PAIR.wait,
        f"name {name}": NAME.wait,
        f"address {address}": ADDRESS.wait,
    }

"""Asks the daemon to act, for the person who is signed in or the key that was sent."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.domain.corrections import Via
from daemon.domain.order import A, Order
from daemon.domain.orders import (
    Acknowledge,
    Code,
    Decide,
    Decision,
    Left,
    PhotosAnswer,
    Speaker,
    TakeBack,
)
from daemon.service.control_client import NoAnswer, give_order
from web.problems import Problem, a_place, busy
from web.reading.state import look
from web.roles import Caller

__all__ = [
    "Code",
    "Decision",
    "Left",
    "Wish",
    "acknowledge",
    "ask",
    "give",
    "refusal",
    "require_daemon",
    "speaker",
]

# The daemon does one after the other; who came later would hold a thread that others need.
_MOST_AT_ONCE = 12
_DOWN_SECONDS = 30

_Said = tuple[int, str]  # status and code of a problem
_NO_SUCH_CATEGORY: _Said = (422, "unknown_category")
_NO_SUCH_ALERT: _Said = (404, "not_found")
_places = threading.BoundedSemaphore(_MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of photos: a decision, or (None) the last one taken back."""

    photos: tuple[int, ...]
    decision: Decision | None
    category: str = ""
    is_new: bool = False  # the category may be one that there was not so far
    upon: tuple[int, ...] = ()  # the last word on each that they saw; empty: whatever was said
    seconds: float = 0.0  # how long they looked at all of them; 0: not measured

    def order(self) -> Decide | TakeBack:
        """As the daemon understands it. Raises ValueError."""
        if self.decision is None:
            return TakeBack(self.photos, self.upon)
        each_ms = round(1000 * self.seconds / len(self.photos))
        return Decide(self.photos, self.decision, self.category, self.is_new, self.upon, each_ms)


def ask(state_dir: Path, wish: Wish, by: Caller) -> tuple[list[int], Sequence[Left]]:
    """Have it done: the numbers of the photos that it was done with, and what was left and why.

    Raises Problem: 503 where the daemon does not run, hangs, or cannot now; 422 for a category that
    there is not; 400 for what makes no sense.
    """
    try:
        order = wish.order()
    except ValueError as exc:
        raise Problem(400, "malformed", str(exc)) from exc
    require_daemon(state_dir, "nothing can be decided")
    answer: PhotosAnswer = give(state_dir, order, by)
    return [one.photo for one in answer.done], answer.left


def acknowledge(state_dir: Path, alert: int, by: Caller) -> str:
    """Have it noted that somebody knows of an alert; returns who said so first.

    Raises Problem: 404 where there is none of that number, 503 as `ask`.
    """
    require_daemon(state_dir, "nothing can be noted")
    return give(state_dir, Acknowledge(alert), by, _NO_SUCH_ALERT).by


def give(state_dir: Path, order: Order[A], by: Caller, impossible: _Said = _NO_SUCH_CATEGORY) -> A:
    """The answer of a daemon that runs. impossible: what that means. Raises Problem as `ask`."""
    with a_place(_places, busy("many calls wait for nightsort just now; try again in a moment", 2)):
        try:
            return give_order(state_dir, order, speaker(by))
        except NoAnswer as exc:
            raise _problem(exc, impossible) from exc


def require_daemon(state_dir: Path, impossible: str) -> None:
    """Raise Problem 503 while the daemon is down. impossible: what cannot be done then."""
    seen = look(state_dir)
    if seen.health == "down":
        raise busy(
            f"nightsort is {seen.state}, so {impossible}; try again when it runs",
            _DOWN_SECONDS,
            "daemon_down",
        )


def speaker(by: Caller) -> Speaker:
    """For whom an order is given."""
    return Speaker(by.name, Via.PAGE if by.kind == "person" else Via.API)


def _problem(error: NoAnswer, impossible: _Said) -> Problem:
    """Why the daemon could not; its codes are in `daemon.service.control.code_of`."""
    match error.code:
        case "impossible":
            return Problem(*impossible, str(error))
        case _:
            return refusal(error, "whether it was done, the photo says")


def refusal(error: NoAnswer, else_look: str) -> Problem:
    """Why the daemon could not, whatever it was asked for.

    else_look: where one sees what came of it, when that is not known; else it is not done, now or
    later.
    """
    match error.code:
        case "bad_order":
            return Problem(400, "malformed", str(error))
        case "defect":
            return Problem(500, "failed", str(error))
        case "refused":
            return busy(str(error), _DOWN_SECONDS, "refused")
        case Code.UNKNOWN_OUTCOME:
            return busy(f"{error}; {else_look}", code=Code.UNKNOWN_OUTCOME)
        case _:
            return busy(f"{error}; it was not done", code="unavailable")

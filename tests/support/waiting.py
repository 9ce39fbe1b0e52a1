"""Waiting for something to become true, with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# For a machine that is slow, or busy with other things; only a failure takes all of it.
DEADLINE_SECONDS = 240.0


def eventually(
    question: Callable[[], T], *, within_s: float = DEADLINE_SECONDS, every_s: float = 0.01
) -> T:
    """The first truthy answer; AssertionError when none came in time.

    What takes long to answer, as a command does, is asked less often: who is asked must get on.
    """
    asked = time.monotonic()
    deadline = asked + within_s
    while not (answer := question()):
        answered = time.monotonic()
        assert answered < deadline, f"not within {within_s} s; last answer: {answer!r}"
        time.sleep(max(every_s, min(0.5, 2 * (answered - asked))))
        asked = time.monotonic()
    return answer

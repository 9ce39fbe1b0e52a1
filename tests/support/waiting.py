"""Waiting for something to become true, with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(question: Callable[[], T], *, within_s: float = 60.0, every_s: float = 0.01) -> T:
    """The first truthy answer; AssertionError when none came in time.

    The time is for a machine that is busy with other things; only a failure takes all of it.
    """
    deadline = time.monotonic() + within_s
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {within_s} s; last answer: {answer!r}"
        time.sleep(every_s)
    return answer

"""Holding up a thread of the code under test where a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.waiting import DEADLINE_SECONDS


class Gate:
    """Holds up whoever passes for the first time, until it is opened."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self.is_open = threading.Event()

    def passing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, which from now on ends at the gate."""

        def held(*args: Any, **kwargs: Any) -> Any:
            answer = function(*args, **kwargs)
            self.is_reached.set()
            assert self.is_open.wait(DEADLINE_SECONDS)
            return answer

        return held


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> Iterator[Gate]:
    """A gate behind a method, which opens at the end of the `with` block."""
    gate = Gate()
    monkeypatch.setattr(owner, method, gate.passing(getattr(owner, method)))
    try:
        yield gate
    finally:
        gate.is_open.set()

"""Signals are answered by a thread of their own, which ends when it is to."""

from __future__ import annotations

import os
import signal

import pytest

from daemon.service.signals import answered
from tests.support.waiting import eventually


def test_what_a_signal_asks_for_is_done_and_who_answered_before_does_so_again() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    asked: list[int] = []
    with answered({signal.SIGUSR1: lambda: asked.append(1)}):
        os.kill(os.getpid(), signal.SIGUSR1)
        eventually(lambda: asked == [1])
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_new_process_that_hangs_with_copies_of_our_files_keeps_nobody_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copies: list[int] = []

    def pipe() -> tuple[int, int]:
        reading, writing = real()
        copies.append(os.dup(writing))
        return reading, writing

    real = os.pipe
    monkeypatch.setattr(os, "pipe", pipe)
    with answered({}):
        pass
    os.close(copies.pop())
    assert copies == []

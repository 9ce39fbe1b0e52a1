"""Signals to the daemon, answered by a thread of their own.

A handler of Python's runs in the main thread, between two of its steps: never, while that hangs in
a call on a dead share. So another thread takes the signals, and reads their numbers from a pipe.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

_END = b"\0"  # no signal's number


@contextmanager
def answered(actions: Mapping[int, Callable[[], object]]) -> Iterator[None]:
    """Let signals ask for something, until the end of the `with` block; in the main thread."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # The interpreter writes the number of each signal there, in whichever thread it arrives.
    before_fd = signal.set_wakeup_fd(writing)
    before = {number: signal.signal(number, lambda *_: None) for number in actions}
    signal.pthread_sigmask(signal.SIG_BLOCK, actions)
    thread = threading.Thread(target=_answer, args=[reading, actions], name="signals")
    thread.start()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, actions)
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)
        # Closing it may tell nobody: a new process that hangs, as in a dead mount, has a copy.
        os.write(writing, _END)
        os.close(writing)
        thread.join()
        os.close(reading)


def _answer(reading: int, actions: Mapping[int, Callable[[], object]]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, actions)
    while (number := os.read(reading, 1)) != _END:
        if number[0] in actions:
            actions[number[0]]()

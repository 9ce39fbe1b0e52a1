"""The bell that ends a wait."""

from __future__ import annotations

import signal
import threading
import time

from daemon.bell import Bell


def test_a_bell_rung_before_the_wait_ends_it_at_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait(60)
    assert not bell.wait(0)


def test_a_wait_ends_by_itself() -> None:
    assert not Bell().wait(0.01)


def test_a_negative_or_endless_time_out_is_no_error() -> None:
    bell = Bell()
    assert not bell.wait(-1)
    bell.ring()
    assert bell.wait(1e12)


def test_another_thread_ends_the_wait() -> None:
    bell = Bell()
    thread = threading.Thread(target=bell.ring)
    thread.start()
    assert bell.wait(10)
    thread.join()


def test_a_signal_handler_may_ring_while_its_own_thread_waits() -> None:
    bell = Bell()
    before = signal.signal(signal.SIGALRM, lambda *_: bell.ring())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        started = time.monotonic()
        assert bell.wait(10)
        assert time.monotonic() - started < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

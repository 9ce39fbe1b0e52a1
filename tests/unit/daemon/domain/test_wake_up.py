"""The wake_up that ends a wait."""

from __future__ import annotations

import signal
import threading
import time

from daemon.domain.wake_up import WakeUp


def test_a_bell_rung_before_the_wait_ends_it_at_once() -> None:
    wake_up = WakeUp()
    wake_up.ring()
    wake_up.ring()
    assert wake_up.wait(60)
    assert not wake_up.wait(0)


def test_a_wait_ends_by_itself() -> None:
    assert not WakeUp().wait(0.01)


def test_a_negative_or_endless_time_out_is_no_error() -> None:
    wake_up = WakeUp()
    assert not wake_up.wait(-1)
    wake_up.ring()
    assert wake_up.wait(1e12)


def test_another_thread_ends_the_wait() -> None:
    wake_up = WakeUp()
    thread = threading.Thread(target=wake_up.ring)
    thread.start()
    assert wake_up.wait(10)
    thread.join()


def test_a_signal_handler_may_ring_while_its_own_thread_waits() -> None:
    wake_up = WakeUp()
    before = signal.signal(signal.SIGALRM, lambda *_: wake_up.ring())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        started = time.monotonic()
        assert wake_up.wait(10)
        assert time.monotonic() - started < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

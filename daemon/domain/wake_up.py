"""A bell that any thread, and any signal handler, can ring to wake one waiting thread."""

from __future__ import annotations

import os
import select
import weakref


class WakeUp:
    """Rung before the wait, it ends the wait at once."""

    def __init__(self) -> None:
        # Not threading.Event: a signal handler that sets one while its own thread holds the
        # event's lock waits forever. A write to an eventfd can never block.
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        weakref.finalize(self, os.close, self._fd)

    def ring(self) -> None:
        """End the wait under way, or the next one."""
        os.eventfd_write(self._fd, 1)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the bell is rung, or the time-out; says whether it was rung."""
        rung = bool(self._poll.poll(min(max(timeout_s, 0.0), 86_400.0) * 1000))
        if rung:
            os.eventfd_read(self._fd)
        return rung

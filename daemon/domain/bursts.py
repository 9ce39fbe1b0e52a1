"""Bursts: what comes again and again for a while is acted on once. Arithmetic, no clock."""

from __future__ import annotations

import threading


class Burst:
    """Due once nothing more has come for a while, and after a longest time at the latest.

    For any thread: one adds, another takes.
    """

    def __init__(self, quiet_seconds: float, longest_seconds: float) -> None:
        self._quiet_seconds = quiet_seconds
        self._longest_seconds = longest_seconds
        self._lock = threading.Lock()
        self._span: tuple[float, float] | None = None  # the first and the last that came

    def add(self, at: float) -> None:
        """Something came, at that time in seconds."""
        with self._lock:
            first, last = self._span or (at, at)
            self._span = first, max(last, at)

    def take(self, now: float) -> bool:
        """Whether it is time to act on what came; it is forgotten then."""
        with self._lock:
            if self._span is None:
                return False
            first, last = self._span
            due = min(last + self._quiet_seconds, first + self._longest_seconds)
            if now < due:
                return False
            self._span = None
            return True

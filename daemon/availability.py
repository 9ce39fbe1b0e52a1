"""Availability: asks now and then whether the folders are there, and tells when that changes.

What makes a folder the right one is the business of `presence`.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from config.errors import FolderUnavailable
from daemon.clock import Clock
from daemon.presence import Presence

log = structlog.get_logger()

CHECK_SECONDS = 5.0


class Availability:
    """Which of incoming, sorted and results are there."""

    def __init__(self, presence: Presence, clock: Clock, returned: Callable[[], None]) -> None:
        """returned: called when a folder is back."""
        self._presence = presence
        self._clock = clock
        self._returned = returned
        self._check_at = float("-inf")
        self.absent: dict[str, str] = {}  # by name: a sentence that says why

    def adopt(self) -> None:
        """Make or adopt the folders at the first start. Raises ConfigError when that fails."""
        self._presence.adopt()

    def check(self) -> None:
        """See whether the folders are there, unless that was done a moment ago."""
        if self._clock.steady() < self._check_at:
            return
        absent = self._presence.check()
        for name in absent.keys() - self.absent.keys():
            log.error("share_unavailable", folder=name, why=absent[name])
        for name in self.absent.keys() - absent.keys():
            log.info("share_available", folder=name)
            self._returned()
        self.absent = absent
        self._check_at = self._clock.steady() + CHECK_SECONDS

    def require(self) -> None:
        """Raise FolderUnavailable unless all folders are there."""
        self.check()
        if self.absent:
            raise FolderUnavailable("; ".join(self.absent.values()))

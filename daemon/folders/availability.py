"""Availability: asks now and then whether the folders are there, and tells when that changes.

What makes a folder the right one is the business of `presence`. One thread asks (in the service
the status thread's, as a folder that hangs may take its time); any thread may read what it found.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from config.errors import FolderUnavailable
from daemon.domain.clock import Clock
from daemon.domain.status_words import Problem, problem
from daemon.folders.presence import Presence

log = structlog.get_logger()

CHECK_SECONDS = 5.0


class Availability:
    """Which of incoming, sorted and results are there."""

    def __init__(
        self, presence: Presence, clock: Clock, returned: Callable[[], None] = lambda: None
    ) -> None:
        """returned: called, in the thread that asks, when a folder is back."""
        self._presence = presence
        self._clock = clock
        self._returned = returned
        self._check_at = float("-inf")
        self._since: dict[str, str] = {}
        self._has_returned = False
        self._whole_since = float("-inf")  # monotonic
        self.absent: dict[str, Problem] = {}  # by name: why, and since when

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
            self._since[name] = f"{self._clock.now():%a %H:%M}"
        back = self.absent.keys() - absent.keys()
        if absent or back:
            self._whole_since = time.monotonic()
        self.absent = {
            name: problem("away", since=self._since[name], problem=why)
            for name, why in absent.items()
        }
        self._check_at = self._clock.steady() + CHECK_SECONDS
        for name in back:
            log.info("share_available", folder=name)
        if back:
            self._has_returned = True
            self._returned()

    def require(self) -> None:
        """Raise FolderUnavailable unless all folders were there at the last look."""
        if self.absent:
            raise FolderUnavailable("; ".join(self.absent.values()))

    def take_return(self) -> bool:
        """Whether a folder has come back since the last call."""
        has_returned, self._has_returned = self._has_returned, False
        return has_returned

    def whole_seconds(self) -> float:
        """For how long all folders have been there; 0 while one is away."""
        return 0.0 if self.absent else time.monotonic() - self._whole_since

    @property
    def free_bytes(self) -> dict[str, int]:
        """Free space by folder, as it was seen last; none for a folder that is away."""
        return {n: free for n, free in self._presence.free_bytes.items() if n not in self.absent}

    @property
    def total_bytes(self) -> dict[str, int]:
        """How large the folders' disks are, as it was seen last."""
        return self._presence.total_bytes

    @property
    def is_one_disk(self) -> bool:
        """Whether photos go from incoming to sorted without being copied, as far as is known."""
        devices = self._presence.devices
        return devices.get("incoming") == devices.get("sorted")

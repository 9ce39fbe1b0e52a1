"""Supervision: what the service manager is told, and when.

`systemd` speaks, `progress` says whether there is any; here it is decided what to say.
"""

from __future__ import annotations

from daemon.domain.status import LiveStatus
from daemon.health.progress import Liveness
from daemon.health.status_file import in_one_line
from daemon.health.systemd import Notifier

# Results of a long run take a while to write; the usual time to stop is for everything else.
_ENDING_SECONDS = 90.0


class Supervision:
    """The service's side of what systemd and it agree on."""

    def __init__(self, notifier: Notifier, liveness: Liveness) -> None:
        self._notifier = notifier
        self._liveness = liveness

    @property
    def longest_silence_seconds(self) -> float:
        """How often `tell` must be called at least."""
        patience = self._notifier.watchdog_seconds
        return float("inf") if patience is None else patience / 4

    def begun(self) -> None:
        """Database open, model loaded, first look at incoming under way."""
        self._notifier.ready()

    def tell(self, document: LiveStatus) -> None:
        """Say how things are, and feed the watchdog if there is progress."""
        self._notifier.status(in_one_line(document))
        if self._notifier.is_ping_due() and self._liveness.beats():
            self._notifier.ping()

    def ending(self) -> None:
        """The loop has ended; what remains is to close the run."""
        self._notifier.stopping(_ENDING_SECONDS)

"""Supervision: what the service manager is told, and when.

`notify` speaks, `pulse` feels whether there is progress; here it is decided what to say.
"""

from __future__ import annotations

from typing import Any

from daemon.notify import Notifier
from daemon.pulse import Pulse
from daemon.status import in_one_line

# Results of a long run take a while to write; the usual time to stop is for everything else.
_ENDING_SECONDS = 90.0


class Supervision:
    """The service's side of what systemd and it agree on."""

    def __init__(self, notifier: Notifier, pulse: Pulse) -> None:
        self._notifier = notifier
        self._pulse = pulse

    @property
    def longest_silence_seconds(self) -> float:
        """How often `tell` must be called at least."""
        patience = self._notifier.watchdog_seconds
        return float("inf") if patience is None else patience / 4

    def begun(self) -> None:
        """Database open, model loaded, first look at incoming under way."""
        self._notifier.ready()

    def tell(self, document: dict[str, Any]) -> None:
        """Say how things are, and feed the watchdog if there is progress."""
        self._notifier.status(in_one_line(document))
        if self._notifier.is_ping_due() and self._pulse.beats():
            self._notifier.ping()

    def ending(self) -> None:
        """The loop has ended; what remains is to close the run."""
        self._notifier.stopping(_ENDING_SECONDS)

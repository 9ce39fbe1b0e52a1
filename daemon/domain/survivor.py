"""What a thread does again and again goes on whatever fails in it."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from config.errors import NightsortError

log = structlog.get_logger()


class Survivor:
    """Takes the steps of one thread: what fails is told once, and the next one comes."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """tell: logs an error that says itself what to do."""
        self._tell = tell
        self._failure = ""

    def take(self, step: Callable[[], None]) -> bool:
        """Take a step, and say whether it did not fail; never raises."""
        try:
            step()
        except Exception as exc:
            if repr(exc) != self._failure:
                self._failure = repr(exc)
                if isinstance(exc, NightsortError):
                    self._tell(str(exc))
                else:
                    log.critical("defect_met", exc_info=True)
            return False
        self._failure = ""
        return True

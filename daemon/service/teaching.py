"""Teaching: what people decide becomes examples within seconds, and lessons, between runs.

What waits for them is looked at, too, so that alike photos can stand together.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from config.errors import TransientError
from daemon.domain.clock import Clock
from daemon.service.lessons import Lessons
from daemon.sorting.gathering import Gathering

log = structlog.get_logger()

# So long at a time: the loop has other things to do. A photo takes some 40 ms.
_AT_ONCE_SECONDS = 1.0
# After photos that could not be looked at.
_PAUSE_SECONDS = 60.0


@dataclass(slots=True)
class _Looking:
    """Photos of one kind to look at, and when it is tried again."""

    gathering: Gathering
    due: float = float("-inf")  # steady seconds


class Teaching:
    """Has the photos looked at that people's words are about, or will be, and lessons held."""

    def __init__(
        self, examples: Gathering, sights: Gathering, lessons: Lessons, clock: Clock
    ) -> None:
        """examples: photos that people spoke about. sights: those that wait for a word."""
        self._examples, self._sights = _Looking(examples), _Looking(sights)
        self.lessons = lessons
        self._clock = clock

    def step(self) -> None:
        """Look at some; hold a lesson. All folders must be there, nobody sorting."""
        now = self._clock.steady()
        if self._is_due(self._examples, now):
            if count := self._look(self._examples, now):
                log.info("examples_kept", count=count)
        elif self._is_due(self._sights, now):
            self._look(self._sights, now)
        else:
            self.lessons.step()

    def _is_due(self, looking: _Looking, now: float) -> bool:
        return now >= looking.due and looking.gathering.is_due

    def _look(self, looking: _Looking, now: float) -> int:
        """A folder that does not answer is no trouble of the sorting: it is tried again."""
        try:
            count = looking.gathering.gather(lambda: self._clock.steady() - now < _AT_ONCE_SECONDS)
        except TransientError:
            count = 0
        if not count:
            looking.due = now + _PAUSE_SECONDS
        return count

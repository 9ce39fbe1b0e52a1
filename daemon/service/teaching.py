"""Teaching: what people decide becomes examples within seconds, and lessons, between runs."""

from __future__ import annotations

from config.errors import TransientError
from daemon.domain.clock import Clock
from daemon.service.lessons import Lessons
from daemon.sorting.gathering import Gathering

# So long at a time: the loop has other things to do. A photo takes some 40 ms.
_AT_ONCE_SECONDS = 1.0
# After photos that could not be looked at.
_PAUSE_SECONDS = 60.0


class Teaching:
    """Has the examples looked at that people's words make, and lessons held of them."""

    def __init__(self, gathering: Gathering, lessons: Lessons, clock: Clock) -> None:
        self._gathering = gathering
        self.lessons = lessons
        self._clock = clock
        self._due = float("-inf")  # steady seconds

    def step(self) -> None:
        """Look at some; hold a lesson. All folders must be there, nobody sorting.

        A folder that does not answer meanwhile is no trouble of the sorting: it is tried again.
        """
        now = self._clock.steady()
        if now < self._due or not self._gathering.is_due:
            self.lessons.step()
            return
        try:
            gathered = self._gathering.gather(lambda: self._clock.steady() - now < _AT_ONCE_SECONDS)
        except TransientError:
            gathered = 0
        if not gathered:
            self._due = now + _PAUSE_SECONDS

"""Back-off: after a failure of the surroundings the next try waits, longer with each in a row."""

from __future__ import annotations

from config.errors import ModelError, SelfTestFailed
from daemon.domain.clock import Clock
from daemon.domain.failures import retry_delay
from daemon.domain.status import FailingStatus
from daemon.domain.status_words import NO_PROBLEM, Problem, problem_of


class BackOff:
    """How often in a row it failed, why, and when the next try is due."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._error: Exception | None = None
        self._try_again_at = 0.0
        self.failures = 0  # in a row

    def failed(self, error: Exception) -> None:
        """It failed once more."""
        self._error = error
        self._try_again_at = self._clock.steady() + retry_delay(self.failures)
        self.failures += 1

    def succeeded(self) -> None:
        """It did not fail this time."""
        self._error, self.failures = None, 0

    def end_wait(self) -> None:
        """What it waits for may be over: the next try is due at once."""
        self._try_again_at = 0.0

    def seconds_left(self) -> float:
        """Until the next try is due; 0 when it is."""
        return max(0.0, self._try_again_at - self._clock.steady())

    @property
    def trouble(self) -> Problem:
        """Why the last try failed; empty when it did not."""
        return NO_PROBLEM if self._error is None else problem_of(self._error)

    def failing(self) -> FailingStatus | None:
        """For the status: the failure, while it lasts."""
        if self._error is None:
            return None
        return {
            "why": self.trouble,
            "failures": self.failures,
            "is_model": isinstance(self._error, ModelError | SelfTestFailed),
        }

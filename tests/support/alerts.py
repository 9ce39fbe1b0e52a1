"""Targets for tests of alerting: they remember what they were told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

from config.sections import Severity
from daemon.alerting.alert import Alert, Outcome

DELIVERED = Outcome(is_delivered=True)


class FakeTarget:
    """Takes everything, unless `answer` says otherwise."""

    def __init__(
        self,
        name: str,
        severities: Sequence[str] = get_args(Severity),
        answer: Callable[[Alert], Outcome] = lambda _: DELIVERED,
    ) -> None:
        self.name = name
        self.severities = tuple(severities)
        self.told: list[Alert] = []
        self._answer = answer

    def deliver(self, alert: Alert, deadline_seconds: float) -> Outcome:
        outcome = self._answer(alert)
        if outcome.is_delivered:
            self.told.append(alert)
        return outcome

"""What a station says of itself to the mirror, now and then: how it is, and how right.

Figures alone, and sentences about trouble; no photo, no name, and no wage.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NotRequired, Protocol

from typing_extensions import TypedDict

from config.value import ValueSettings
from daemon.domain.accuracy import Rate
from daemon.domain.promotions import Promoted
from daemon.domain.status import LiveStatus, QueueStatus, UndecidedStatus
from daemon.domain.status_words import Problem
from daemon.domain.summaries import MeasuredDocument
from daemon.domain.value import Value
from daemon.reporting.accuracy import Accuracy, added_up
from daemon.reporting.periods import Period
from daemon.reporting.value import measured_until
from daemon.store import Store
from daemon.store.facts import PROMOTED

SAY_SECONDS = 30.0
# As the page of the station itself tells it.
_ACCURACY_WEEKS = 12

Triple = tuple[int, int, int]  # right, checked, shown


class AccuracyStatus(TypedDict):
    """Spot checks of the last weeks."""

    until: str  # the day up to which they are told
    weeks: dict[str, Triple]
    versions: dict[str, Triple]


class PromotedStatus(TypedDict):
    """What came of the newest version that was promoted."""

    id: int
    name: str
    state: str
    judgement: str
    why: str
    adopted: bool


class StationStatus(TypedDict):
    """How a station is: what stands in `nightsort.states`."""

    state: str
    problems: list[Problem]
    model: str
    queue: QueueStatus
    undecided: UndecidedStatus
    alerts: list[str]  # rules that hold
    waiting: int  # changes that were not copied yet
    accuracy: AccuracyStatus
    promoted: NotRequired[PromotedStatus]  # the newest version from head office
    measured: NotRequired[dict[str, MeasuredDocument]]  # of these, by band; older ones do not say
    seconds: dict[str, float]  # by_hand, review and check: measured, or what `[value]` assumes


class There(Protocol):
    """Where it is said; a `daemon.mirror.copier.Copier` is such."""

    def say(self, status: StationStatus) -> None:
        """Say how this station is."""


class Saying:
    """Says it when it is due: now and then, and at once where it is another way."""

    def __init__(self, value: ValueSettings, now: Callable[[], datetime]) -> None:
        """now: the time by this station's clocks."""
        self._value = value
        self._now = now
        self._status: LiveStatus | None = None
        self._said: tuple[object, ...] | None = None
        self._said_at = float("-inf")

    def take(self, status: LiveStatus) -> None:
        """Take the newest status; for any thread."""
        self._status = status

    def say(self, there: There, store: Store) -> None:
        """Say it, where it is due. Raises what `there` does."""
        status, now = self._status, time.monotonic()
        if status is None:
            return
        brief = (status["state"], status["problems"], store.facts.get(PROMOTED))
        if brief == self._said and now - self._said_at < SAY_SECONDS:
            return
        there.say(document_of(status, store, self._value, self._now().date()))
        self._said, self._said_at = brief, now


def document_of(
    status: LiveStatus, store: Store, value: ValueSettings, today: date
) -> StationStatus:
    """What is said."""
    worth = Value(0, 0, 0, value, measured=measured_until(store, value, today)).as_json()
    said: StationStatus = {
        "state": status["state"],
        "problems": status["problems"],
        "model": status["model"],
        "queue": status["queue"],
        "undecided": status["undecided"],
        "alerts": status["alerts"].get("open", []),
        "waiting": store.mirrored.waiting(),
        "accuracy": _accuracy(store, today),
        "seconds": worth["seconds"],
        "measured": worth["measured"],
    }
    promoted: Promoted | None = store.facts.get(PROMOTED)
    if promoted is not None:
        said["promoted"] = {
            "id": promoted["id"],
            "name": promoted["name"],
            "state": promoted["state"],
            "judgement": promoted["judgement"],
            "why": promoted["why"],
            "adopted": promoted["adopted"],
        }
    return said


def accuracy_period(today: date) -> Period:
    """The weeks of which it is told."""
    return Period(today - timedelta(weeks=_ACCURACY_WEEKS) + timedelta(days=1), today)


def _accuracy(store: Store, today: date) -> AccuracyStatus:
    """By spot checks alone: what else people said was not chosen by lot."""
    period = accuracy_period(today)
    found: Accuracy = added_up(period, store.spot_checks.newest(period.first))
    return {
        "until": today.isoformat(),
        "weeks": {week: _triple(rate) for week, rate in found.by_week},
        "versions": {version: _triple(rate) for version, rate in found.by_version},
    }


def _triple(rate: Rate) -> Triple:
    return rate.right, rate.checked, rate.shown

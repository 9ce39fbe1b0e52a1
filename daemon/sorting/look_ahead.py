"""Looking ahead: waiting photos are judged while the box is idle, so that the run only files them.

Never beside a run, a few photos at a time, in a thread of low priority, and at most for a share of
one core. Nothing moves. What is in hand is journaled as in a run; whatever goes wrong with a photo
is left to the run.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass

import structlog

from classifier.classifier import MODEL_BATCH
from config.errors import NightsortError
from daemon.domain.clock import Clock
from daemon.domain.photos import Photo
from daemon.domain.sorting import Examined
from daemon.folders.machine import is_on_battery
from daemon.sorting.workers import LookedAhead, Workers
from daemon.store.ahead import Ahead

log = structlog.get_logger()

_MOST_BYTES = 16_000_000
# After a failure, or on a laptop that is not plugged in.
_PAUSE_SECONDS = 60.0
_LOOK_UP_SECONDS = 0.5
# Whoever ends waits so long for what is in hand.
_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _InHand:
    photos: list[Photo]
    mark: str
    looked: Future[LookedAhead]


class LookAhead:
    """Judges waiting photos, step by step; for the service's own thread."""

    def __init__(
        self,
        ahead: Ahead,
        workers: Workers,
        clock: Clock,
        share: float,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """share: of one core, above 0, at most 1. wake: called when a step has ended."""
        self._ahead = ahead
        self._workers = workers
        self._clock = clock
        self._share = share
        self._wake = wake
        self._in_hand: _InHand | None = None
        self._mark = ""
        self._due = 0.0  # steady seconds
        self._has_more = True
        self._photos, self._seconds = 0, 0.0  # since that was told

    def turn(self) -> None:
        """Take the next step, if there is one and it is due. No run may be under way."""
        self._take_back()
        if self._in_hand is not None or self._clock.steady() < self._due:
            return
        if is_on_battery():
            self._due = self._clock.steady() + _PAUSE_SECONDS
            return
        if (mark := self._workers.mark()) != self._mark:
            self._ahead.keep_only(mark)
            self._mark = mark
        photos = self._ahead.claim(MODEL_BATCH, _MOST_BYTES, self._clock.steady(), self._clock.boot)
        self._has_more = bool(photos)
        if photos:
            looked = self._workers.look_ahead(photos)
            self._in_hand = _InHand(photos, mark, looked)
            looked.add_done_callback(lambda _: self._wake())
        else:
            self._tell()

    def finish(self, between: Callable[[], None]) -> None:
        """Wait for what is in hand: a run is to begin. between: called now and then meanwhile."""
        while self._in_hand is not None:
            wait([self._in_hand.looked], _LOOK_UP_SECONDS)
            self._take_back()
            if self._in_hand is not None:
                between()
        self._tell()

    def leave(self) -> None:
        """The process ends: no photo is to be blamed for what it had in hand.

        Where that hangs, so does this: only who looks after the process can end it then.
        """
        if (hand := self._in_hand) is not None:
            wait([hand.looked], _PATIENCE_SECONDS)
            self._take_back()
            if self._in_hand is not None:
                self._ahead.release(hand.photos)
                self._in_hand = None
                wait([hand.looked])
        self._tell()

    def next_due(self) -> float | None:
        """When the next step is due, in steady seconds; None: when something else happens."""
        return self._due if self._has_more and self._in_hand is None else None

    def count(self) -> int:
        """How many waiting photos were looked at."""
        return self._ahead.count()

    def _take_back(self) -> None:
        """Keep what was found, once it is there."""
        hand = self._in_hand
        if hand is None or not hand.looked.done():
            return
        self._in_hand = None
        try:
            looked = hand.looked.result()
        except NightsortError as exc:
            self._ahead.release(hand.photos)
            self._fail(str(exc))
        except Exception:
            # A defect of ours shows with one of them; the run finds out with which.
            self._ahead.pass_over(hand.photos, hand.mark)
            log.exception("look_ahead_failed", why="a defect of nightsort")
            self._due = self._clock.steady() + _PAUSE_SECONDS
        else:
            self._keep(hand, looked)

    def _keep(self, hand: _InHand, looked: LookedAhead) -> None:
        examined = [look for look in looked.found if isinstance(look, Examined)]
        self._ahead.keep(examined, hand.mark, looked.seconds / len(hand.photos))
        self._ahead.pass_over(hand.photos, hand.mark)  # those that are left
        self._photos += len(examined)
        self._seconds += looked.seconds
        self._due = self._clock.steady() + looked.seconds * (1 / self._share - 1)

    def _fail(self, why: str) -> None:
        log.warning("look_ahead_failed", why=why)
        self._due = self._clock.steady() + _PAUSE_SECONDS

    def _tell(self) -> None:
        if self._photos:
            log.info("looked_ahead", photos=self._photos, seconds=round(self._seconds, 3))
        self._photos, self._seconds = 0, 0.0

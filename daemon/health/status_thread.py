"""The status thread looks after the folders and says how things are, whatever the loop does.

A share that hangs may hold up the service's loop in the middle of a call, for minutes and beyond
the reach of any signal. This thread touches the share through helpers only, so it goes on: status,
service manager and metrics hear what keeps the service, and that it is to end. When it is to end
and a share does not let it, this thread ends it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from config.errors import NightsortError
from daemon.domain.status import LiveStatus
from daemon.folders.availability import Availability
from daemon.health.progress import Liveness
from daemon.health.status_document import Moment, StatusGatherer

log = structlog.get_logger()

TURN_SECONDS = 1.0
# What is asked to end, and hangs in a share, is given this long; then it ends as if it crashed.
LAST_PATIENCE_SECONDS = 10.0
_JOIN_SECONDS = 5.0


class Listener(Protocol):
    """Somebody who wants to know how things are."""

    def tell(self, document: LiveStatus) -> None:
        """Take the newest status; called several times a second, in the status thread."""


class StatusThread:
    """Keeps watch over one service."""

    def __init__(
        self,
        availability: Availability,
        liveness: Liveness,
        gatherer: StatusGatherer,
        listeners: Sequence[Listener],
        *,
        turn_seconds: float = TURN_SECONDS,
        last_patience_seconds: float = LAST_PATIENCE_SECONDS,
    ) -> None:
        self._availability = availability
        self._liveness = liveness
        self._gatherer = gatherer
        self._listeners = listeners
        self._turn_seconds = min(turn_seconds, TURN_SECONDS)
        self._abandon: Callable[[], None] | None = None
        self._last_patience_seconds = last_patience_seconds
        self._moment: Moment | None = None
        self._asked_to_stop_at: float | None = None
        self._is_over = False
        self._news = threading.Event()
        self._defect = ""

    def note(self, moment: Moment) -> None:
        """Take the loop's newest word about itself, and tell it soon."""
        self._moment = moment
        self._news.set()

    def beat(self) -> None:
        """The loop is alive; from its thread."""
        self._liveness.beat()

    def stop_asked(self) -> None:
        """The service was asked to end; from any thread."""
        self._asked_to_stop_at = self._asked_to_stop_at or time.monotonic()
        self._news.set()

    @contextmanager
    def kept(self, abandon: Callable[[], None] | None = None) -> Iterator[None]:
        """Keep watch until the end of the `with` block; what was noted last is told last.

        abandon: ends the process at once; called when it is to end, and a share keeps it from that.
        """
        self._abandon = abandon
        thread = threading.Thread(target=self._keep, name="status", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over = True
            self._news.set()
            thread.join(_JOIN_SECONDS)

    def _keep(self) -> None:
        while not self._is_over:
            self._news.clear()
            self._survive(self._turn)
            self._news.wait(self._turn_seconds)
        self._survive(self._tell)

    def _turn(self) -> None:
        with suppress(NightsortError):  # the state folder fails: that is the loop's to tell
            self._availability.check()
        self._survive(self._tell)  # whatever it meets, who hangs is ended
        if self._abandon is not None and self._is_kept_from_ending():
            log.warning("ended_without_share", why="; ".join(self._availability.absent.values()))
            self._abandon()

    def _tell(self) -> None:
        if self._moment is None:
            return
        moment = self._moment
        if self._asked_to_stop_at is not None:
            moment = replace(moment, state="stopping")
        document = self._gatherer.document(moment)
        for listener in self._listeners:
            self._survive(partial(listener.tell, document))

    def _is_kept_from_ending(self) -> bool:
        """Whether the loop hangs in a share although it was asked to end."""
        asked = self._asked_to_stop_at
        return (
            asked is not None
            and bool(self._availability.absent)
            and min(time.monotonic() - asked, self._liveness.silent_seconds())
            > self._last_patience_seconds
        )

    def _survive(self, step: Callable[[], None]) -> None:
        """Take a step; a defect of ours is told once, and the status thread goes on."""
        try:
            step()
        except Exception as exc:
            if repr(exc) != self._defect:
                self._defect = repr(exc)
                log.critical("defect_met", exc_info=True)

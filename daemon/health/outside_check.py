"""The outside check: says when the daemon is dead or silent, as it cannot say so itself.

Started by a timer, and when the unit has failed. Needs nothing of the daemon but its status file
and its lock; what it tells it notes in the store, where the daemon finds it when it lives again,
and where the store cannot be used, in a small file of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

import structlog

from config.errors import NightsortError
from config.settings import Settings
from daemon.alerting import rules
from daemon.alerting.conditions import Conditions, Incidents, Observation, Patience
from daemon.alerting.file_outbox import FileOutbox
from daemon.alerting.outbox import Addressee, Outbox
from daemon.alerting.senders import Senders
from daemon.domain.alerts import Alert, Sent
from daemon.domain.clock import Clock
from daemon.domain.status import StatusDocument
from daemon.domain.status_words import Problem
from daemon.domain.timetable import schedule_of
from daemon.health.status_file import NOT_RUNNING, read
from daemon.store import DATABASE, Delivery, Store, is_free
from daemon.store.facts import ATTENDED, ENDED_BY

log = structlog.get_logger()

# A service that is just being restarted is not dead.
PATIENCE_SECONDS = 10.0
_DELIVERY_SECONDS = 40.0
_STORE_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SeenFromOutside:
    """What was seen of the daemon from outside."""

    is_alive: bool
    document: StatusDocument
    is_explained: bool = False  # the document says why it is so, not only that it is

    def because(self, why: Problem) -> SeenFromOutside:
        """The same, with the reason for it."""
        return SeenFromOutside(
            self.is_alive, self.document | {"problems": [why]}, is_explained=True
        )


class _Box(Protocol):
    """An outbox, in the store or in a file."""

    def due(self, targets: Sequence[Addressee], now: datetime, /) -> list[Delivery]:
        """What is to be tried now."""

    def note(self, delivery: Delivery, outcome: Sent, now: datetime, /) -> None:
        """Record how an attempt ended."""


def look(state_dir: Path, environment: Mapping[str, str]) -> SeenFromOutside:
    """See whether the daemon runs and speaks; log a critical event when it does not.

    environment: says how the unit ended, where systemd started us because it did. Else the daemon
    gets some seconds to answer.
    """
    patience = 0.0 if "MONITOR_SERVICE_RESULT" in environment else PATIENCE_SECONDS
    deadline = time.monotonic() + patience
    while True:
        document, code = read(state_dir)
        if code != NOT_RUNNING and document["state"] != "hangs":
            return SeenFromOutside(True, document)
        if time.monotonic() >= deadline:
            break
        time.sleep(0.5)
    log.critical(
        "service_silent",
        state=document["state"],
        why=document["problems"][0],
        result=environment.get("MONITOR_SERVICE_RESULT"),
        exit_status=environment.get("MONITOR_EXIT_STATUS"),
    )
    return SeenFromOutside(False, document)


class OutsideCheck:
    """Tells people what the daemon cannot."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        targets: Sequence[Addressee],
        environment: Mapping[str, str],
    ) -> None:
        """environment: names a folder that outlives us, and survives a full disk, if there is one.

        Without one that file lies in the state folder.
        """
        self._settings = settings
        self._clock = clock
        self._targets = targets
        self._environment = environment
        folder = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
        self._file_outbox = FileOutbox(
            Path(folder) if folder else settings.state_dir, settings.state_dir
        )

    def tell(self, seen: SeenFromOutside) -> None:
        """Tell what is to be told of what was seen, once; never raises for a store that fails."""
        if not (seen.is_alive or self._targets):
            why = "no target of the settings can be used; set or correct [alerts] targets"
            log.critical("nobody_told", why=why)
        if seen.is_alive:
            # What the store knows is the daemon's to tell.
            known = self._file_outbox.incidents()
            over = [Observation(rule, False, {}) for rule, _ in known]
            self._file_outbox.put(self._judged(over, known))
        else:
            # Where the daemon only hangs, its own alerting may live, and use the store.
            with nullcontext(None) if seen.document["state"] == "hangs" else self._store() as store:
                self._tell_dead(seen, store)
        self._deliver(self._file_outbox)

    def _tell_dead(self, seen: SeenFromOutside, store: Store | None) -> None:
        outbox = None if store is None else Outbox(store)
        noted = self._file_outbox.incidents()
        known = {**(outbox.incidents() if outbox else {}), **noted}
        for alert in self._judged(self._observations(seen, store, known), known):
            if outbox is None or (alert.rule, "") in noted or not outbox.keeps([alert]):
                self._file_outbox.put([alert])
        if outbox is not None:
            outbox.begin(self._clock.now())
            self._deliver(outbox)

    def _observations(
        self, seen: SeenFromOutside, store: Store | None, known: Incidents
    ) -> Iterator[Observation]:
        yield self._of_end(seen, store, known)
        window = self._settings.window
        attended = None if store is None else store.facts.get(ATTENDED)
        if window.mode != "window" or attended is None:
            return
        now = self._clock.now()
        missed = rules.missed_window(schedule_of(window), datetime.fromisoformat(attended), now)
        queue = seen.document["queue"]
        waiting = queue["waiting"] if queue else None
        hours = self._settings.alerts.missed_window_hours
        yield rules.of_missed_window(missed, now, hours, waiting)

    def _of_end(self, seen: SeenFromOutside, store: Store | None, known: Incidents) -> Observation:
        """That it is silent; or what it told itself of why it ended, which is not told twice."""
        rule = None if store is None or seen.is_explained else store.facts.get(ENDED_BY)
        told = None if rule is None else known.get((rule, ""))
        if told is not None:
            return Observation(told.rule, True, told.facts)
        facts = {
            "state": seen.document["state"],
            "why": seen.document["problems"][0],
            "result": self._environment.get("MONITOR_SERVICE_RESULT"),
            "exit_status": self._environment.get("MONITOR_EXIT_STATUS"),
        }
        return Observation("service_silent", True, facts)

    def _judged(self, seen: Iterable[Observation], known: Incidents) -> list[Alert]:
        conditions = Conditions()
        now, steady = self._clock.now(), self._clock.steady()
        told = (conditions.judge(one, known, Patience(), now, steady) for one in seen)
        return [alert for alert in told if alert is not None]

    @contextmanager
    def _store(self) -> Iterator[Store | None]:
        """The store, where it can be written to."""
        state_dir = self._settings.state_dir
        store = None
        with suppress(NightsortError):
            if (state_dir / DATABASE).exists() and is_free(state_dir):
                store = Store(state_dir, patience_seconds=_STORE_PATIENCE_SECONDS)
        if store is None:
            yield None
            return
        with closing(store):
            yield store

    def _deliver(self, box: _Box) -> None:
        """Try everything that waits, all targets at a time."""
        post: SimpleQueue[tuple[Delivery, Sent]] = SimpleQueue()
        senders = Senders(lambda delivery, outcome: post.put((delivery, outcome)))
        senders.take(self._targets)
        deadline = time.monotonic() + _DELIVERY_SECONDS
        senders.give(box.due(self._targets, self._clock.now()))
        while not senders.are_idle and (left := deadline - time.monotonic()) > 0:
            with suppress(Empty):
                delivery, outcome = post.get(timeout=left)
                box.note(delivery, outcome, self._clock.now())
                senders.arrived(delivery)

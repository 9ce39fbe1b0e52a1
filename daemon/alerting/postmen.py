"""Postmen: a thread for each target, so that one that does not answer never holds up another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import structlog

from daemon.alerting.alert import Outcome
from daemon.alerting.outbox import Target
from daemon.store import Delivery

log = structlog.get_logger()

Report = Callable[[Delivery, Outcome], None]

DEADLINE_SECONDS = 30.0


class Postmen:
    """Delivers in the background, each alert to one target at a time and in the order given."""

    def __init__(self, report: Report) -> None:
        """report: told how each attempt ended, in another thread."""
        self._report = report
        self._postmen: dict[str, _Postman] = {}
        self._on_their_way: set[tuple[str, str]] = set()
        self._deadline_seconds = DEADLINE_SECONDS

    def take(self, targets: Sequence[Target]) -> None:
        """From now on these are the targets."""
        new = {target.name: target for target in targets}
        for name in self._postmen.keys() - new.keys():
            self._postmen.pop(name).dismiss()
        for name, target in new.items():
            if name in self._postmen:
                self._postmen[name].target = target
            else:
                self._postmen[name] = _Postman(target, self._report)

    def give(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver these, except what is on its way already."""
        for delivery in deliveries:
            way = delivery.alert.key, delivery.target
            postman = self._postmen.get(delivery.target)
            if postman is not None and way not in self._on_their_way:
                self._on_their_way.add(way)
                postman.letters.put((delivery, self._deadline_seconds))

    def hurry(self, deadline_seconds: float) -> None:
        """From now on no attempt may take longer than that: the process ends."""
        self._deadline_seconds = min(deadline_seconds, DEADLINE_SECONDS)

    def arrived(self, delivery: Delivery) -> None:
        """What became of a delivery is recorded: it may be tried again."""
        self._on_their_way.discard((delivery.alert.key, delivery.target))

    @property
    def are_idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._on_their_way


class _Postman:
    """Serves one target."""

    def __init__(self, target: Target, report: Report) -> None:
        self.target = target
        self.letters: SimpleQueue[tuple[Delivery, float] | None] = SimpleQueue()
        self._report = report
        # A daemon thread: a target that hangs must not keep the process from ending.
        threading.Thread(target=self._work, name="postman", daemon=True).start()

    def dismiss(self) -> None:
        """End the thread after what it has in hand."""
        self.letters.put(None)

    def _work(self) -> None:
        while (letter := self.letters.get()) is not None:
            delivery, deadline_seconds = letter
            self._report(delivery, self._deliver(delivery, deadline_seconds))

    def _deliver(self, delivery: Delivery, deadline_seconds: float) -> Outcome:
        try:
            return self.target.deliver(delivery.alert, deadline_seconds)
        except Exception as exc:  # a defect of ours must not silence a target
            log.critical("defect_met", exc_info=True)
            return Outcome(is_delivered=False, error=f"unexpected {type(exc).__name__}")

"""Senders: a thread for each target, so that one that does not answer never holds up another.

What speaks with the outside is a process of its own (`send_process`), waited for only so long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import structlog

from daemon.alerting.outbox import Addressee
from daemon.alerting.tasks import Task
from daemon.domain.alerts import Sent
from daemon.folders.child_processes import answered
from daemon.store import Delivery

log = structlog.get_logger()

Report = Callable[[Delivery, Sent], None]

DEADLINE_SECONDS = 30.0


class Senders:
    """Delivers in the background, each alert to one target at a time and in the order given."""

    def __init__(self, report: Report) -> None:
        """report: told how each attempt ended, in another thread."""
        self._report = report
        self._senders: dict[str, _Sender] = {}
        self._on_their_way: set[tuple[str, str]] = set()
        self._deadline_seconds = DEADLINE_SECONDS

    def take(self, targets: Sequence[Addressee]) -> None:
        """From now on these are the targets."""
        new = {target.name: target for target in targets}
        for name in self._senders.keys() - new.keys():
            self._senders.pop(name).end()
        for name, target in new.items():
            if name in self._senders:
                self._senders[name].target = target
            else:
                self._senders[name] = _Sender(target, self._report)

    def give(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver these, except what is on its way already."""
        for delivery in deliveries:
            way = delivery.alert.key, delivery.target
            sender = self._senders.get(delivery.target)
            if sender is not None and way not in self._on_their_way:
                self._on_their_way.add(way)
                sender.waiting.put((delivery, self._deadline_seconds))

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


class _Sender:
    """Serves one target."""

    def __init__(self, target: Addressee, report: Report) -> None:
        self.target = target
        self.waiting: SimpleQueue[tuple[Delivery, float] | None] = SimpleQueue()
        self._report = report
        # A daemon thread: a target that hangs must not keep the process from ending.
        threading.Thread(target=self._work, name="sender", daemon=True).start()

    def end(self) -> None:
        """End the thread after what it has in hand."""
        self.waiting.put(None)

    def _work(self) -> None:
        while (task := self.waiting.get()) is not None:
            delivery, deadline_seconds = task
            self._report(delivery, self._deliver(delivery, deadline_seconds))

    def _deliver(self, delivery: Delivery, deadline_seconds: float) -> Sent:
        try:
            return self.target.deliver(delivery.alert, deadline_seconds)
        except Exception as exc:  # a defect of ours must not silence a target
            log.critical("defect_met", exc_info=True)
            return Sent(is_delivered=False, error=f"unexpected {type(exc).__name__}")


def send(task: Task) -> Sent:
    """Have `task` sent by a process of its own.

    Never raises; the error may hold secrets that its caller must mask.
    """
    answer, problem = answered("daemon.alerting.send_process", {**task}, task["seconds"])
    if problem:
        return Sent(False, problem)
    is_delivered, error = answer
    return Sent(is_delivered, error)

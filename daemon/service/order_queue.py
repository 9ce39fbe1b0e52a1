"""Orders that wait for their turn, and those who wait for their answers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import structlog

from config.errors import NightsortError, StoreDamaged
from daemon.domain.forgetting import Receipt
from daemon.domain.orders import Answer, FilesAnswer, Given

log = structlog.get_logger()

# Carries an order out; what it returns may come later.
CarryOut = Callable[[Given], Answer | Future[FilesAnswer] | Future[Receipt]]
# Says that an order is begun to whoever gave it; False: they do not wait for it any more.
Begin = Callable[[], bool]


def always() -> bool:
    """Whoever gave it waits."""
    return True


class OrderQueue:
    """Takes orders from any thread; the service's own thread has them carried out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_over = False
        self._waiting: deque[tuple[Given, Future[Answer], Begin]] = deque()

    def give(self, given: Given, begin: Begin = always) -> Future[Answer]:
        """Ask for something; the answer comes when it is done."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._is_over:
                answer.cancel()
            else:
                self._waiting.append((given, answer, begin))
        return answer

    def carry_out(self, carry_out: CarryOut, require: Callable[[], None]) -> None:
        """Have all that wait carried out; who gave an order hears of its failure, not the run.

        Whoever waits no longer was told that it is not done, and so it is not.
        require: raises TransientError unless all folders are there.
        Raises what is no failure of an order: damage to the database, and defects of ours.
        """
        while self._waiting:
            given, answer, begin = self._waiting.popleft()
            try:
                if given.order.needs_folders:
                    require()
                if not is_begun(given, answer, begin):
                    continue
                said = carry_out(given)
            except Exception as exc:
                answer.set_exception(exc)
                if isinstance(exc, StoreDamaged) or not isinstance(exc, NightsortError):
                    raise
            else:
                if isinstance(said, Future):
                    said.add_done_callback(partial(_pass_on, answer))
                else:
                    answer.set_result(said)

    def end(self) -> None:
        """The service ends: whoever waits, or gives an order from now on, hears of that."""
        with self._lock:
            self._is_over = True
        while self._waiting:
            self._waiting.popleft()[1].cancel()


def is_begun(given: Given, answer: Future[Answer], begin: Begin) -> bool:
    """Whether an order is begun now; else its answer is that it never is."""
    if begin():
        return True
    answer.cancel()
    log.info("order_dropped", order=given.order.name, person=given.by.person, via=given.by.via)
    return False


def _pass_on(answer: Future[Answer], said: Future[FilesAnswer] | Future[Receipt]) -> None:
    """Answer with what the report thread says."""
    if said.cancelled():
        answer.cancel()
    elif (error := said.exception()) is not None:
        answer.set_exception(error)
    else:
        answer.set_result(said.result())

"""Large photos that their decoder holds whole: one at a time, in the order in which they came.

They are decoded in a process of their own, which is there while they come: so neither can they take
the page's memory, nor does anybody with a small photo wait behind them.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

from config.errors import NO_MEMORY, PhotoError, PhotoProblem
from web.problems import Problem, busy
from web.reading.helper import Answer, Helper, TooSlowError

log = structlog.get_logger()

T = TypeVar("T")

# For one photo. Whoever asked has been told to come again long before, or waits for it.
DECODE_SECONDS = 60.0
# For so long the process is kept when no such photo comes.
IDLE_SECONDS = 30.0
_LATER_SECONDS = 30


class Decoder:
    """The process; for one thread, while others may end it."""

    def __init__(self) -> None:
        self._helper: Helper | None = None
        self._is_ended = False
        self._used_at = 0.0
        self._asking = threading.Lock()

    def ask(
        self, photo: bytes, to: tuple[int, int], max_megapixels: float, *, fit: bool = False
    ) -> Answer:
        """The answer of `decoder.decoded`. Raises PhotoError, Problem 503."""
        with self._asking:
            try:
                request = {"to": to, "max_megapixels": max_megapixels, "fit": fit}
                return self._asked(photo, request)
            finally:
                self._used_at = time.monotonic()

    def end_idle(self) -> None:
        """End it where it has had nothing to do for a while."""
        if self._asking.acquire(blocking=False):
            try:
                if time.monotonic() - self._used_at >= IDLE_SECONDS:
                    self._leave()
            finally:
                self._asking.release()

    def end(self) -> None:
        """End it, whatever it does; there will be no other."""
        self._is_ended = True
        self._leave()

    def _asked(self, photo: bytes, request: dict[str, Any]) -> Answer:
        try:
            helper = self._helper = self._helper or Helper("web.reading.decoder")
        except (TooSlowError, OSError):
            raise _later() from None
        if self._is_ended:
            self._leave()
            raise _later()
        try:
            said, content = helper.ask(request, DECODE_SECONDS, photo)
        except (TooSlowError, OSError, EOFError, ValueError) as exc:
            self._leave()
            raise self._why(helper, exc) from None
        if "code" in said:
            raise PhotoError(PhotoProblem(said["code"]), said["why"])
        return said, content

    def _why(self, helper: Helper, error: Exception) -> Exception:
        """What is told where there is no answer."""
        if self._is_ended or isinstance(error, TooSlowError):
            return _later()
        code = helper.process.returncode
        log.warning("large_photo_failed", exit_code=code)
        # By the kernel, which had no memory left, or by C++, which was given none.
        if code in (-signal.SIGKILL, -signal.SIGABRT):
            return PhotoError(PhotoProblem.TOO_LARGE, NO_MEMORY)
        return PhotoError(
            PhotoProblem.CRASHES_DECODER,
            "the program crashes on it: save it as JPEG, and send that",
        )

    def _leave(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.end()


class Alone:
    """One thread, and its process."""

    def __init__(self, prepare: Callable[[], None], rest: Callable[[float], None]) -> None:
        """prepare: what the thread does first; rest: after so many seconds of work."""
        self._pool = ThreadPoolExecutor(1, "predictor alone", initializer=prepare)
        self._rest = rest
        self.decoder = Decoder()

    def do(
        self, work: Callable[[Decoder], T], answer: Future[T], is_wanted: Callable[[], bool]
    ) -> None:
        """Have it done in its turn, where it is wanted still; `answer` gets what comes of it."""
        task = self._pool.submit(self._work, work, answer, is_wanted)
        task.add_done_callback(
            lambda done: answer.set_exception(CancelledError()) if done.cancelled() else None
        )

    def stop(self) -> None:
        """Give up what is in hand, too."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.decoder.end()
        self._pool.shutdown()

    def _work(
        self, work: Callable[[Decoder], T], answer: Future[T], is_wanted: Callable[[], bool]
    ) -> None:
        if not is_wanted():
            return
        began = time.monotonic()
        try:
            answer.set_result(work(self.decoder))
        except BaseException as exc:
            answer.set_exception(exc)
            raise  # to nobody
        finally:
            del work, answer  # which hold what was raised, and that the photo's bytes
            self._rest(time.monotonic() - began)


def _later() -> Problem:
    return busy("large photos take too long at this moment; try again in a while", _LATER_SECONDS)

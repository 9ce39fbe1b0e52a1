"""Takes photos in and shares them out to threads, in micro-batches across requests.

Nobody waits for a batch to fill: a thread takes what waits just then, its share of it. So one
caller alone is answered at once, and of many the model gets several photos at a time. What is more
than can be held is told so (503) before it is sent.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Protocol

from config.settings import Settings
from web.predictions.alone import Alone, Decoder
from web.predictions.answers import Judged, LargeError, ModelFacts
from web.predictions.hearing import Hearing
from web.problems import busy
from web.reading.state import is_sorting
from web.reading.system import usable_cores

# Photos in hand, from the first byte that is received to the verdict; fewer than requests that the
# page answers at the same time, so that people get through.
MOST_IN_HAND = 56
# Of one call with many photos, so many are with the threads at a time: others come in between.
BATCH_IN_HAND = 8
# What the model takes at once: more would be no faster.
MICRO_BATCH = 4
# Threads beyond the cores: while one waits for Python's lock, another decodes or computes. One more
# brings 50 who ask at a time a tenth more answers on two cores, two more nothing.
_MORE = 1
# For how long it is believed whether the daemon sorts.
LOOK_SECONDS = 0.5
# As `nice` has it: a third of the weight of who answers requests, which has a tenth of that of who
# sorts (`web.serving`), and no loss where nobody else works.
_NICENESS = 15
# Whoever is not answered after so long is told to come again: while others have all processors,
# threads that only take what is left over may stand still.
MOST_SECONDS = 20.0
_SECONDS_WHILE_OTHERS_WORK = 30
_SORTING_SECONDS = 60


class Judging(Protocol):
    """What decodes and judges; `web.predictions.judging` has the real one."""

    def facts(self) -> ModelFacts:
        """What the model in use says of itself. Raises ModelError."""

    def judge(self, photos: Sequence[BinaryIO]) -> list[Judged | Exception]:
        """A verdict for each photo, or what kept it from one (LargeError). Raises ModelError."""

    def judge_alone(self, photo: BinaryIO, decoder: Decoder) -> Judged:
        """A verdict on a large photo. Raises what keeps it from one."""


@dataclass(slots=True, eq=False)
class _Job:
    photo: BinaryIO
    answer: Future[Judged] = field(default_factory=Future)
    is_given_up: bool = False


class Predictor:
    """Photos in, verdicts out; from any thread."""

    def __init__(
        self,
        settings: Settings,
        judge: Callable[[], Judging] | None = None,
        is_sorting: Callable[[], bool] | None = None,
    ) -> None:
        """Nothing is loaded, and no thread begun, before it is needed."""
        self.workers = settings.batch.workers or usable_cores() + _MORE
        self._share = settings.web.while_draining
        self._max_megapixels = settings.intake.max_megapixels
        self._make_judge = judge or (lambda: _judge(settings, self.workers))
        self._daemon = _Daemon(settings, is_sorting)
        self._judge: Judging | None = None
        self._making = threading.Lock()
        self._waiting: deque[_Job] = deque()
        self._pool = ThreadPoolExecutor(self.workers, "predictor", initializer=_be_modest)
        self._beside = ThreadPoolExecutor(
            self.workers, "predictor beside", initializer=_take_what_is_left
        )
        self._alone = Alone(_be_modest, self._give_way)
        self._alone_beside = Alone(_take_what_is_left, self._give_way)
        self._ended = threading.Event()
        self._heard_in: Hearing | None = None
        self.in_hand = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Room for one photo; to be called in the event loop alone. Raises Problem 503."""
        if self._share == 0 and self._daemon.is_sorting():
            raise busy(
                "the queue is being sorted, and predictions wait for its end",
                _SORTING_SECONDS,
                "sorting",
            )
        if self.in_hand >= MOST_IN_HAND:
            raise busy("too many photos are being judged at this moment; try again in a moment", 2)
        with self._held(1):
            yield

    @contextmanager
    def more_places(self, photos: int) -> Iterator[int]:
        """As many more as there are, for a call that has a place and brought so many photos.

        Yields how many of them may be in hand at a time.
        """
        free = MOST_IN_HAND - self.in_hand
        more = max(0, min(photos - 1, BATCH_IN_HAND - 1, free))
        with self._held(more):
            yield 1 + more

    @contextmanager
    def _held(self, places: int) -> Iterator[None]:
        self.in_hand += places
        try:
            yield
        finally:
            self.in_hand -= places

    def submit(self, photo: BinaryIO) -> Future[Judged]:
        """Have a photo judged; it is read to its end in another thread.

        The future raises PhotoError where it is none, ModelError where there is no model.
        """
        return self._submit(_Job(photo))

    def _submit(self, job: _Job) -> Future[Judged]:
        self._waiting.append(job)
        self._threads().submit(self._work)
        return job.answer

    async def verdict(self, photo: BinaryIO) -> Judged:
        """The same, waited for in the event loop, but not for ever: raises Problem 503."""
        job = _Job(photo)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await self._hearing().result(self._submit(job))
        except TimeoutError:
            raise busy(
                f"no verdict came within {MOST_SECONDS:.0f} seconds, as others need the processor; "
                "try again in a while",
                _SECONDS_WHILE_OTHERS_WORK,
            ) from None
        finally:
            job.is_given_up = True

    def _hearing(self) -> Hearing:
        loop = asyncio.get_running_loop()
        if self._heard_in is None or self._heard_in.loop is not loop:
            self._heard_in = Hearing(loop)
        return self._heard_in

    def picture(self, photo: BinaryIO, side: int) -> Future[bytes]:
        """A picture of a photo as JPEG, its longer side at most `side`; needs no model.

        The future raises PhotoError where it cannot be read. What is dropped into incoming waits
        for it, so it is not left to threads that may stand still.
        """
        answer: Future[bytes] = Future()
        task = self._pool.submit(self._paint, photo, side, answer)
        task.add_done_callback(lambda done: done.cancelled() and answer.cancel())
        return answer

    @property
    def is_begun(self) -> bool:
        """Whether anybody has asked for a verdict, so that there is, or can be no, model."""
        return self._judge is not None

    def facts(self) -> ModelFacts:
        """What the model in use says of itself. May take a second. Raises ModelError."""
        return self._judging().facts()

    def stop(self) -> None:
        """Finish what is in the threads' hands; all else is given up."""
        self._ended.set()
        for pool in (self._pool, self._beside):
            pool.shutdown(cancel_futures=True)
        for alone in (self._alone, self._alone_beside):
            alone.stop()
        for job in self._waiting:
            job.answer.cancel()

    def end_idle(self) -> None:
        """Let go of what only large photos need, where none came for a while."""
        for alone in (self._alone, self._alone_beside):
            alone.decoder.end_idle()

    def _threads(self) -> ThreadPoolExecutor:
        """Those for now: a thread that once took only what is left over may not take more again.

        The model is never loaded so: everybody waits for that.
        """
        return self._beside if self._gives_way() and self.is_begun else self._pool

    def _gives_way(self) -> bool:
        return 0 < self._share < 1 and self._daemon.is_sorting()

    def _judging(self) -> Judging:
        with self._making:
            if self._judge is None:
                self._judge = self._make_judge()
            return self._judge

    def _work(self) -> None:
        """Judge what waits, as far as it is this thread's share; it may be none."""
        began = time.monotonic()
        jobs = self._take()
        if not jobs:
            return
        try:
            found = self._judging().judge([job.photo for job in jobs])
        except BaseException as exc:
            for job in jobs:
                job.answer.set_exception(exc)
            raise
        for job, one in zip(jobs, found, strict=True):
            if isinstance(one, LargeError):
                self._judge_alone(job)
            elif isinstance(one, Exception):
                job.answer.set_exception(one)
            else:
                job.answer.set_result(one)
        self._give_way(time.monotonic() - began)

    def _judge_alone(self, job: _Job) -> None:
        alone = self._alone_beside if self._gives_way() else self._alone
        judge = partial(self._judging().judge_alone, job.photo)
        alone.do(judge, job.answer, lambda: not job.is_given_up)

    def _paint(self, photo: BinaryIO, side: int, answer: Future[bytes]) -> None:
        """Answer first, and rest afterwards: nobody waits for that."""
        from web.predictions.judging import picture_of  # loads NumPy and the decoders

        if not answer.set_running_or_notify_cancel():
            return
        began = time.monotonic()
        try:
            answer.set_result(picture_of(photo, side, self._max_megapixels))
        except LargeError:
            paint = partial(picture_of, photo, side, self._max_megapixels)
            self._alone.do(paint, answer, lambda: True)
        except BaseException as exc:
            answer.set_exception(exc)
            raise
        finally:
            del answer  # which holds what was raised, and that the photo's bytes
            self._give_way(time.monotonic() - began)

    def _take(self) -> list[_Job]:
        share = -(-len(self._waiting) // self.workers)
        taken: list[_Job] = []
        with suppress(IndexError):  # others were faster
            while len(taken) < min(share, MICRO_BATCH):
                job = self._waiting.popleft()
                if job.answer.set_running_or_notify_cancel():
                    taken.append(job)
        return taken

    def _give_way(self, seconds: float) -> None:
        """After so much work, rest while the daemon sorts, as long as the settings say."""
        if self._gives_way():
            self._ended.wait(seconds * (1 / self._share - 1))


class _Daemon:
    """Whether the daemon sorts, looked up now and then."""

    def __init__(self, settings: Settings, look: Callable[[], bool] | None) -> None:
        self._look = look or (lambda: is_sorting(settings.state_dir))
        self._looked_at = float("-inf")
        self._sorts = False

    def is_sorting(self) -> bool:
        """As of the last half second."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at, self._sorts = now, self._look()
        return self._sorts


def _be_modest() -> None:
    """Let sorting, and whoever answers requests, come before the calling thread."""
    with suppress(OSError):  # systemd's unit denies it, and gives the page less weight as a whole
        ours = threading.get_native_id()
        was = os.getpriority(os.PRIO_PROCESS, ours)
        os.setpriority(os.PRIO_PROCESS, ours, max(_NICENESS, was))


def _take_what_is_left() -> None:
    """Let the calling thread work only where nobody else would."""
    _be_modest()
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _judge(settings: Settings, copies: int) -> Judging:
    from web.predictions.judging import Judge  # loads NumPy and the decoders

    return Judge(settings, copies)

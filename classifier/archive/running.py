"""Handing an archive's parts to workers, by Dask: processes of this machine, or a cluster.

What a worker that dies had in hand goes to another. A part that was there when two died is taken
apart at the end: its photos go one by one, and the one that kills is set aside. Where an answer was
lost and not the scheduler, the part is handed in again: judged twice, its rows are the same.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, wait
from distributed.comm import CommClosedError
from distributed.deploy.spec import close_clusters

from classifier.archive.manifest import Manifest, Part
from classifier.archive.rows import Row, write_rows
from classifier.archive.worker import Job, file_for, judge, judge_part, lost
from config.errors import NightsortError, TransientError

# Called with how many photos have their row, and how many there are.
Advance = Callable[[int, int], None]
# Called with a part that is judged.
Conclude = Callable[[Part], None]
About = TypeVar("About")  # what a task is for
_PARTS_A_WORKER = 3  # handed out: one in hand, two that wait
_PATIENCE = "20s"
_ANSWER_SECONDS = 10
_MOST_LOST = 3  # answers to the same question
_GONE = (CancelledError, asyncio.CancelledError, CommClosedError)


class ClusterLost(TransientError):
    """The scheduler does not answer, or has no workers."""


class _AnswerLost(Exception):
    """The connection broke off, to a worker or the scheduler; of the task that says nothing."""


class Work(NamedTuple):
    """What workers are asked to do."""

    with_part: Callable[[Job, Part], int] = judge_part
    with_photos: Callable[[Job, Sequence[str]], list[Row]] = judge


OURS = Work()


def nothing_more(_: Part) -> None:
    """Judged, it is done."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A scheduler with its workers."""

    client: Client
    bring_back: Callable[[], None]  # what is done when no worker is there any more

    def workers(self) -> int:
        """How many tasks go at the same time."""
        with _telling():
            return sum(self.client.nthreads().values())

    def first_done(self, futures: Collection[Future]) -> set[Future]:
        """Wait until some have ended, however they did. Raises ClusterLost."""
        while True:
            with _telling():
                try:
                    done: set[Future] = wait(
                        [*futures], timeout=_PATIENCE, return_when="FIRST_COMPLETED"
                    ).done
                except CancelledError:
                    return {one for one in futures if one.done()}
                except TimeoutError:
                    if not self.client.nthreads():
                        self.bring_back()
                else:
                    return done

    def is_there(self) -> bool:
        """Whether its scheduler answers."""
        try:
            self.client.nthreads(callback_timeout=_ANSWER_SECONDS)
        except Exception:  # noqa: BLE001 - a client that was closed meanwhile fails in many ways
            return False
        return True


@contextmanager
def cluster(workers: int, scheduler: str | None) -> Iterator[Cluster]:
    """A scheduler that is there, or one of our own with worker processes. Raises ClusterLost."""
    with _settled(), _ours(workers) if scheduler is None else _theirs(scheduler) as found:
        yield found


@contextmanager
def _ours(workers: int) -> Iterator[Cluster]:
    own = _started(workers)
    try:
        with Client(own) as client:
            # Dask gives up a worker that does not start in time, as on a machine that is very busy.
            yield Cluster(client, lambda: own.scale(workers))
    finally:
        _close(own)


def _started(workers: int) -> LocalCluster:
    try:
        # Whoever could speak with a worker could have it run anything: a certificate of this run's.
        return LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            security=True, memory_limit=None, silence_logs=logging.CRITICAL,
        )  # fmt: skip
    except KeyboardInterrupt:
        # Half started it cannot be closed, which Dask would say at the end, and so its workers.
        _kill_workers()
        raise


def _close(own: LocalCluster) -> None:
    try:
        own.close()
    except (Exception, asyncio.CancelledError):  # noqa: BLE001
        # On a busy machine one that is being started or ended may take longer than Dask waits for.
        # What was to be judged is judged, or the error that it was not for is on its way.
        _kill_workers()


def _kill_workers() -> None:
    atexit.unregister(close_clusters)
    for process in multiprocessing.active_children():
        process.kill()


@contextmanager
def _theirs(scheduler: str) -> Iterator[Cluster]:
    def tell() -> None:
        raise ClusterLost(f"{scheduler}: it has no workers; start some, and call again")

    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as exc:
        raise ClusterLost(f"{scheduler}: no scheduler of Dask answers there; start one") from exc
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            tell()
        yield Cluster(client, tell)


@contextmanager
def _settled() -> Iterator[None]:
    """Dask as we want it; people read what we say, not each of its retries."""
    logging.disable(logging.CRITICAL)
    try:
        with dask.config.set(
            {
                "distributed.comm.timeouts.connect": _PATIENCE,
                "distributed.scheduler.allowed-failures": 1,  # a photo's second worker is its last
                "distributed.worker.profile.enabled": False,  # would look 100 times a second
            }
        ):
            yield
    except KeyboardInterrupt:
        raise  # the process ends, and nobody is told what Dask was in the middle of
    except BaseException:
        logging.disable(logging.NOTSET)
        raise
    logging.disable(logging.NOTSET)


def run(
    cluster: Cluster,
    job: Job,
    manifest: Manifest,
    advance: Advance,
    work: Work = OURS,
    conclude: Conclude = nothing_more,
) -> None:
    """Judge what has no rows yet. Raises ClusterLost, and what a worker raises.

    conclude: called in this process with each part once it is judged. Called again it goes on
    where it was.
    """
    manifest.sweep()
    for part in manifest.unfiled():
        conclude(part)
    done, photos = manifest.photos_done(), manifest.head.photos
    advance(done, photos)
    missing, suspects = manifest.missing(), []
    hands = _Hands[Part](cluster)
    room = _PARTS_A_WORKER * max(1, cluster.workers())
    while True:
        for part in islice(missing, room - len(hands)):
            hands.give(part, work.with_part, job, part)
        if not hands:
            break
        for part, outcome in hands.take():
            if outcome is None:
                suspects.append(part)
            else:
                conclude(part)
                done += len(part.paths)
                advance(done, photos)
    for part in suspects:
        rows = [row for path in part.paths for row in _alone(cluster, job, path, work)]
        write_rows(file_for(job, part), rows)
        conclude(part)
        done += len(part.paths)
        advance(done, photos)


def _alone(cluster: Cluster, job: Job, path: str, work: Work) -> list[Row]:
    """Dask blames whatever waited with a worker that died: so nothing else may wait now."""
    hands = _Hands[str](cluster)
    hands.give(path, work.with_photos, job, [path])
    while hands:
        for _, rows in hands.take():
            return [lost(job, path)] if rows is None else rows
    raise AssertionError("a task has an outcome")


@dataclass(slots=True)
class _Task(Generic[About]):
    """What was handed out."""

    about: About
    asked: tuple[Any, ...]  # a function and what it is called with
    lost: int = 0  # answers


class _Hands(Generic[About]):
    """What workers have in hand."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tasks: dict[Future, _Task[About]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def give(self, about: About, *asked: Any) -> None:
        """Hand out a task. asked: a function, and what it is called with."""
        self._submit(_Task(about, asked))

    def take(self) -> Iterator[tuple[About, Any]]:
        """Wait for some, and what they gave: None where workers died of it. Raises as `run`."""
        for future in self._cluster.first_done(self._tasks):
            task = self._tasks.pop(future)
            try:
                outcome = _outcome(future)
            except _AnswerLost as exc:
                self._ask_again(task, exc)
            else:
                yield task.about, outcome

    def _submit(self, task: _Task[About]) -> None:
        function, *more = task.asked
        self._tasks[self._cluster.client.submit(function, *more, pure=False)] = task

    def _ask_again(self, task: _Task[About], why: _AnswerLost) -> None:
        task.lost += 1
        if not self._cluster.is_there():
            raise _nobody_answers() from why
        if task.lost == _MOST_LOST:
            raise ClusterLost(
                f"connections to workers break off again and again ({why}); mend that, and call "
                "the same again: it goes on where it was"
            ) from why
        self._submit(task)


def _outcome(future: Future) -> Any:
    """What a task that has ended gave; None where workers died of it.

    Raises _AnswerLost, NightsortError.
    """
    try:
        return future.result()
    except KilledWorker:
        return None
    except _GONE as exc:
        raise _AnswerLost(str(exc) or type(exc).__name__) from exc
    except OSError as exc:
        if exc.errno is None:  # none of a disk's
            raise _AnswerLost(str(exc) or type(exc).__name__) from exc
        raise NightsortError(f"{exc.filename}: {exc.strerror}; mend it, and call again") from exc


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (*_GONE, OSError) as exc:
        raise _nobody_answers() from exc


def _nobody_answers() -> ClusterLost:
    return ClusterLost(
        "the scheduler does not answer any more; when it does, call the same again: "
        "it goes on where it was"
    )

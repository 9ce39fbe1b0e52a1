"""Handing an archive's parts to workers, by Dask: processes of this machine, or a cluster.

What a worker that dies had in hand goes to another. A part that was there when two died is taken
apart at the end: its photos go one by one, and the one that kills is set aside.
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
from typing import Any, NamedTuple

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
_PARTS_A_WORKER = 3  # handed out: one in hand, two that wait
_PATIENCE = "20s"


class ClusterLost(TransientError):
    """The scheduler does not answer, or has no workers."""


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
                except TimeoutError:
                    if not self.client.nthreads():
                        self.bring_back()
                else:
                    return done


@contextmanager
def cluster(workers: int, scheduler: str | None) -> Iterator[Cluster]:
    """A scheduler that is there, or one of our own with worker processes. Raises ClusterLost."""
    with _settled(), _ours(workers) if scheduler is None else _theirs(scheduler) as found:
        yield found


@contextmanager
def _ours(workers: int) -> Iterator[Cluster]:
    with _started(workers) as own, Client(own) as client:
        # Dask gives up a worker that does not start in time, as on a machine that is very busy.
        yield Cluster(client, lambda: own.scale(workers))


def _started(workers: int) -> LocalCluster:
    try:
        # Whoever could speak with a worker could have it run anything: a certificate of this run's.
        return LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            security=True, memory_limit=None, silence_logs=logging.CRITICAL,
        )  # fmt: skip
    except KeyboardInterrupt:
        # Half started it cannot be closed, which Dask would say at the end, and so its workers.
        atexit.unregister(close_clusters)
        for process in multiprocessing.active_children():
            process.kill()
        raise


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
    under_way: dict[Future, Part] = {}
    room = _PARTS_A_WORKER * max(1, cluster.workers())
    while True:
        for part in islice(missing, room - len(under_way)):
            under_way[cluster.client.submit(work.with_part, job, part, pure=False)] = part
        if not under_way:
            break
        for future in cluster.first_done(under_way):
            part = under_way.pop(future)
            if _outcome(future) is None:
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
    future = cluster.client.submit(work.with_photos, job, [path], pure=False)
    cluster.first_done([future])
    rows: list[Row] | None = _outcome(future)
    return [lost(job, path)] if rows is None else rows


def _outcome(future: Future) -> Any:
    """What a task that has ended gave; None where workers died of it. Raises NightsortError."""
    with _telling():
        try:
            return future.result()
        except KilledWorker:
            return None


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (CancelledError, asyncio.CancelledError, CommClosedError) as exc:
        raise ClusterLost(
            "the scheduler does not answer any more; when it does, call the same again: "
            "it goes on where it was"
        ) from exc
    except OSError as exc:
        raise NightsortError(f"{exc.filename}: {exc.strerror}; mend it, and call again") from exc

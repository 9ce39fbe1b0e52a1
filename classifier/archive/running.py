"""Handing an archive's parts to workers, by Dask: processes of this machine, or a cluster.

What a worker that dies had in hand goes to another. A part that was there when two died is taken
apart at the end: its photos go one by one, and the one that kills is set aside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
from distributed.comm import CommClosedError

from classifier.archive.manifest import Manifest, Part
from classifier.archive.rows import Row, write_rows
from classifier.archive.worker import Job, judge, judge_part, lost
from config.errors import NightsortError, TransientError

# Called with how many photos have their row, and how many there are.
Advance = Callable[[int, int], None]
_PARTS_A_WORKER = 3  # handed out: one in hand, two that wait
_PATIENCE = "20s"


class ClusterLost(TransientError):
    """The scheduler does not answer."""


class Work(NamedTuple):
    """What workers are asked to do."""

    with_part: Callable[[Job, Part], int] = judge_part
    with_photos: Callable[[Job, Sequence[str]], list[Row]] = judge


OURS = Work()


@contextmanager
def cluster(workers: int, scheduler: str | None) -> Iterator[Client]:
    """A scheduler that is there, or one of our own with worker processes. Raises ClusterLost."""
    with _settled(), _client(workers, scheduler) as client:
        yield client


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    if scheduler is None:
        # Whoever could speak with a worker could have it run anything: a certificate of this run's.
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None,
                security=True, memory_limit=None, silence_logs=logging.CRITICAL,
            ) as own,
            Client(own) as client,
        ):  # fmt: skip
            yield client
        return
    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as exc:
        raise ClusterLost(f"{scheduler}: no scheduler of Dask answers there; start one") from exc
    with client:
        yield client


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
    finally:
        logging.disable(logging.NOTSET)


def run(client: Client, job: Job, manifest: Manifest, advance: Advance, work: Work = OURS) -> None:
    """Judge what has no rows yet. Raises ClusterLost, and what a worker raises.

    Called again it goes on where it was.
    """
    _sweep(manifest)
    done, photos = manifest.photos_done(), manifest.head.photos
    advance(done, photos)
    missing = manifest.missing()
    under_way: dict[Future, Part] = {}
    finished = as_completed()

    def hand_out(count: int) -> None:
        for part in islice(missing, count):
            future = client.submit(work.with_part, job, part, pure=False)
            under_way[future] = part
            finished.add(future)

    hand_out(_PARTS_A_WORKER * max(1, len(client.nthreads())))
    suspects = []
    for future in finished:
        part = under_way.pop(future)
        try:
            _result(future)
        except KilledWorker:
            suspects.append(part)
        else:
            done += len(part.paths)
            advance(done, photos)
        hand_out(1)
    for part in suspects:
        rows = [row for path in part.paths for row in _alone(client, job, path, work)]
        write_rows(manifest.file_of(part.number), rows)
        done += len(part.paths)
        advance(done, photos)


def _alone(client: Client, job: Job, path: str, work: Work) -> list[Row]:
    """Dask blames whatever waited with a worker that died: so nothing else may wait now."""
    try:
        return _result(client.submit(work.with_photos, job, [path], pure=False))
    except KilledWorker:
        return [lost(job, path)]


def _result(future: Future) -> list[Row]:
    try:
        return future.result()  # type: ignore[no-any-return]
    except (CancelledError, CommClosedError) as exc:
        raise ClusterLost(
            "the scheduler does not answer any more; when it does, call the same again: "
            "it goes on where it was"
        ) from exc
    except OSError as exc:
        raise NightsortError(f"{exc.filename}: {exc.strerror}; mend it, and call again") from exc


def _sweep(manifest: Manifest) -> None:
    """What was written in part by those that died."""
    for left in manifest.out.glob(".part-*.part"):
        left.unlink(missing_ok=True)

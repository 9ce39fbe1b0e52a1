"""Handing out an archive's parts: what becomes of those whose answer is lost, and of the end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pytest
from distributed import KilledWorker
from distributed.comm import CommClosedError

from classifier.archive import running
from classifier.archive.manifest import Manifest, Part, made_or_read
from classifier.archive.rows import Row, read_rows
from classifier.archive.running import Cluster, ClusterLost, Work, run
from classifier.archive.worker import Job
from config.errors import NightsortError

LOST = [
    CancelledError("scheduler-connection-lost"),
    asyncio.CancelledError(),
    CommClosedError("in <TLS>: Stream is closed"),
    OSError("Timed out trying to connect to tls://127.0.0.1:40001 after 20 s"),
]


class Ended:
    """A task that has ended."""

    def __init__(self, result: Callable[[], Any]) -> None:
        self.result = result

    def done(self) -> bool:
        return True


class Workers:
    """A client whose tasks end at once; the first answers to each are lost."""

    def __init__(self, *lost: BaseException, is_there: bool = True) -> None:
        self.lost, self.is_there = lost, is_there
        self.asked: Counter[object] = Counter()

    def submit(self, function: Any, job: Job, what: Any, *, pure: bool) -> Ended:
        assert not pure
        key = what.number if isinstance(what, Part) else what[0]
        at = self.asked[key]
        self.asked[key] += 1

        def result() -> Any:
            if at < len(self.lost):
                raise self.lost[at]
            return function(job, what)

        return Ended(result)

    def nthreads(self, **_: float) -> dict[str, int]:
        if self.asked and not self.is_there:
            raise OSError("Timed out trying to connect")
        return {"tls://127.0.0.1:40001": 1}


class Waited:
    """What waiting for tasks gives."""

    def __init__(self, futures: Sequence[Ended]) -> None:
        self.done = {*futures}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / "out").mkdir()
    names = (f"{number}.jpg" for number in range(7))
    return made_or_read(tmp_path / "out", ["old"], names, photos_a_part=2)


@pytest.fixture(autouse=True)
def _all_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "wait", lambda futures, **_: Waited(futures))


def good(_: Job, part: Part) -> int:
    return len(part.paths)


GOOD = Work(good)


def deadly(_: Job, part: Part) -> int:
    if part.number == 1:
        raise KilledWorker("a task", cast(Any, None), 1)
    return len(part.paths)


def row_of(_: Job, paths: Sequence[str]) -> list[Row]:
    return [Row(path, None, None, None, None, None, "v", None) for path in paths]


def concluded(workers: Workers, manifest: Manifest, work: Work = GOOD) -> list[int]:
    """The parts that were, by their numbers."""
    job = Job(str(manifest.out), "", None, None, None, None, 10_000_000, 20.0)
    parts: list[int] = []
    cluster = Cluster(cast(Any, workers), lambda: None)
    run(cluster, job, manifest, lambda *_: None, work, lambda part: parts.append(part.number))
    return sorted(parts)


@pytest.mark.parametrize("lost", LOST, ids=lambda one: type(one).__name__)
def test_a_part_whose_answer_is_lost_is_handed_in_again(
    lost: BaseException, manifest: Manifest
) -> None:
    workers = Workers(lost, lost)
    assert concluded(workers, manifest) == [0, 1, 2, 3]
    assert {*workers.asked.values()} == {3}


@pytest.mark.parametrize("lost", LOST, ids=lambda one: type(one).__name__)
def test_answers_that_are_lost_again_and_again_end_it(
    lost: BaseException, manifest: Manifest
) -> None:
    workers = Workers(*[lost] * 9)
    with pytest.raises(ClusterLost, match="break off again and again"):
        concluded(workers, manifest)
    assert max(workers.asked.values()) == 3


@pytest.mark.parametrize("lost", LOST, ids=lambda one: type(one).__name__)
def test_where_the_scheduler_is_gone_nothing_is_handed_in_again(
    lost: BaseException, manifest: Manifest
) -> None:
    workers = Workers(lost, is_there=False)
    with pytest.raises(ClusterLost, match="scheduler does not answer any more"):
        concluded(workers, manifest)
    assert max(workers.asked.values()) == 1


def test_tasks_that_are_cancelled_while_they_are_waited_for_are_handed_in_again(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(_: Sequence[Ended], **__: object) -> Waited:
        raise CancelledError

    monkeypatch.setattr(running, "wait", cancelled)
    assert concluded(Workers(CancelledError()), manifest) == [0, 1, 2, 3]


def test_a_photo_alone_is_handed_in_again_too(manifest: Manifest) -> None:
    workers = Workers(CommClosedError("closed"))
    assert concluded(workers, manifest, Work(deadly, row_of)) == [0, 1, 2, 3]
    assert (workers.asked["2.jpg"], workers.asked["3.jpg"]) == (2, 2)
    assert [row.path for row in read_rows(manifest.file_of(1))] == ["2.jpg", "3.jpg"]


def test_a_disk_that_refuses_is_told_at_once(manifest: Manifest) -> None:
    workers = Workers(OSError(28, "No space left on device", "out/part-0.parquet"))
    with pytest.raises(NightsortError, match=r"out/part-0\.parquet: No space left on device"):
        concluded(workers, manifest)
    assert max(workers.asked.values()) == 1


class SlowToEnd:
    """A cluster whose worker does not end in the time that Dask gives it."""

    def scale(self, _: int) -> None:
        raise AssertionError

    def close(self) -> None:
        raise TimeoutError


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Worker processes that were ended the hard way."""

    class Process:
        def kill(self) -> None:
            ended.append("a worker")

    ended: list[str] = []
    monkeypatch.setattr(running, "LocalCluster", lambda **_: SlowToEnd())
    monkeypatch.setattr(running, "Client", nullcontext)
    monkeypatch.setattr("atexit.unregister", lambda _: None)
    monkeypatch.setattr("multiprocessing.active_children", lambda: [Process()])
    yield ended
    logging.disable(logging.NOTSET)


def test_a_worker_that_is_slow_to_end_makes_no_failure_of_work_that_is_done(
    killed: list[str],
) -> None:
    with running.cluster(2, None):
        pass
    assert killed == ["a worker"]


def test_nor_does_it_hide_why_the_work_failed(killed: list[str]) -> None:
    with pytest.raises(ClusterLost, match="gone"), running.cluster(2, None):
        raise ClusterLost("gone")
    assert killed == ["a worker"]

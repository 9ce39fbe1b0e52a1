"""An archive by one worker and by two, against the bare limit; and its list of ten million.

`python -m benchmarks.archiving judge|list …` is one measurement, in a process of its own. Starting
processes and loading the model are left out, as on the other side.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from distributed import Client

from benchmarks import child
from benchmarks.bench import Bench, Figures
from benchmarks.photos import CAMERA, put
from classifier.archive.listing import photos_under
from classifier.archive.manifest import PHOTOS_A_PART, Manifest, made_or_read
from classifier.archive.running import cluster, run
from classifier.archive.worker import Job, judge_part

_PHOTOS = 800
_LISTED = (100_000, 10_000_000)
_TWO_OF_ONE, _OF_LIMIT = 1.8, 0.9


def archive(bench: Bench) -> Figures:
    """Photos a second by one and two workers, and the ratios of each round; the list's memory."""
    folder, count = bench.folder / "archive", bench.photos(_PHOTOS)
    put(CAMERA, count, folder / "old")
    rounds = [_one_round(bench, folder) for _ in range(bench.rounds)]
    shutil.rmtree(folder)
    two_of_one = sorted(found["two"] / found["one"] for found in rounds)
    of_limit = sorted(found["two"] / found["limit"] for found in rounds)
    return {
        "photos": count,
        "photos_per_second": {
            way: round(median(found[way] for found in rounds), 1) for way in rounds[0]
        },
        "two_of_one": round(median(two_of_one), 2),
        "two_of_one_by_round": [round(ratio, 2) for ratio in two_of_one],
        "of_limit": round(median(of_limit), 3),
        "of_limit_by_round": [round(ratio, 3) for ratio in of_limit],
        "targets": {"two_of_one": _TWO_OF_ONE, "of_limit": _OF_LIMIT},
        "lists": [_one_list(bench, bench.photos(paths)) for paths in _LISTED],
    }


def archive_rows(found: Figures) -> Iterator[list[str]]:
    """For the table."""
    speed, size = found["photos_per_second"], f"{found['photos']} photos of {CAMERA.name}"
    ways = f"{speed['one']:.0f} and {speed['two']:.0f} a second"
    yield [
        f"archive: two workers against one, {size}",
        f"{found['two_of_one']:.2f} ({ways})",
        f"{_TWO_OF_ONE} on two cores",
    ]
    yield [
        f"archive by two workers against the bare limit, {size}",
        f"{found['of_limit']:.0%} of {speed['limit']:.0f} a second",
        f"{_OF_LIMIT:.0%}",
    ]
    for one in found["lists"]:
        yield [
            f"an archive's list of {one['paths']:,} paths: made, and read again",
            f"{one['seconds']:.0f} s, {one['grown_mb']:.0f} MB more memory",
            "as much at any size",
        ]


def _one_round(bench: Bench, folder: Path) -> dict[str, float]:
    limit = bench.child("bare_limit", folder / "old")
    found = {"limit": limit["photos"] / limit["seconds"]}
    for way, workers in (("one", 1), ("two", 2)):
        judged = _own(bench, "judge", folder, workers)
        found[way] = judged["photos"] / judged["seconds"]
    return found


def _one_list(bench: Bench, paths: int) -> Figures:
    folder = bench.folder / "list"
    folder.mkdir()
    found = _own(bench, "list", folder, paths)
    shutil.rmtree(folder)
    return found


def _own(bench: Bench, *arguments: object) -> Figures:
    return bench.run([sys.executable, "-m", "benchmarks.archiving", *map(str, arguments)])


# --- what is measured ----------------------------------------------------------------------------


def _judge(folder: Path, workers: int) -> Figures:
    old, out = str(folder / "old"), folder / f"out-{time.time_ns()}"
    warm = out / "warm"
    warm.mkdir(parents=True)
    found = photos_under([old], is_photo=lambda _: True, is_junk=lambda _: False)
    manifest = made_or_read(out, [old], found)
    photos = manifest.head.photos
    if photos < 4 * PHOTOS_A_PART:  # a taste: still parts for all
        manifest = Manifest(out, replace(manifest.head, photos_a_part=max(1, photos // 8)))
    job = Job(str(out), manifest.head.folder, None, None, None, None, 40_000_000, 100.0)
    with cluster(workers, None) as own:
        own.client.wait_for_workers(workers)
        _warm(own.client, replace(job, out=str(warm)), manifest)
        began = time.perf_counter()
        run(own, job, manifest, lambda *_: None)
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "photos": photos}


def _warm(client: Client, job: Job, manifest: Manifest) -> None:
    """Have each worker load the model, and what the first rows that are written load."""
    part = next(manifest.missing())
    workers = client.scheduler_info(n_workers=-1)["workers"]
    parts = [replace(part, number=n, paths=part.paths[:1]) for n in range(len(workers))]
    client.gather(
        [
            client.submit(judge_part, job, part, workers=[worker], pure=False)
            for part, worker in zip(parts, workers, strict=True)
        ]
    )


def _list(folder: Path, paths: int) -> Figures:
    """A made listing: no file is there, and nothing is judged."""
    before, began = child.peak_mb(), time.perf_counter()
    names = (f"/srv/archive/{n // 1000:07d}/return-{n:010d}_front.jpg" for n in range(paths))
    manifest = made_or_read(folder, ["/srv/archive"], names)
    read = sum(len(part.paths) for part in manifest.missing())
    assert read == paths == manifest.head.photos
    return {
        "paths": paths,
        "seconds": round(time.perf_counter() - began, 1),
        "grown_mb": round(child.peak_mb() - before, 1),
    }


if __name__ == "__main__":
    task, own_folder, amount = sys.argv[1:]
    print(json.dumps({"judge": _judge, "list": _list}[task](Path(own_folder), int(amount))))

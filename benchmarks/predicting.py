"""What one program waits for a prediction, against decoding and model alone.

Photo by photo in turn, each of bytes of its own: decoded and judged in this process, by one thread,
and asked of the page, a process beside it, over one connection that stays open. So both have the
machine as it is just then, and the ratio of the medians counts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from operator import itemgetter
from pathlib import Path
from statistics import median, quantiles

from benchmarks.bench import Bench, Figures
from benchmarks.clients import Crowd, Page, ask_alone
from benchmarks.photos import CAMERA, CATALOGUE, Kind, put
from benchmarks.share import Share

_PHOTOS = {CATALOGUE: 300, CAMERA: 100}
_TARGET = 1.3
# Programs that ask at the same time, without a pause; how much they ask, and what that may take.
_CROWD = 50
_CROWD_CALLS = {CATALOGUE: 1500, CAMERA: 300}
# The limit takes a second or two, and within seconds a machine is faster or slower by a tenth: so
# it is measured before and after each round, and there are more of them than of others.
_CROWD_ROUNDS = 7
_CROWD_TARGET, _CROWD_MB = 0.8, 350
_PATIENCE_SECONDS = 60.0
_UNLIMITED = {
    "NIGHTSORT_WEB__LISTEN": "127.0.0.1:0",
    "NIGHTSORT_API__PREDICTIONS_PER_HOUR": "10000000",
    "NIGHTSORT_API__AT_ONCE": "1000",
}


def predict(bench: Bench) -> Figures:
    """Milliseconds of each way at each size, and their ratio."""
    return {
        "sizes": {kind.name: _one_size(bench, kind) for kind in _PHOTOS},
        "target": _TARGET,
        "crowd": {kind.name: _crowd_at(bench, kind) for kind in _PHOTOS},
        "clients": _CROWD,
        "crowd_target": _CROWD_TARGET,
        "crowd_mb": _CROWD_MB,
    }


def predictions(folder: str, photos: str) -> Figures:
    """In a process of its own: both ways over the photos of a folder, beside a page at work."""
    from classifier.classifier import Classifier
    from classifier.pixels import decode

    classifier = Classifier.load()

    def judge(data: bytes) -> object:
        return classifier.classify([decode(data, size=classifier.input_size)])

    settings = Share(Path(folder)).configure("manual")
    with page(settings) as where, closing(where.connect()) as connection:

        def ask(data: bytes) -> None:
            ask_alone(where, connection, data)

        return _measured(sorted(Path(photos).glob("*.jpg")), {"bare": judge, "predict": ask})


def crowd(folder: str, photos: str, calls: str) -> Figures:
    """In a process of its own: many clients at a time, each photo of bytes of its own."""
    files = [photo.read_bytes() for photo in sorted(Path(photos).glob("*.jpg"))]
    with page(Share(Path(folder)).configure("manual")) as where:
        Crowd(where, files).ask(1, lambda number: number < 2)  # loads what is loaded once
        before = _page_cpu_seconds()
        # The photos are those of before, so that each is judged: other bytes stand behind it.
        found = Crowd(where, [data + b" " for data in files]).ask(
            _CROWD, lambda number: number < int(calls)
        )
        found["page_cpu_seconds"] = _page_cpu_seconds() - before
        return found | {"page_mb": _peak_mb_of_page()}


def _page() -> Path:
    """The only process that this one has started."""
    (page,) = Path("/proc/thread-self/children").read_text().split()
    return Path("/proc", page)


def _page_cpu_seconds() -> float:
    """What it has worked so far. Source: proc_pid_stat(5), utime and stime."""
    fields = (_page() / "stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb_of_page() -> float:
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", (_page() / "status").read_text())
    return round(int(peak) / 1024, 1)


def predict_rows(found: Figures) -> Iterator[list[str]]:
    """The figures as lines of the table."""
    for size, row in found["sizes"].items():
        figure = (
            f"**{row['of_bare']:.2f}** (median {row['predict']['p50']:.1f} ms, p95 "
            f"{row['predict']['p95']:.1f} ms; bare {row['bare']['p50']:.1f} ms)"
        )
        what = f"`/predict` for one client against decoding and model alone, {size}"
        yield [what, figure, f"≤ {found['target']}"]
    for size, row in found.get("crowd", {}).items():
        what = f"`/predict` for {found['clients']} clients at a time against the bare limit, {size}"
        figure = f"**{row['of_limit']:.2f}** ({row['images_per_second']:.0f} a second)"
        if "of_cores_left" in row:
            figure += (
                f"; {row['of_cores_left']:.2f} of what the clients leave of the cores; processor "
                f"time {row['cpu_of_limit']:.2f} times the limit's"
            )
        yield [what, figure, f"≥ {found['crowd_target']}"]
        yield [
            f"the page's memory meanwhile, {size}",
            f"{row['page_mb']:.0f} MB at the most",
            f"≤ {found['crowd_mb']} MB",
        ]


def _one_size(bench: Bench, kind: Kind) -> Figures:
    folder = bench.folder / f"predict-{kind.name.replace(' ', '')}"
    put(kind, bench.photos(_PHOTOS[kind]), folder / "photos")
    return bench.child("predictions", folder, folder / "photos")


def _crowd_at(bench: Bench, kind: Kind) -> Figures:
    """The median round by what counts; the most memory of all of them."""
    count = 1 if bench.quick else _CROWD_ROUNDS
    rounds = sorted((_crowd_once(bench, kind) for _ in range(count)), key=itemgetter("of_limit"))
    by_round = [one["of_limit"] for one in rounds]
    page_mb = max(one["page_mb"] for one in rounds)
    return rounds[len(rounds) // 2] | {"page_mb": page_mb, "of_limit_by_round": by_round}


def _crowd_once(bench: Bench, kind: Kind) -> Figures:
    folder = bench.folder / f"predict-{kind.name.replace(' ', '')}"
    calls = bench.photos(_CROWD_CALLS[kind])
    shutil.rmtree(folder / "crowd", ignore_errors=True)
    before = bench.child("bare_limit", folder / "photos")
    found = bench.child("crowd", folder / "crowd", folder / "photos", calls)
    after = bench.child("bare_limit", folder / "photos")
    if found["answers"] != calls:
        raise SystemExit(f"of {calls} calls {found['answers']} were answered: nothing was measured")
    bare = {key: before[key] + after[key] for key in ("photos", "seconds", "cpu_seconds")}
    limit, speed = bare["photos"] / bare["seconds"], calls / found["seconds"]
    cores = len(os.sched_getaffinity(0))
    left = 1 - found["clients_cpu_seconds"] / found["seconds"] / cores
    cpu = found["page_cpu_seconds"] / calls / (bare["cpu_seconds"] / bare["photos"])
    return found | {
        "images_per_second": round(speed, 1),
        "limit": round(limit, 1),
        "of_limit": round(speed / limit, 3),
        "of_cores_left": round(speed / limit / left, 3),
        "cpu_of_limit": round(cpu, 3),
    }


def _measured(photos: list[Path], ways: dict[str, Callable[[bytes], object]]) -> Figures:
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for photo in photos:
        data = photo.read_bytes()
        for way, do in ways.items():
            began = time.perf_counter()
            do(data)
            taken[way].append((time.perf_counter() - began) * 1e3)
    figures: Figures = {
        way: {"p50": round(median(ms[5:]), 2), "p95": round(quantiles(ms[5:], n=20)[-1], 2)}
        for way, ms in taken.items()  # the first few load what is loaded once
    }
    ratio = figures["predict"]["p50"] / figures["bare"]["p50"]
    return figures | {"photos": len(photos) - 5, "of_bare": round(ratio, 3)}


@contextmanager
def page(settings: Path) -> Iterator[Page]:
    """A page at work, without limits on calls."""
    log = settings.with_name("web.log")
    command = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "web"]
    environment = os.environ | _UNLIMITED
    made = subprocess.run(
        [*command, "key", "add", "bench"], capture_output=True, check=True, env=environment
    )
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        yield Page(_address(log), made.stdout.decode().strip())
    finally:
        process.terminate()
        process.wait()


def _address(log: Path) -> str:
    """Where it listens, once it says so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text(encoding="utf-8").splitlines():
            if '"web_started"' in line:
                return str(json.loads(line[line.index("{") :])["listen"])
        time.sleep(0.05)
    raise SystemExit(f"the page did not start:\n{log.read_text(encoding='utf-8')}")

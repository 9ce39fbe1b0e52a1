"""What one program waits for a prediction, against decoding and model alone.

Photo by photo in turn, each of bytes of its own: decoded and judged in this process, by one thread,
and asked of the page, a process beside it, over one connection that stays open. So both have the
machine as it is just then, and the ratio of the medians counts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles

from benchmarks.bench import Bench, Figures
from benchmarks.photos import CAMERA, CATALOGUE, Kind, put
from benchmarks.share import Share

_PHOTOS = {CATALOGUE: 300, CAMERA: 100}
_TARGET = 1.3
# Programs that ask at the same time, without a pause; how much they ask, and what that may take.
_CROWD = 50
_CROWD_CALLS = {CATALOGUE: 1500, CAMERA: 300}
_CROWD_TARGET, _CROWD_MB = 0.8, 350
_PATIENCE_SECONDS = 60.0
_UNLIMITED = {
    "NIGHTSORT_WEB__LISTEN": "127.0.0.1:0",
    "NIGHTSORT_API__PREDICTIONS_PER_HOUR": "10000000",
    "NIGHTSORT_API__AT_ONCE": "1000",
}
_BEFORE = (
    b"--photo\r\n",
    b'content-disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n',
)
_AFTER = (b"\r\n--photo--\r\n",)


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
    with page(settings) as (address, key), closing(HTTPConnection(address)) as connection:

        def ask(data: bytes) -> object:
            return _ask(connection, key, data)

        return _measured(sorted(Path(photos).glob("*.jpg")), {"bare": judge, "predict": ask})


def crowd(folder: str, photos: str, calls: str) -> Figures:
    """In a process of its own: many clients at a time, each photo of bytes of its own."""
    files = [photo.read_bytes() for photo in sorted(Path(photos).glob("*.jpg"))]
    own = threading.local()
    with page(Share(Path(folder)).configure("manual")) as (address, key):

        def ask(number: int) -> None:
            if not hasattr(own, "connection"):
                own.connection = HTTPConnection(address)
            _ask(own.connection, key, files[number % len(files)] + str(number).encode())

        ask(-1)  # loads what is loaded once
        with ThreadPoolExecutor(_CROWD) as pool:
            began = time.perf_counter()
            for _ in pool.map(ask, range(int(calls))):
                pass
            seconds = time.perf_counter() - began
        return {"images_per_second": int(calls) / seconds, "page_mb": _peak_mb_of_page()}


def _peak_mb_of_page() -> float:
    """Of the only process that this one has started."""
    (page,) = Path("/proc/thread-self/children").read_text().split()
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{page}/status").read_text())
    return round(int(peak) / 1024, 1)


def _ask(connection: HTTPConnection, key: str, data: bytes) -> object:
    """One call, by what Python brings along: other clients take a millisecond themselves."""
    body = b"".join((*_BEFORE, data, *_AFTER))
    headers = {"X-API-Key": key, "Content-Type": "multipart/form-data; boundary=photo"}
    connection.request("POST", "/predict", body, headers)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    if answer.status != 200:
        raise SystemExit(f"/predict answered {said}")
    return said


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
    folder = bench.folder / f"predict-{kind.name.replace(' ', '')}"
    bare = bench.child("bare_limit", folder / "photos")
    limit = bare["photos"] / bare["seconds"]
    figures = bench.child(
        "crowd", folder / "crowd", folder / "photos", bench.photos(_CROWD_CALLS[kind])
    )
    ratio = figures["images_per_second"] / limit
    return figures | {"limit": round(limit, 1), "of_limit": round(ratio, 3)}


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
def page(settings: Path) -> Iterator[tuple[str, str]]:
    """A page at work, without limits on calls, and a key; host and port, and the key."""
    log = settings.with_name("web.log")
    command = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "web"]
    environment = os.environ | _UNLIMITED
    made = subprocess.run(
        [*command, "key", "add", "bench"], capture_output=True, check=True, env=environment
    )
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        yield _address(log), made.stdout.decode().strip()
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

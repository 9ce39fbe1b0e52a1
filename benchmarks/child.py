"""What is measured, each in a process of its own: `python -m benchmarks.child TASK ...`.

A task prints one line of JSON. The seconds leave out starting Python and loading the model, on both
sides of every ratio.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from io import BytesIO
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from config.settings import Settings

Figures = dict[str, Any]

# Without progress for so long, something is wrong, and its log says what.
_PATIENCE_SECONDS = 120.0
# What the model takes at once in the bare limit: the fastest of 1, 2, 4, 8, 16 and 32.
_LIMIT_BATCH = 4


def drain(settings_file: str, photos: str, when: str = "queued") -> Figures:
    """One drain, asked for when `photos` photos are queued: from the question to the closed run.

    That takes in the fresh look at the share, claiming, reading, hashing, decoding, classifying,
    filing, both commits of each micro-batch, the results files and closing the run. What comes
    after it, before whoever asked is answered (report, workbook, pick lists), is `report_seconds`.
    when: "judged" asks when all of them were judged ahead.
    """
    from benchmarks.bench import log_lines
    from classifier.threads import ask_for_one_thread, pools
    from config.logs import configure
    from config.settings import load
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.service.app import build

    ask_for_one_thread()  # as the command does first
    settings = load(Path(settings_file))
    figures: Figures = {}

    def ask() -> None:
        began = time.perf_counter()
        try:
            _wait_until(
                lambda: service.progress.waiting if when == "queued" else _judged(settings),
                int(photos),
            )
        except TimeoutError:
            service.stop()
            raise
        figures["queueing_seconds"] = time.perf_counter() - began
        asked_at = time.time()  # by the clock of the log
        answer = service.ask()
        effort = _effort_until(answer.done)
        figures["summary"] = answer.result()
        answered_at = time.time()
        closed_at = next(
            datetime.fromisoformat(event["timestamp"]).timestamp()
            for event in log_lines(Path(settings_file))
            if event["event"] == "run_finished"
        )
        figures["seconds"] = closed_at - asked_at
        draining = [seen for seen in effort if seen.at <= closed_at]
        figures["cpu_seconds"] = draining[-1].cpu_seconds - draining[0].cpu_seconds
        # A thread that is just being made or ended may be counted by one side only.
        figures["hidden_threads"] = median_low(seen.hidden_threads for seen in draining)
        figures["pool_threads"] = max((pool.threads for pool in pools()), default=1)
        figures["report_seconds"] = answered_at - closed_at
        service.stop()

    with Path(settings_file).with_name("daemon.log").open("w") as log:
        configure(service=True, stream=log)
        with build(settings, SystemClock(local_zone())) as service:
            asking = threading.Thread(target=ask)
            asking.start()
            service.run()
            asking.join()
    if "seconds" not in figures:
        raise SystemExit(f"not drained; {settings_file} has a log beside it")
    return figures


def bare_limit(folder: str) -> Figures:
    """Scaled JPEG decoding and the int8 model on all cores, and nothing else."""
    from daemon.folders.machine import usable_cores

    photos = sorted(Path(folder).glob("*.jpg"))
    batches = [photos[at : at + _LIMIT_BATCH] for at in range(0, len(photos), _LIMIT_BATCH)]
    models = [_model() for _ in range(usable_cores())]
    own = threading.local()

    def take() -> None:
        own.model = models.pop()

    def work(batch: list[Path]) -> None:
        own.model([_scaled(photo.read_bytes()) for photo in batch])

    with ThreadPoolExecutor(len(models), initializer=take) as pool:
        began, began_cpu = time.perf_counter(), time.process_time()
        list(pool.map(work, batches))
        seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - began_cpu,
        "photos": len(photos),
    }


def one_by_one(folder: str, limit: str) -> Figures:
    """The same int8 model with one interpreter: a photo after the other, decoded in full."""
    from PIL import Image

    photos = sorted(Path(folder).glob("*.jpg"))[: int(limit)]
    model = _model()
    began = time.perf_counter()
    for photo in photos:
        with Image.open(photo) as image:
            small = image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        model([small])
    return {"seconds": time.perf_counter() - began, "photos": len(photos)}


def queue(state: str, rows: str) -> Figures:
    """Queue `rows` photos that have no files; then what the queue costs to claim from and count."""
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.domain.photos import Fingerprint, Sighting
    from daemon.intake.admission import SIGHTINGS_AT_ONCE
    from daemon.store import Store

    count, clock = int(rows), SystemClock(local_zone())
    store = Store(Path(state))
    before_mb = peak_mb()
    began = time.perf_counter()
    for first in range(0, count, SIGHTINGS_AT_ONCE):
        numbers = range(first, min(first + SIGHTINGS_AT_ONCE, count))
        store.admissions.admit(
            [Sighting(f"day/{n:07d}.jpg", Fingerprint(n, 40_000, n)) for n in numbers],
            clock.now(),
        )
    admitting = time.perf_counter() - began
    counting = _seconds(lambda: store.queue.waiting(clock.steady()), times=10)
    run = store.runs.open("run", clock.now(), "model")
    claiming = _seconds(
        lambda: store.queue.claim(run.id, 16, clock.steady(), clock.boot), times=100
    )
    return {
        "rows": count,
        "admitted_per_second": count / admitting,
        "claim_16_ms": claiming * 1e3,
        "count_ms": counting * 1e3,
        "grown_mb": peak_mb() - before_mb,
        "database_mb": sum(path.stat().st_size for path in Path(state).iterdir()) / 1e6,
    }


def rescan(incoming: str, state: str) -> Figures:
    """Look through a folder in which every photo is queued already: the look that finds nothing."""
    from config.sections import IntakeSettings
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.folders.tree import Tree
    from daemon.intake.admission import SIGHTINGS_AT_ONCE
    from daemon.intake.watcher import Watcher
    from daemon.store import Store

    clock, store = SystemClock(local_zone()), Store(Path(state))
    watcher = Watcher(
        Tree(Path(incoming)),
        observer="polling",
        rescan_seconds=3600,
        ignore=IntakeSettings().ignore,
    )

    def look() -> int:
        new = 0
        watcher.rescan()
        while watcher.scanning:
            found = store.admissions.unknown(watcher.sightings(SIGHTINGS_AT_ONCE))
            new += len(found)
            store.admissions.admit(found, clock.now())
        return new

    files = look()
    before_mb = peak_mb()
    seconds = _seconds(look, times=3)
    return {"files": files, "seconds": seconds, "grown_mb": peak_mb() - before_mb}


def ready() -> Figures:
    """Say when the model has judged its first picture, in seconds since this process was born."""
    from PIL import Image

    from classifier.classifier import Classifier
    from classifier.pixels import Picture

    classifier = Classifier.load()
    size = classifier.input_size
    classifier.classify([Picture(Image.new("RGB", size), *size, "JPEG")])
    return {}


def status_imports(settings_file: str) -> Figures:
    """Which of the large modules `nightsort status` imports."""
    from click.testing import CliRunner

    from daemon.cli.main import cli

    CliRunner().invoke(cli, ["--config", settings_file, "status"])
    large = ("numpy", "PIL", "ai_edge_litert", "apprise", "watchdog", "sqlite3", "rich",
             "structlog", "asyncio", "pydantic")  # fmt: skip
    return {"imports": [module for module in large if module in sys.modules]}


def peak_mb() -> float:
    """The most memory that this process has had resident so far."""
    # Not getrusage: its figure begins with what the parent had when it forked.
    status = Path("/proc/self/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def _judged(settings: Settings) -> int:
    """How many photos the daemon says were judged ahead."""
    from daemon.health.status_file import read

    return read(settings.state_dir)[0]["judged_ahead"] or 0


def _wait_until(seen: Callable[[], int], wanted: int) -> None:
    """Wait for a number that grows. Raises TimeoutError when it stops growing."""
    last, changed_at = seen(), time.monotonic()
    while last < wanted:
        time.sleep(0.02)
        if (now := seen()) != last:
            last, changed_at = now, time.monotonic()
        elif time.monotonic() - changed_at > _PATIENCE_SECONDS:
            raise TimeoutError(f"{last} of {wanted}")


class _Effort(NamedTuple):
    """What this process had spent at a moment."""

    at: float  # by the clock of the log
    cpu_seconds: float
    hidden_threads: int  # those that libraries made for themselves


def _effort_until(done: Callable[[], bool]) -> list[_Effort]:
    """Look every 20 ms; each look takes 0.03 ms."""
    seen = []
    while not done():
        hidden = len(list(Path("/proc/self/task").iterdir())) - threading.active_count()
        seen.append(_Effort(time.time(), time.process_time(), hidden))
        time.sleep(0.02)
    return seen


def _seconds(work: Callable[[], object], times: int) -> float:
    """The mean time of a call."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def _scaled(data: bytes) -> Any:
    from PIL import Image

    image = Image.open(BytesIO(data))
    image.draft("RGB", (224, 224))
    return image.resize((224, 224), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _model() -> Callable[[list[Any]], Any]:
    """The default model in an interpreter of its own, warm: takes pictures of 224 x 224."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    from classifier.bundle import load_bundle

    interpreter = Interpreter(model_content=load_bundle().model, num_threads=1)
    place = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def invoke(pictures: list[Any]) -> Any:
        pixels = np.stack([np.asarray(picture) for picture in pictures])
        if tuple(interpreter.get_input_details()[0]["shape"]) != pixels.shape:
            interpreter.resize_tensor_input(place, pixels.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place, pixels)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    interpreter.allocate_tensors()
    invoke([np.zeros((224, 224, 3), np.uint8)])
    return invoke


def photo_quality(name: str, count: str) -> Figures:
    """See `benchmarks.quality`."""
    from benchmarks import quality

    return quality.photo_quality(name, count)


def same_verdicts(data: str, count: str) -> Figures:
    """See `benchmarks.learning_costs`."""
    from benchmarks import learning_costs

    return learning_costs.same_verdicts(data, count)


def photo_costs(count: str) -> Figures:
    """See `benchmarks.learning_costs`."""
    from benchmarks import learning_costs

    return learning_costs.photo_costs(count)


def lesson(data: str, count: str) -> Figures:
    """See `benchmarks.learning_costs`."""
    from benchmarks import learning_costs

    return learning_costs.lesson(data, count)


def predictions(folder: str, photos: str) -> Figures:
    """See `benchmarks.predicting`."""
    from benchmarks import predicting

    return predicting.predictions(folder, photos)


def crowd(folder: str, photos: str, calls: str) -> Figures:
    """See `benchmarks.predicting`."""
    from benchmarks import predicting

    return predicting.crowd(folder, photos, calls)


def asking(folder: str, address: str, key: str) -> Figures:
    """See `benchmarks.beside`."""
    from benchmarks import beside

    return beside.asking(folder, address, key)


_TASKS: dict[str, Callable[..., Figures]] = {
    task.__name__: task
    for task in (
        drain,
        bare_limit,
        one_by_one,
        queue,
        rescan,
        ready,
        status_imports,
        photo_quality,
        same_verdicts,
        photo_costs,
        lesson,
        predictions,
        crowd,
        asking,
    )
}

if __name__ == "__main__":
    print(json.dumps(_TASKS[sys.argv[1]](*sys.argv[2:]) | {"peak_mb": peak_mb()}))

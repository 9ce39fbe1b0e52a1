"""A drain beside programs that ask for predictions without a pause: what they leave of its speed.

Alone and beside them, in turn. They are other machines' work: here they have the lowest weight, so
what is measured is the page, and as little of them as can be. `make load` does the same with
Locust's users, who take more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench, Figures, figures_in
from benchmarks.clients import Crowd, Page
from benchmarks.photos import CAMERA, CATALOGUE, TINY, put
from benchmarks.predicting import page
from benchmarks.share import Share

_DRAINED = 1200
_CLIENTS, _TARGET = 50, 0.9
_SENT = {TINY: 6, CATALOGUE: 12, CAMERA: 2}
_BEGIN_SECONDS = 3.0


def beside(bench: Bench) -> Figures:
    """Photos a second of the drain, alone and beside, by round; what the programs got meanwhile."""
    share, count = bench.share("beside"), bench.photos(_DRAINED)
    for kind, number in _SENT.items():
        put(kind, number, bench.folder / "sent" / kind.name)
    rounds = [_one_round(bench, share, count) for _ in range(bench.rounds)]
    return {
        "rounds": rounds,
        "clients": _CLIENTS,
        "of_alone": round(median(found["beside"] / found["alone"] for found in rounds), 3),
        "target": _TARGET,
    }


def asking(folder: str, address: str, key: str) -> Figures:
    """In a process of its own: the programs, until it is told to end."""
    goes_on = True

    def end(*_: object) -> None:
        nonlocal goes_on
        goes_on = False

    signal.signal(signal.SIGTERM, end)
    os.nice(19)
    photos = [photo.read_bytes() for photo in sorted(Path(folder).glob("*/*.jpg"))]
    return Crowd(Page(address, key), photos).ask(_CLIENTS, lambda _: goes_on)


def beside_rows(found: Figures) -> Iterator[list[str]]:
    """The figures as lines of the table."""
    rounds = found["rounds"]
    speeds = "; ".join(f"{one['beside']:.0f} of {one['alone']:.0f}" for one in rounds)
    answers = median(one["answers_per_second"] for one in rounds)
    what = (
        f"A drain beside {found['clients']} programs that ask without a pause, of its speed alone"
    )
    figure = (
        f"**{found['of_alone']:.2f}** ({speeds} photos a second; the programs got {answers:.0f} "
        "answers a second)"
    )
    yield [what, figure, f"≥ {found['target']}"]


def _one_round(bench: Bench, share: Share, count: int) -> Figures:
    alone = _drained(bench, share, count)
    share.fill(CATALOGUE, count)
    settings = share.configure("manual")
    with page(settings) as where, _programs(bench, where) as programs:
        time.sleep(_BEGIN_SECONDS)  # until the model is loaded, and all have asked
        drained = bench.child("drain", settings, count)
        programs.terminate()
        asked = figures_in(programs.communicate()[0])
    return {
        "alone": alone,
        "beside": count / float(drained["seconds"]),
        "answers_per_second": round(asked["answers"] / asked["seconds"], 1),
        "shed": asked["shed"],
    }


def _drained(bench: Bench, share: Share, count: int) -> float:
    share.fill(CATALOGUE, count)
    return count / float(bench.child("drain", share.configure("manual"), count)["seconds"])


@contextmanager
def _programs(bench: Bench, where: Page) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.child", "asking"]
    process = subprocess.Popen(
        [*command, str(bench.folder / "sent"), where.address, where.key],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()

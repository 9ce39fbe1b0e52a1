"""The daemon as it lives: how fast it files what comes, what it costs while nothing comes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.bench import Bench, Figures, log_lines
from benchmarks.photos import CATALOGUE, put

_SETTLE_SECONDS = 1.0
_IDLE_SECONDS = 60.0
_STARTS = 9
_DEADLINE_SECONDS = 60.0


def latency(bench: Bench) -> Figures:
    """From "file closed" to "filed and recorded", the settle time subtracted."""
    share, count = bench.share("latency"), bench.photos(300)
    share.reset()
    settings = share.configure("continuous", _SETTLE_SECONDS)
    put(CATALOGUE, count, share.root / "drawn")
    closed = {}
    with bench.daemon(settings):
        _wait_for(settings, "service_started", 1)
        time.sleep(2.0)
        pauses = random.Random(1)
        for photo in sorted((share.root / "drawn").iterdir()):
            target = share.incoming / photo.name
            target.write_bytes(photo.read_bytes())
            closed[target.name] = time.time()
            time.sleep(pauses.uniform(0.0, 0.5))
        _wait_for(settings, "photo_filed", count)
    took = [
        datetime.fromisoformat(event["timestamp"]).timestamp() - closed[event["name"]]
        for event in log_lines(settings)
        if event["event"] == "photo_filed"
    ]
    beyond = [seconds - _SETTLE_SECONDS for seconds in took]
    return {
        "photos": len(beyond),
        "settle_seconds": _SETTLE_SECONDS,
        "median_seconds": round(median(beyond), 3),
        "p99_seconds": round(quantiles(beyond, n=100)[98], 3),
        "target": 0.3,
    }


def idle(bench: Bench) -> Figures:
    """The share of one core that the daemon takes while nothing comes, with its helpers."""
    share = bench.share("idle")
    share.reset()
    settings = share.configure("continuous", 5.0)
    seconds = 10.0 if bench.quick else _IDLE_SECONDS
    with bench.daemon(settings) as process:
        _wait_for(settings, "service_started", 1)
        time.sleep(8.0)
        before = _cpu_seconds(process.pid)
        time.sleep(seconds)
        used = _cpu_seconds(process.pid) - before
    return {
        "seconds": seconds,
        "cpu_percent_of_a_core": round(100 * used / seconds, 3),
        "target": 0.3,
    }


def start(bench: Bench) -> Figures:
    """From starting a process to its first verdict, and to the end of `nightsort status`."""
    share = bench.share("start")
    settings = share.configure("manual")
    ready = [sys.executable, "-m", "benchmarks.child", "ready"]
    status = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "status"]
    with bench.daemon(settings):
        _wait_for(settings, "service_started", 1)
        seconds = {
            name: median(_seconds(command) for _ in range(_STARTS))
            for name, command in (("ready", ready), ("status", status))
        }
        imports = bench.child("status_imports", settings)["imports"]
    return {
        "ready_to_classify_seconds": round(seconds["ready"], 3),
        "target": 0.7,
        "status_seconds": round(seconds["status"], 3),
        "status_imports": imports,
    }


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - began


def _wait_for(settings: Path, event: str, count: int) -> None:
    """Wait until the daemon has logged an event so often."""
    ends = time.monotonic() + _DEADLINE_SECONDS
    while sum(line["event"] == event for line in log_lines(settings)) < count:
        if time.monotonic() > ends:
            raise SystemExit(f"the daemon did not log {count} times {event}")
        time.sleep(0.2)


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and of those that it started, as the scheduler counts it."""
    threads = [*Path(f"/proc/{pid}/task").iterdir()]
    spent = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    children = " ".join((thread / "children").read_text() for thread in threads).split()
    ended = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[13:15]
    spent += sum(map(int, ended)) / os.sysconf("SC_CLK_TCK")
    return spent + sum(_cpu_seconds(int(child)) for child in children)

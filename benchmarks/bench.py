"""What every part of the benchmark works with: its folder, its sizes, its child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.share import Share

Figures = dict[str, Any]
_REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark."""

    folder: Path  # where photos, queues and logs are
    quick: bool  # fewer photos, one round: to see that it works
    keras_python: Path | None  # a Python that has TensorFlow
    data: Path | None = None  # real photos, for lessons

    @property
    def rounds(self) -> int:
        """How often what is compared is repeated; the median counts."""
        return 1 if self.quick else 3

    def photos(self, count: int) -> int:
        """How many photos instead of `count`."""
        return max(30, count // 10) if self.quick else count

    def share(self, name: str) -> Share:
        """A share of that name, empty at its first use."""
        return Share(self.folder / name.replace(" ", ""))

    def child(self, task: str, *arguments: object, around: tuple[str, ...] = ()) -> Figures:
        """The figures of a task of `benchmarks.child`, in a process of its own.

        around: the beginning of a command that runs the rest of it.
        """
        own = [sys.executable, "-m", "benchmarks.child", task, *map(str, arguments)]
        return self.run([*around, *own])

    def run(self, command: list[str]) -> Figures:
        """The figures that a command prints."""
        done = subprocess.run(
            command,
            cwd=_REPOSITORY,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        return figures_in(done.stdout)

    @contextmanager
    def daemon(self, settings: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The daemon in a process of its own; its log stands beside the settings."""
        command = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "run"]
        with settings.with_name("daemon.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=_REPOSITORY, env=_environment(), stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait()


def figures_in(printed: str) -> Figures:
    """What a task of `benchmarks.child` prints."""
    figures: Figures = json.loads(printed.splitlines()[-1])
    return figures


# The best that there is comes first.
_INT8_INSTRUCTIONS = {
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "avx512bw": "AVX-512",
    "avx2": "AVX2",
}


def machine(folder: Path) -> Figures:
    """On what the figures were taken."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages / 1e9),
        "file_system": _file_system(folder),
        "python": ".".join(map(str, sys.version_info[:3])),
        "linux": os.uname().release.split("-")[0],
        "load_before": round(os.getloadavg()[0], 1),
        "taken": datetime.now().astimezone().isoformat(timespec="minutes"),
    }


def _processor() -> str:
    """Its name, and with what instructions the int8 model is computed: cloud names tell neither."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    told = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    flags = set(told.get("flags", "").split())
    known = [name for flag, name in _INT8_INSTRUCTIONS.items() if flag in flags]
    name = told.get("model name", os.uname().machine)
    return f"{name} ({known[0]})" if known else name


def log_lines(settings: Path) -> Iterator[Figures]:
    """The events in the daemon's log so far."""
    for line in settings.with_name("daemon.log").read_text().splitlines():
        if "{" in line:
            event: Figures = json.loads(line[line.index("{") :])
            yield event


def _file_system(folder: Path) -> str:
    place = str(folder.resolve())
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [
        (point, kind) for point, kind in mounts if f"{place}/".startswith(f"{point.rstrip('/')}/")
    ]
    return max(above, key=lambda mount: len(mount[0]))[1]


def _environment() -> dict[str, str]:
    """Without settings, and without what keeps libraries to one thread: nightsort does that."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("NIGHTSORT_") and not name.endswith("_NUM_THREADS")
    }

"""How memory and time grow with the backlog."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.bench import Bench, Figures
from benchmarks.photos import CATALOGUE, LARGE, TINY

_BACKLOGS = (1_000, 10_000, 100_000)
_ROWS = (10_000, 100_000, 1_000_000)
_MEMORY_TARGET_MB = 300


def memory(bench: Bench) -> Figures:
    """The peak memory of a whole drain, its queueing included."""
    peaks = {}
    for kind, count in ((CATALOGUE, 1_000), (CATALOGUE, 20_000), (LARGE, 60)):
        share, photos = bench.share("memory"), bench.photos(count)
        share.fill(kind, photos)
        drained = bench.child("drain", share.configure("manual"), photos)
        peaks[f"{photos:,} photos of {kind.name}"] = round(drained["peak_mb"])
        shutil.rmtree(share.root)
    return {"peak_mb": peaks, "target": _MEMORY_TARGET_MB}


def backlog(bench: Bench) -> Figures:
    """Seconds per thousand photos of 60x80, all of them real files; one drain each."""
    seconds, peaks = {}, {}
    for count in map(bench.photos, _BACKLOGS):
        share = bench.share("backlog")
        share.fill(TINY, count)
        drained = bench.child("drain", share.configure("manual"), count)
        seconds[f"{count:,}"] = round(1000 * drained["seconds"] / count, 2)
        peaks[f"{count:,}"] = round(drained["peak_mb"])
        shutil.rmtree(share.root)
    return {"seconds_per_thousand": seconds, "peak_mb": peaks}


def queue(bench: Bench) -> Figures:
    """The queue alone: rows without files."""
    found = []
    for rows in map(bench.photos, _ROWS):
        state = _empty(bench.folder / "queue")
        figures = bench.child("queue", state, rows)
        found.append({key: round(value, 2) for key, value in figures.items()})
        shutil.rmtree(state)
    return {"rows": found}


def rescan(bench: Bench) -> Figures:
    """A look at a whole folder in which nothing is new."""
    found = []
    for files in map(bench.photos, _BACKLOGS):
        folder = _empty(bench.folder / "rescan")
        incoming, state = _empty(folder / "incoming"), _empty(folder / "state")
        for number in range(files):
            (incoming / f"{number:06d}.jpg").write_bytes(b"x")
        figures = bench.child("rescan", incoming, state)
        found.append(
            {
                "files": files,
                "seconds": round(figures["seconds"], 3),
                "microseconds_per_file": round(1e6 * figures["seconds"] / files, 1),
                "peak_mb": round(figures["peak_mb"]),
            }
        )
        shutil.rmtree(folder)
    return {"looks": found}


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

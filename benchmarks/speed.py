"""The drain against the bare limit, and against the way people do it today."""

from __future__ import annotations

from statistics import median

from benchmarks.bench import Bench, Figures
from benchmarks.photos import CAMERA, CATALOGUE, TINY, Kind
from benchmarks.share import Share

_PHOTOS = {TINY: 1500, CATALOGUE: 900, CAMERA: 300}
_TARGETS = {TINY: 0.55, CATALOGUE: 0.75, CAMERA: 0.85}
# From asking to the answer, with page, workbook and lists.
_NOW_TARGETS = {TINY: 0.80, CATALOGUE: 0.85, CAMERA: 0.90}
# Processor time against the bare limit's: what spins beside the workers costs it.
_MOST_PROCESSOR_TIME = {TINY: 1.6, CATALOGUE: 1.4, CAMERA: 1.25}
# One photo after the other is slow: so many a round are enough, three rounds make 300.
_TODAY_PHOTOS = 100
# What a round finds beside the photos per second of each way.
_BESIDE = {
    "report_seconds",
    "now",
    "pictured",
    "peak_mb",
    "cpu_of_limit",
    "hidden_threads",
    "pool_threads",
}


def drain(bench: Bench) -> Figures:
    """Photos per second of each way at each size, and the ratios of each round."""
    return {kind.name: _one_size(bench, kind) for kind in _PHOTOS}


def _one_size(bench: Bench, kind: Kind) -> Figures:
    share, count = bench.share(kind.name), bench.photos(_PHOTOS[kind])
    rounds = [_one_round(bench, share, kind, count) for _ in range(bench.rounds)]
    ways = {way: median(found[way] for found in rounds) for way in rounds[0] if way not in _BESIDE}
    ratios = sorted(found["drain"] / found["limit"] for found in rounds)
    return {
        "photos": count,
        "rounds": len(rounds),
        "photos_per_second": {way: round(speed, 1) for way, speed in ways.items()},
        "drain_of_limit": round(median(ratios), 3),
        "drain_of_limit_by_round": [round(ratio, 3) for ratio in ratios],
        "target": _TARGETS[kind],
        "now": {
            "of_limit": round(median(found["now"] / found["limit"] for found in rounds), 3),
            "target": _NOW_TARGETS[kind],
        },
        "times_today": {
            way: round(median(found["drain"] / found[way] for found in rounds), 1)
            for way in ("int8_one_by_one", "keras_one_by_one")
            if way in ways
        },
        "report": {
            "seconds": round(median(found["report_seconds"] for found in rounds), 2),
            "pictured": round(median(found["pictured"] for found in rounds)),
        },
        "processor": {
            "of_limit": round(median(found["cpu_of_limit"] for found in rounds), 2),
            "target": _MOST_PROCESSOR_TIME[kind],
            "hidden_threads": round(max(found["hidden_threads"] for found in rounds)),
            "pool_threads": round(max(found["pool_threads"] for found in rounds)),
        },
        "peak_mb": round(max(found["peak_mb"] for found in rounds)),
    }


def _one_round(bench: Bench, share: Share, kind: Kind, count: int) -> dict[str, float]:
    """Photos per second of every way, one after the other over the same files."""
    share.fill(kind, count)
    today = min(_TODAY_PHOTOS, count)
    limit = bench.child("bare_limit", share.incoming)
    found = {
        "limit": _speed(limit),
        "int8_one_by_one": _speed(bench.child("one_by_one", share.incoming, today)),
    }
    if bench.keras_python:
        script = "benchmarks/keras_today.py"
        command = [str(bench.keras_python), script, str(share.incoming), str(today)]
        found["keras_one_by_one"] = _speed(bench.run(command))
    drained = bench.child("drain", share.configure("manual"), count)
    _check(drained["summary"], count)
    return found | {
        "drain": count / drained["seconds"],
        "now": count / (drained["seconds"] + drained["report_seconds"]),
        "report_seconds": drained["report_seconds"],
        "pictured": drained["summary"]["review"],
        "peak_mb": drained["peak_mb"],
        "cpu_of_limit": drained["cpu_seconds"] / limit["cpu_seconds"],
        "hidden_threads": drained["hidden_threads"],
        "pool_threads": drained["pool_threads"],
    }


def _speed(figures: Figures) -> float:
    return float(figures["photos"] / figures["seconds"])


def _check(summary: Figures, count: int) -> None:
    filed = summary["successful"] + summary["review"]
    if filed != count:
        raise SystemExit(f"of {count} photos only {filed} were filed: nothing was measured")

"""Metrics: how things are, as a text file for Prometheus' node exporter.

Written every minute and after each run, atomically; made from the same document as the status.
Source: the text exposition format of Prometheus, node_exporter's textfile collector.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from daemon.folders.writing import replace_small

log = structlog.get_logger()

FILE = "nightsort.prom"
WRITE_SECONDS = 60.0

Document = Mapping[str, Any]
# Name, what it means, and its values by label.
Metric = tuple[str, str, dict[str, float]]


class Metrics:
    """Keeps the file."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is where the node exporter looks; None: nobody wants metrics."""
        self._folder = folder
        self._written_at = float("-inf")
        self._last_run: Any = None
        self._is_failing = False

    def tell(self, document: Document) -> None:
        """Write the file when it is due. One that cannot be written must not stop the sorting."""
        now = time.monotonic()
        is_new_run = document["last_run"] != self._last_run
        if self._folder is None or (now - self._written_at < WRITE_SECONDS and not is_new_run):
            return
        self._written_at, self._last_run = now, document["last_run"]
        try:
            replace_small(self._folder / FILE, render(document, time.time()), 0o644)
        except OSError as exc:
            if not self._is_failing:
                log.warning("metrics_not_written", folder=str(self._folder), why=exc.strerror)
            self._is_failing = True
        else:
            self._is_failing = False


def render(document: Document, at: float) -> str:
    """The whole file; `at` is the time now, in seconds since 1970."""
    written: Metric = "written_timestamp_seconds", "When this file was written.", {"": at}
    return "".join(map(lines, (written, *metrics_of(document, at))))


def metrics_of(document: Document, at: float) -> Iterator[Metric]:
    """All that a status says in numbers; of what is not known in it, nothing."""
    yield "problems", "What keeps it from working as it should.", {"": len(document["problems"])}
    for key, told in _TOLD.items():
        if document[key] is not None:
            yield from told(document[key])
    run = document["last_run"]
    if run is not None:
        yield from _last_run(run, at)


def _queue(queue: Any) -> Iterator[Metric]:
    yield "queue_photos", "Photos in the queue.", labelled("state", queue)


def _share(share: Any) -> Iterator[Metric]:
    available = {name: float(said == "available") for name, said in share.items()}
    yield "folder_available", "Whether a folder is there.", labelled("folder", available)


def _disk(disk: Any) -> Iterator[Metric]:
    free = {name: megabytes * 1e6 for name, megabytes in disk.items()}
    yield "free_bytes", "Free space.", labelled("folder", free)


def _undecided(undecided: Any) -> Iterator[Metric]:
    yield "undecided_photos", "Photos that wait for a decision.", {"": undecided["photos"]}
    if undecided["oldest"] is not None:
        since = datetime.fromisoformat(undecided["oldest"]).timestamp()
        yield "undecided_since_timestamp_seconds", "Since when the oldest waits.", {"": since}


def _forecast(forecast: Any) -> Iterator[Metric]:
    left = forecast["will_not_fit"]
    yield "forecast_left_photos", "Photos that will not fit into the window.", {"": left}
    done = datetime.fromisoformat(forecast["done_by"]).timestamp()
    yield "forecast_done_timestamp_seconds", "When the queue will be done.", {"": done}


def _judged_ahead(photos: int) -> Iterator[Metric]:
    yield "judged_ahead_photos", "Waiting photos that were judged ahead of their run.", {"": photos}


_TOLD: dict[str, Callable[[Any], Iterator[Metric]]] = {
    "queue": _queue,
    "judged_ahead": _judged_ahead,
    "share": _share,
    "disk": _disk,
    "undecided": _undecided,
    "forecast": _forecast,
}


def _last_run(run: Mapping[str, Any], at: float) -> Iterator[Metric]:
    finished = datetime.fromisoformat(run["finished"]).timestamp()
    yield "last_run_timestamp_seconds", "When the last run ended.", {"": finished}
    yield "last_run_age_seconds", "How long ago the last run ended.", {"": at - finished}
    outcomes = {name: run[name] for name in ("successful", "review", "duplicates", "failed")}
    yield "last_run_photos", "Photos of the last run.", labelled("outcome", outcomes)
    bands = run["confidence_distribution"]
    yield "last_run_band_photos", "Judged photos of the last run.", labelled("band", bands)
    yield "last_run_deferred_photos", "Left waiting by the last run.", {"": run["deferred"]}
    seconds = run["processing_time_seconds"]
    yield "last_run_duration_seconds", "How long the last run worked.", {"": seconds}


def labelled(label: str, values: Mapping[str, float]) -> dict[str, float]:
    """The values of a metric that differ in one label."""
    return {f'{{{label}="{_escaped(name)}"}}': value for name, value in values.items()}


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def lines(metric: Metric) -> str:
    """A gauge in the text format."""
    name, meaning, values = metric
    head = f"# HELP nightsort_{name} {meaning}\n# TYPE nightsort_{name} gauge\n"
    return head + "".join(f"nightsort_{name}{label} {value}\n" for label, value in values.items())

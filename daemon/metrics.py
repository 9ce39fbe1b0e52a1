"""Metrics: how things are, as a text file for Prometheus' node exporter.

Written every minute and after each run, atomically; made from the same document as the status.
Source: the text exposition format of Prometheus, node_exporter's textfile collector.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

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
        partial = self._folder / f"{FILE}.part"
        try:
            partial.write_text(render(document, time.time()), encoding="utf-8")
            partial.chmod(0o644)
            partial.replace(self._folder / FILE)
        except OSError as exc:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            if not self._is_failing:
                log.warning("metrics_not_written", folder=str(self._folder), why=exc.strerror)
            self._is_failing = True
        else:
            self._is_failing = False


def render(document: Document, at: float) -> str:
    """The whole file; `at` is the time now, in seconds since 1970."""
    metrics = [*_now(document, at), *_last_run(document["last_run"], at)]
    return "".join(_lines(*metric) for metric in metrics)


def _now(document: Document, at: float) -> Iterator[Metric]:
    yield "written_timestamp_seconds", "When this file was written.", {"": at}
    queue = document["queue"]
    yield "queue_photos", "Photos in the queue.", _labelled("state", queue)
    available = {name: float(said == "available") for name, said in document["share"].items()}
    yield "folder_available", "Whether a folder is there.", _labelled("folder", available)
    free = {name: megabytes * 1e6 for name, megabytes in document["disk"].items()}
    yield "free_bytes", "Free space.", _labelled("folder", free)
    yield "problems", "What keeps it from working as it should.", {"": len(document["problems"])}
    forecast = document["forecast"]
    if forecast is not None:
        left = forecast["will_not_fit"]
        yield "forecast_left_photos", "Photos that will not fit into the window.", {"": left}
        done = datetime.fromisoformat(forecast["done_by"]).timestamp()
        yield "forecast_done_timestamp_seconds", "When the queue will be done.", {"": done}


def _last_run(run: Mapping[str, Any] | None, at: float) -> Iterator[Metric]:
    if run is None:
        return
    finished = datetime.fromisoformat(run["finished"]).timestamp()
    yield "last_run_timestamp_seconds", "When the last run ended.", {"": finished}
    yield "last_run_age_seconds", "How long ago the last run ended.", {"": at - finished}
    outcomes = {name: run[name] for name in ("successful", "review", "duplicates", "failed")}
    yield "last_run_photos", "Photos of the last run.", _labelled("outcome", outcomes)
    bands = run["confidence_distribution"]
    yield "last_run_band_photos", "Judged photos of the last run.", _labelled("band", bands)
    yield "last_run_deferred_photos", "Left waiting by the last run.", {"": run["deferred"]}
    seconds = run["processing_time_seconds"]
    yield "last_run_duration_seconds", "How long the last run worked.", {"": seconds}


def _labelled(label: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f'{{{label}="{_escaped(name)}"}}': value for name, value in values.items()}


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _lines(name: str, meaning: str, values: Mapping[str, float]) -> str:
    head = f"# HELP nightsort_{name} {meaning}\n# TYPE nightsort_{name} gauge\n"
    return head + "".join(f"nightsort_{name}{label} {value}\n" for label, value in values.items())

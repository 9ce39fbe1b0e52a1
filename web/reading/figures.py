"""Figures: photos by band out of the history, and all that the daemon's status says in numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from config.errors import ConfigError, RefusedError, StoreDamaged
from config.settings import Settings
from daemon.domain.clock import zone_of
from daemon.health.metrics import Metric, labelled, lines, metrics_of
from daemon.health.status_file import NOT_RUNNING, read
from daemon.store import Store
from web.reading.state import sorts

__all__ = ["Metric", "bands", "daemon_metrics", "labelled", "lines"]

_UP = "Whether the daemon runs, and does not hang."
Span = Literal["today", "week", "all"]


def bands(settings: Settings) -> dict[Span, dict[str, int]] | None:
    """Photos of each band, by when their run began; None while there is no history to read.

    The week begins on Monday. Raises TransientError.
    """
    today = datetime.now(zone_of(settings)).date()
    monday = today - timedelta(days=today.weekday())
    spans: Mapping[Span, date | None] = {"today": today, "week": monday, "all": None}
    try:
        with closing(Store(settings.state_dir, reading=True)) as store:
            return {
                span: {band.value: n for band, n in store.runs.bands_since(first).items()}
                for span, first in spans.items()
            }
    except (RefusedError, ConfigError, StoreDamaged):  # its own tools say what is wrong with it
        return None


def daemon_metrics(state_dir: Path) -> Iterator[Metric]:
    """What the daemon says of itself, as in the file that it keeps for the node exporter."""
    try:
        document, code = read(state_dir)
    except RefusedError:  # nothing of it may be seen: of a daemon that is not known to run
        yield "up", _UP, {"": 0.0}
        return
    is_up = code != NOT_RUNNING and document["state"] != "hangs"
    yield "up", _UP, {"": float(is_up)}
    yield "sorting", "Whether the queue is being sorted.", {"": float(sorts(document))}
    if document["model"] is not None:
        model = labelled("model", {document["model"]: 1})
        yield "model_info", "The version of the model that sorts.", model
    yield from metrics_of(document, time.time())

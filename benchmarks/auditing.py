"""What the audit chain costs: verdicts recorded a second with and without it, its share of a drain.

`python -m benchmarks.auditing SETTINGS PHOTOS` is what is measured, in a process of its own: one
drain, in which the chain's part of recording is timed apart.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks import child
from benchmarks.bench import Bench, Figures
from benchmarks.photos import CATALOGUE, TINY

_DRAINED = 3_000


def audit(bench: Bench) -> Figures:
    """Drains of small photos, of which recording is the largest part, and of the catalogue's."""
    sizes = {}
    for kind in (TINY, CATALOGUE):
        rounds = [_round(bench, kind) for _ in range(bench.rounds)]
        sizes[kind.name] = {
            key: median(one[key] for one in rounds) for key in rounds[0] if key != "photos"
        }
    return {"photos": bench.photos(_DRAINED), "sizes": sizes}


def _round(bench: Bench, kind: Any) -> Figures:
    share, count = bench.share("audit"), bench.photos(_DRAINED)
    share.fill(kind, count)
    settings = share.configure("manual")
    command = [sys.executable, "-m", "benchmarks.auditing", str(settings), str(count)]
    found = bench.run(command)
    shutil.rmtree(share.root)
    return found


def audit_rows(figures: Figures) -> Iterator[list[str]]:
    """For the table."""
    for size, one in figures["sizes"].items():
        what = f"audit chain, {figures['photos']:,} photos of {size}: verdicts recorded a second"
        yield [f"{what}, with it and without", f"{one['with']:,.0f}, {one['without']:,.0f}", ""]
        yield [f"its share of that drain, {size}", f"{100 * one['share']:.1f} %", ""]
        yield [f"`audit verify`, rows a second, {size}", f"{one['verified']:,.0f}", ""]


# --- in a process of its own ---------------------------------------------------------------------


class _Watch:
    """How long calls of a function took in all."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def _measure(settings_file: str, photos: str) -> Figures:
    from config.settings import load
    from daemon.maintenance.audit import look_through_store
    from daemon.store import Store, intentions
    from daemon.store import audit as audit_chain

    chain, recording = _Watch(), _Watch()
    record = recording.timing(intentions.Intentions.record)
    with (
        patch.object(intentions, "append", chain.timing(audit_chain.append)),
        patch.object(intentions.Intentions, "record", record),
    ):
        drained = child.drain(settings_file, photos)
    with closing(Store(load(Path(settings_file)).state_dir)) as store:
        began = time.perf_counter()
        rows = look_through_store(store).rows
        verified = rows / (time.perf_counter() - began)
    count = int(photos)
    return {
        "photos": count,
        "with": count / recording.seconds,
        "without": count / (recording.seconds - chain.seconds),
        "share": chain.seconds / drained["seconds"],
        "verified": verified,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))

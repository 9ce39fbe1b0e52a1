"""How fast the mirror copies an invented history to a PostgreSQL beside it, and its memory.

python -m benchmarks.mirror --photos 100000
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.mirror.copier import Copier
from daemon.mirror.postgres import connect
from daemon.store import DATABASE, Store
from daemon.store.mirrored import MIRROR_FILL
from tests.support.postgres import cluster

_A_RUN = 1000
_BEGAN = datetime(2025, 1, 1, 2, tzinfo=UTC)
_LABELS = ("Shirts", "Tops", "Casual Shoes", "Watches", "Handbags")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mirror", description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    photos: int = parser.parse_args().photos
    with tempfile.TemporaryDirectory() as folder, cluster() as server:
        state = Path(folder)
        Store(state).close()
        _invent(state, photos)
        address = server.new_database("mirror")
        before = _peak_mb()
        with closing(Store(state)) as store, closing(connect(address)) as postgres:
            copier = Copier(store, postgres, "bench")
            _tell("all of it, for the first time", _timed(copier), store.mirrored.count())
            _say_words(state, photos // 2)
            _tell("half of the photos corrected", _timed(copier), photos)
            store.facts.remember(MIRROR_FILL, value=True)
            _tell("compared, nothing differs", _timed(copier), store.mirrored.count())
        print(f"memory: {_peak_mb() - before:.0f} MB more at its peak, {_peak_mb():.0f} MB in all")


def _invent(state: Path, photos: int) -> None:
    with closing(sqlite3.connect(state / DATABASE)) as database:
        database.executemany(
            "INSERT INTO runs (id, started_at, finished_at, waiting_before, model, summary)"
            " VALUES (?, ?, ?, 0, 'fashion 1', ?)",
            [
                (_run(n), at, at, json.dumps({"run": _run(n), "total_processed": _A_RUN}))
                for n in range(photos // _A_RUN + 1)
                for at in [(_BEGAN + timedelta(days=n)).isoformat()]
            ],
        )
        database.executemany(
            "INSERT INTO photos (state, path, filename, inode, size_bytes, mtime_ns,"
            " first_seen_at, run, status, sha256, category, confidence, band, alternatives,"
            " return_id, category_code, location, target, recorded_at, result_number, model)"
            " VALUES ('filed', ?, ?, 1, 2000000, 3, ?, ?, 'success', ?, ?, 0.9731, 'auto', ?,"
            " ?, 'SH', 'Section A, Aisle 3', ?, ?, ?, 'fashion 1')",
            _photos(photos),
        )
        database.commit()


def _photos(count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        run, place = divmod(number, _A_RUN)
        name, label = f"return-{number // 4:06}_{number % 4}.jpg", _LABELS[number % len(_LABELS)]
        at = (_BEGAN + timedelta(days=run, seconds=place)).isoformat()
        second = '[["Tops", 0.0121], ["Tshirts", 0.0042], ["Dresses", 0.0031]]'
        yield (
            name.encode(), name, at, _run(run), f"{number:064x}", label, second,
            f"{number // 4:06}", f"{label}/{name}".encode(), at, place + 1,
        )  # fmt: skip


def _say_words(state: Path, count: int) -> None:
    with closing(sqlite3.connect(state / DATABASE)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        at = _BEGAN.isoformat()
        database.executemany(
            "INSERT INTO corrections (photo, word, before, category, person, at, source, target,"
            " inode, size_bytes, mtime_ns, is_done, via)"
            " VALUES (?, 'corrected', 'Shirts', 'Tops', 'anna', ?, x'61', x'62', 1, 2, 3, 1,"
            " 'page')",
            [(photo, at) for photo in range(1, count + 1)],
        )
        database.execute("UPDATE photos SET decided = 'Tops' WHERE id <= ?", (count,))
        database.commit()


def _run(number: int) -> str:
    return (_BEGAN + timedelta(days=number)).strftime("%Y%m%d_%H%M%S")


def _timed(copier: Copier) -> float:
    began = time.perf_counter()
    while copier.step():
        pass
    return time.perf_counter() - began


def _tell(what: str, seconds: float, rows: int) -> None:
    print(f"{what}: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} a second", flush=True)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""The morning after: how long reports take, and how fast a photo is found among a million.

`python -m benchmarks.morning TASK ...` is what is measured, in a process of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench, Figures
from benchmarks.child import peak_mb
from benchmarks.photos import CATALOGUE

_REPORTED = 5_000
_NIGHT = 300
_AHEAD_TARGET_SECONDS = 5
_MANY, _MANY_TARGET_TIMES = 5_000, 5
_HISTORY = 1_000_000
_REPORT_TARGET_SECONDS = 30
_FIND_TARGET_SECONDS = 0.1
_TIMES = 20
_PHOTOS_A_DAY = 5_000
_CATEGORIES = ("Tshirts", "Shirts", "Tops", "Watches")


# --- the parts -----------------------------------------------------------------------------------


def report(bench: Bench) -> Figures:
    """Page, workbook, pick lists and inventory of one large run, made again by the command."""
    share, count = bench.share("report"), bench.photos(_REPORTED)
    share.fill(CATALOGUE, count)
    settings = share.configure("manual")
    summary = bench.child("drain", settings, count)["summary"]
    made = _task(bench, "make_report", settings)
    sizes = {
        path.name.partition(f"_{summary['run']}")[0] + path.suffix: path.stat().st_size
        for path in sorted((share.root / "results").rglob(f"*{summary['run']}*"))
    }
    shutil.rmtree(share.root)
    return {
        "photos": count,
        "to_decide": summary["review"],
        "seconds": round(made["seconds"], 2),
        "peak_mb": round(made["peak_mb"]),
        "megabytes": {name: round(size / 1e6, 2) for name, size in sizes.items()},
        "target": _REPORT_TARGET_SECONDS,
    }


def ahead(bench: Bench) -> Figures:
    """Photos that were judged by day: from asking to the answer, and how fast many are filed."""
    count, count_many = bench.photos(_NIGHT), bench.photos(_MANY)
    night = _judged_ahead(bench, count)
    rounds = [_judged_ahead(bench, count_many) for _ in range(bench.rounds)]
    many = sorted(found["limit_seconds"] / found["seconds"] for found in rounds)
    return {
        "photos": count,
        "to_decide": night["summary"]["review"],
        "filed_seconds": round(night["seconds"], 2),
        "answered_seconds": round(night["seconds"] + night["report_seconds"], 2),
        "judged_seconds": round(night["summary"]["judged_ahead_seconds"], 2),
        "target": _AHEAD_TARGET_SECONDS,
        "many": {
            "photos": count_many,
            "filed_per_second": round(count_many / median(found["seconds"] for found in rounds)),
            "times_limit": round(median(many), 1),
            "times_limit_by_round": [round(times, 1) for times in many],
            "target": _MANY_TARGET_TIMES,
        },
    }


def _judged_ahead(bench: Bench, count: int) -> Figures:
    """The figures of a run of so many photos that were judged before."""
    share = bench.share("ahead")
    share.fill(CATALOGUE, count)
    limit = bench.child("bare_limit", share.incoming)
    settings = share.configure("manual", look_ahead=True)
    found = bench.child("drain", settings, count, "judged")
    judged = found["summary"]["judged_ahead"]
    if judged != count:
        raise SystemExit(f"of {count} photos {judged} were judged ahead")
    shutil.rmtree(share.root)
    return found | {"limit_seconds": limit["seconds"]}


def find(bench: Bench) -> Figures:
    """`nightsort find` in a history of a million photos: what is asked of the store, and all."""
    share, count = bench.share("find"), bench.photos(_HISTORY)
    settings = share.configure("manual")
    for folder in ("sorted", "results", "state"):
        (share.root / folder).mkdir(parents=True, exist_ok=True)
    _task(bench, "fill_history", share.state, count)
    middle = count // 2
    asked = {
        "name": _name(middle),
        "return id": _return_id(middle),
        "place": _place(middle),
        "new place": f"Tops/{_name(0)}",
        "former place": _place(0),
        "number": f"#{middle}",
        "nothing": "never.jpg",
    }
    found = _task(bench, "ask_history", share.state, json.dumps(asked))["seconds"]
    command = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "find"]
    whole = median(_seconds([*command, asked["return id"]]) for _ in range(bench.rounds * 3))
    megabytes = sum(path.stat().st_size for path in share.state.iterdir()) / 1e6
    shutil.rmtree(share.root)
    return {
        "photos": count,
        "slowest_seconds": {how: round(seconds, 5) for how, seconds in found.items()},
        "command_seconds": round(whole, 3),
        "database_mb": round(megabytes),
        "target": _FIND_TARGET_SECONDS,
    }


def report_rows(found: Figures) -> Iterator[list[str]]:
    """For the table."""
    page = found["megabytes"]["batch_report.html"]
    figure = f"{found['seconds']:.1f} s, peak {found['peak_mb']} MB, page of {page:.1f} MB"
    what = f"report, workbook, pick lists of {found['photos']:,} photos"
    yield [f"{what}, {found['to_decide']:,} to decide", figure, f"< {found['target']} s"]


def ahead_rows(found: Figures) -> Iterator[list[str]]:
    """For the table."""
    figure = (
        f"{found['answered_seconds']:.1f} s, of it {found['filed_seconds']:.1f} s for filing; "
        f"judged before in {found['judged_seconds']:.1f} s"
    )
    what = f"{found['photos']:,} photos that were judged ahead, from asking to the answer"
    yield [f"{what}, {found['to_decide']:,} to decide", figure, f"< {found['target']} s"]
    if many := found.get("many"):
        figure = f"**{many['times_limit']:.1f} times** ({many['filed_per_second']:,} photos/s)"
        what = f"{many['photos']:,} that were judged ahead, filing against the bare limit"
        yield [f"{what}, 400x533", figure, f"≥ {many['target']} times"]


def find_rows(found: Figures) -> Iterator[list[str]]:
    """For the table."""
    slowest = max(found["slowest_seconds"].values())
    figure = f"{1000 * slowest:.1f} ms; the whole command {found['command_seconds']:.2f} s"
    what = f"`nightsort find` among {found['photos']:,} photos, however it is asked"
    yield [what, figure, f"< {found['target']} s"]


def _task(bench: Bench, task: str, *arguments: object) -> Figures:
    return bench.run([sys.executable, "-m", "benchmarks.morning", task, *map(str, arguments)])


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


# --- what is measured ----------------------------------------------------------------------------


def make_report(settings_file: str) -> Figures:
    """What `nightsort report` does, once nightsort is loaded."""
    from config.settings import load
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.domain.orders import LATEST, MakeReport
    from daemon.service.app import build_orders

    with build_orders(load(Path(settings_file)), SystemClock(local_zone())) as orders:
        began = time.perf_counter()
        orders.answer(MakeReport(LATEST))
        return {"seconds": time.perf_counter() - began}


def fill_history(state: str, photos: str) -> Figures:
    """A history of so many filed photos in runs of a day each; every hundredth was dragged."""
    from daemon.store import Store

    store, count = Store(Path(state)), int(photos)
    days = range(0, count, _PHOTOS_A_DAY)
    # Straight into the tables: the way through queue and filing would take an hour.
    database = store._db
    database.execute("PRAGMA synchronous = OFF")
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO runs (id, started_at, finished_at, waiting_before, model)"
        " VALUES (?, '2025-10-13T02:00:00+02:00', '2025-10-13T03:00:00+02:00', 0, 'model')",
        [(f"run {day}",) for day in days],
    )
    database.executemany(
        "INSERT INTO photos (id, state, path, filename, inode, size_bytes, mtime_ns,"
        " first_seen_at, run, status, sha256, category, confidence, band, alternatives, return_id,"
        " target, recorded_at, result_number, place, decided)"
        " VALUES (?, 'filed', ?, ?, ?, 40000, ?, '2025-10-12T16:00:00+02:00', ?, 'success',"
        " hex(randomblob(32)), ?, 0.97, 'auto', '[[\"Tops\", 0.02]]', ?, ?,"
        " '2025-10-13T02:10:00+02:00', ?, ?, ?)",
        (_row(number) for number in range(count)),
    )
    database.executemany(
        "INSERT INTO corrections (photo, word, before, category, person, at, source, target,"
        " inode, size_bytes, mtime_ns, is_done) VALUES (?, 'dragged', 'Shirts', 'Tops',"
        " 'somebody', '2025-10-13T06:00:00.000000+00:00', ?, ?, 1, 40000, 1, 1)",
        (
            (number + 1, _place(number).encode(), f"Tops/{_name(number)}".encode())
            for number in range(0, count, 100)
        ),
    )
    database.execute("COMMIT")
    store.close()
    return {}


def ask_history(state: str, questions: str) -> Figures:
    """The slowest of twenty times that each question was asked, a history just opened included."""
    from daemon.reporting.history import story_in_words
    from daemon.store import Store

    def ask(how: str, name: str) -> float:
        began = time.perf_counter()
        store = Store(Path(state), reading=True)
        stories = store.history.stories(name)
        for story in stories:
            story_in_words(story, store.corrections.of(story.id), lambda _, place: place, UTC)
        store.close()
        seconds = time.perf_counter() - began
        if len(stories) != (how != "nothing"):
            raise SystemExit(f"{len(stories)} photos by their {how}")
        return seconds

    asked: dict[str, str] = json.loads(questions)
    return {
        "seconds": {how: max(ask(how, name) for _ in range(_TIMES)) for how, name in asked.items()}
    }


def _row(number: int) -> tuple[object, ...]:
    name, mark = _name(number), 1_700_000_000_000_000_000 + number
    moved = f"Tops/{name}".encode() if number % 100 == 0 else None
    return (
        number + 1, f"table-2/{name}".encode(), name, number, mark,
        f"run {number - number % _PHOTOS_A_DAY}", _CATEGORIES[number % 2], _return_id(number),
        _place(number).encode(), number % _PHOTOS_A_DAY, moved, moved and "Tops",
    )  # fmt: skip


def _name(number: int) -> str:
    return f"return-{_return_id(number)}_front.jpg"


def _return_id(number: int) -> str:
    return str(7_000_000 + number)


def _place(number: int) -> str:
    return f"{_CATEGORIES[number % 2]}/{_name(number)}"


_TASKS: dict[str, Callable[..., Figures]] = {
    task.__name__: task for task in (make_report, fill_history, ask_history)
}

if __name__ == "__main__":
    print(json.dumps(_TASKS[sys.argv[1]](*sys.argv[2:]) | {"peak_mb": peak_mb()}))

"""`python -m benchmarks.load`: more and more users until it sheds, and a drain beside them.

Everybody is on this machine: page, daemon and Locust's users share its cores, so the figures are
below what the page alone could do. Writes benchmarks/results/load/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Figures, machine
from benchmarks.clients import Page
from benchmarks.load.history import Second, as_csv, read_history, read_totals, steady
from benchmarks.load.pictures import CHARTS, chart, clicked, table
from benchmarks.photos import CAMERA, CATALOGUE, TINY, put
from benchmarks.predicting import page
from benchmarks.share import Share

RESULTS = Path(__file__).parents[1] / "results" / "load"
_LOCUSTFILE = Path(__file__).with_name("locustfile.py")
# Users, and how many more come a second: the first as the old system was measured.
_STEPS = ((5, 5), (50, 5), (100, 10), (150, 10), (200, 10))
_QUICK = ((5, 5), (20, 10))
_KINDS = {TINY: 6, CATALOGUE: 12, CAMERA: 2}
_DRAINED, _USERS_BESIDE = 1200, 50
# People who click while a queue is drained, which may cost it a twentieth; what they click at.
_CLERKS, _SEEN = 20, 100
_CLICKFILE = Path(__file__).with_name("clickfile.py")
_PASSWORD = "only for this measurement"  # noqa: S105 - of an account that lives for minutes


def main() -> None:
    """Measure what the command line asks for."""
    options = _parser().parse_args()
    if not options.locust.exists():
        raise SystemExit(f"{options.locust} does not exist; `make load` makes it")
    with tempfile.TemporaryDirectory(prefix="nightsort-load-", dir=options.folder) as own:
        load = _Load(Path(own), options.locust, 8 if options.quick else options.seconds)
        if options.clicks:
            print(clicked(load.clicks(120, 1) if options.quick else load.clicks(_DRAINED)))
            return
        document, history = load.steps(_QUICK if options.quick else _STEPS)
        if not options.quick:
            document["drain"] = load.drain()
            document["clicks"] = load.clicks(_DRAINED)
    print(table(document))
    if options.quick:
        print("Quick: far too short to quote; nothing was written.")
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / "latest.json").write_text(text, encoding="utf-8")
    (RESULTS / "latest.md").write_text(table(document), encoding="utf-8")
    (RESULTS / "latest.csv").write_text(as_csv(history), encoding="utf-8")
    for name, (title, lines) in CHARTS.items():
        (RESULTS / f"{name}.svg").write_text(chart(title, lines, history), encoding="utf-8")


class _Load:
    """A page, photos to send, and Locust against it."""

    def __init__(self, folder: Path, locust: Path, seconds: int) -> None:
        self._folder = folder
        self._locust = locust
        self._seconds = seconds
        self._photos = folder / "photos"
        for kind, count in _KINDS.items():
            put(kind, count, folder / kind.name)
            self._photos.mkdir(exist_ok=True)
            for photo in (folder / kind.name).glob("*.jpg"):
                photo.rename(self._photos / f"{kind.name} {photo.name}")

    def steps(self, steps: Sequence[tuple[int, int]]) -> tuple[Figures, list[Second]]:
        """One number of users after the other, over a page that goes on."""
        document: Figures = {
            "machine": machine(self._folder), "photos": [kind.name for kind in _KINDS], "steps": [],
        }  # fmt: skip
        history: list[Second] = []
        with page(Share(self._folder / "page").configure("manual")) as where:
            for users, rate in steps:
                print(f"{users} users ...", flush=True)
                name = f"users-{users}"
                self._users(where, users, rate, name).wait()
                found = read_history(self._folder / f"{name}_stats_history.csv")
                history += found
                step = {
                    "name": "nightsort, no pause between photos",
                    "users": users,
                    "answers_per_second": steady(found),
                    "figures": read_totals(self._folder / f"{name}_stats.csv"),
                }
                document["steps"].append(step)
        return document, history

    def drain(self, rounds: int = 3) -> Figures:
        """How fast a queue is drained alone, and beside users; in turn, the best."""
        bench = Bench(self._folder, quick=False, keras_python=None)
        share = bench.share("drained")
        alone, beside, found = [], [], {}
        for turn in range(rounds):
            share.fill(CATALOGUE, _DRAINED)
            alone.append(self._drained(bench, share.configure("manual"), _DRAINED))
            share.fill(CATALOGUE, _DRAINED)
            settings, name = share.configure("manual"), f"beside-{turn}"
            with page(settings) as where:
                print(f"a drain beside {_USERS_BESIDE} users ...", flush=True)
                users = self._users(where, _USERS_BESIDE, _USERS_BESIDE, name)
                _be_elsewhere(users)
                time.sleep(5)  # until they are there
                beside.append(self._drained(bench, settings, _DRAINED))
                users.terminate()
                users.wait()
            found = read_totals(self._folder / f"{name}_stats.csv")
        speeds = {"alone": max(alone), "beside": max(beside)}
        return {**speeds, "users": _USERS_BESIDE, "figures": found}

    def clicks(self, count: int, rounds: int = 3) -> Figures:
        """How fast a queue is drained alone, and beside people who click; in turn, the best."""
        bench = Bench(self._folder, quick=False, keras_python=None)
        share = bench.share("clicked")
        alone, beside, found = [], [], {}
        for turn in range(rounds):
            alone.append(self._drained(bench, self._morning(bench, share, count), count))
            settings = self._morning(bench, share, count)
            _add_clerk(settings)
            with page(settings) as where:
                print(f"a drain beside {_CLERKS} people who click ...", flush=True)
                environment = {"NAME": "bench", "PASSWORD": _PASSWORD}
                name = f"clicks-{turn}"
                users = self._run(_CLICKFILE, where, environment, _CLERKS, 10, name)
                _be_elsewhere(users)
                time.sleep(8)  # until all have signed in
                beside.append(self._drained(bench, settings, count))
                users.terminate()
                users.wait()
            found = read_totals(self._folder / f"{name}_stats.csv")
            print((self._folder / f"{name}_failures.csv").read_text(encoding="utf-8"), flush=True)
        speeds = {"alone": max(alone), "beside": max(beside)}
        return {**speeds, "users": _CLERKS, "figures": found}

    def _morning(self, bench: Bench, share: Share, count: int) -> Path:
        """So many photos to sort, and others that were sorted before, to look at; the settings."""
        share.fill(CATALOGUE, count + _SEEN)
        later = share.root / "later"
        later.mkdir(exist_ok=True)
        for photo in sorted(share.incoming.glob("*.jpg"))[_SEEN:]:
            photo.rename(later / photo.name)
        settings = share.configure("manual")
        bench.child("drain", settings, _SEEN)
        for photo in later.glob("*.jpg"):
            photo.rename(share.incoming / photo.name)
        return settings

    def _drained(self, bench: Bench, settings: Path, count: int) -> float:
        """Photos a second."""
        return count / float(bench.child("drain", settings, count)["seconds"])

    def _users(self, where: Page, users: int, rate: int, name: str) -> subprocess.Popen[bytes]:
        environment = {"PHOTOS": str(self._photos), "KEY": where.key}
        return self._run(
            _LOCUSTFILE, where, environment, users, rate, name, "--run-time", f"{self._seconds}s"
        )

    def _run(
        self, file: Path, where: Page, environment: dict[str, str], users: int, rate: int,
        name: str, *more: str,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Locust, with users who do what `file` says."""
        command: list[Any] = [
            self._locust, "--headless", "--locustfile", file, "--host", f"http://{where.address}",
            "--users", users, "--spawn-rate", rate, *more,
            "--csv", self._folder / name, "--csv-full-history", "--only-summary",
            "--exit-code-on-error", 0, "--loglevel", "WARNING",
        ]  # fmt: skip
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                list(map(str, command)), stdout=log, stderr=log, env=os.environ | environment
            )


def _be_elsewhere(users: subprocess.Popen[bytes]) -> None:
    """Browsers and programs are other machines' work: here, they get only what is left over."""
    os.setpriority(os.PRIO_PROCESS, users.pid, 19)


def _add_clerk(settings: Path) -> None:
    command = [sys.executable, "-m", "daemon.cli", "--config", str(settings), "web", "user", "add"]
    subprocess.run(
        [*command, "bench", "--role", "clerk", "--password-stdin"],
        input=f"{_PASSWORD}\n", text=True, check=True,
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 seconds, nothing kept")
    parser.add_argument(
        "--clicks",
        action="store_true",
        help="only a drain beside people who click",
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each number of users")
    parser.add_argument("--locust", type=Path, default=Path(".venv-load/bin/locust"))
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where photos are",
    )
    return parser


if __name__ == "__main__":
    main()

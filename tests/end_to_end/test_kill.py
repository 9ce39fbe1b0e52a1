"""Promise 1 with real processes: killed, stopped, disks that fill up or go away, people at work.

LONG_TESTS=1 runs 30 rounds of SIGKILL over 1,000 photos instead of a few over 400.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from daemon.store import Store
from tests.support.disks import other_file_system, sealed, tiny_disk
from tests.support.long import LONG
from tests.support.photos import drop_photos
from tests.support.processes import Site
from tests.support.waiting import DEADLINE_SECONDS, eventually

# So many that the drain lasts while this process waits for its turn on a busy machine.
ROUNDS, PHOTOS = (30, 1000) if LONG else (4, 400)
pytestmark = pytest.mark.timeout(1200 if LONG else 200)


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def filed(site: Site) -> list[Path]:
    return [path for path in site.photos("sorted") if not path.name.endswith(".reason.txt")]


def assert_everything_is_in_one_place(site: Site, dropped: dict[str, bytes]) -> None:
    """Each photo is in sorted once, byte for byte; each file there has one row."""
    found = filed(site)
    assert Counter(hash_of(path.read_bytes()) for path in found) == Counter(
        hash_of(content) for content in dropped.values()
    )
    assert site.photos("incoming") == []
    rows = site.growing_rows()
    assert Counter(row["filed_path"] for row in rows) == Counter(str(path) for path in found)
    assert Counter(row["sha256"] for row in rows) == Counter(map(hash_of, dropped.values()))


def assert_latest_is_complete(site: Site, summary: dict[str, Any]) -> None:
    """The latest results are those of the run, and agree with its summary and with themselves."""
    run = summary["run"]
    latest = site.results / "batch_results_latest.csv"
    assert latest.read_bytes() == (site.results / f"batch_results_{run}.csv").read_bytes()
    written = json.loads((site.results / "summary_latest.json").read_text(encoding="utf-8"))
    assert written["run"] == run
    statuses = Counter(row["status"] for row in site.rows())
    assert written["total_processed"] == sum(statuses.values())
    assert written["successful"] == statuses["success"]
    assert written["review"] == statuses["review"]
    assert written["duplicates"] == statuses["duplicate"]
    assert written["failed"] == statuses["error"]
    came = written["waiting_before"] + written["arrived"]
    assert came == written["total_processed"] + written["gone"] + written["waiting_after"]


def now(site: Site) -> dict[str, Any]:
    """`nightsort now` to its good end; its summary."""
    done = site.nightsort("now", "--json")
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def count_filed(site: Site) -> int:
    """How many files lie in sorted, reasons included, quickly."""
    return sum(len(files) for _, _, files in os.walk(site.sorted))


@contextmanager
def draining(site: Site, code: str = "") -> Iterator[subprocess.Popen[str]]:
    """`nightsort now` at work, its output to a file; killed at the end if it still runs.

    code: Python that runs in its process first.
    """
    with (site.folder / "now.log").open("ab") as log:
        process = site.start("now", "--json", code=code)
        try:
            yield process
        finally:
            process.kill()
            out, err = process.communicate()
            log.write((out + err).encode())


def wait_until(question: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until it is so, or the process has ended."""
    eventually(lambda: question() or process.poll() is not None, every_s=0.002)


# Counted where photos are moved: who looks on from outside may find all of them moved at once. Then
# the kernel's timer, for whose signal there is no handler: it ends a process as SIGKILL does.
_KILLED_BY_COUNT = """
import signal
from daemon.sorting import mover
def rename_new(*arguments, rename=mover.rename_new, left=[{photos}]):
    rename(*arguments)
    left[0] -= 1
    if left[0] == 0:
        signal.setitimer(signal.ITIMER_REAL, {seconds})
mover.rename_new = rename_new
"""


# For whoever meddles from outside, so that there is still something to meddle with.
_SLOWLY = """
import time
from daemon.sorting import mover
def rename_new(*arguments, rename=mover.rename_new):
    rename(*arguments)
    time.sleep(0.02)
mover.rename_new = rename_new
"""


def drained_with_kills(site: Site, dropped: dict[str, bytes]) -> None:
    """Drain, killed a few times, each time between the first and the last photo."""
    chance = random.Random(20251013)
    for round_number in range(ROUNDS):
        left = len(site.photos("incoming"))
        photos = chance.randint(1, left // (ROUNDS - round_number + 1))
        seconds = chance.uniform(1e-6, 5e-4)  # not always at the same step of a micro-batch
        with draining(site, _KILLED_BY_COUNT.format(photos=photos, seconds=seconds)) as process:
            process.wait(DEADLINE_SECONDS)
        assert process.returncode == -signal.SIGALRM
        assert filed(site)
        assert site.photos("incoming")
        assert_nothing_is_lost(site, dropped)


def test_thirty_kills_in_mid_drain_lose_nothing_and_file_nothing_twice(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    dropped = drop_photos(site.incoming, PHOTOS)
    drained_with_kills(site, dropped)
    summary = now(site)
    assert_everything_is_in_one_place(site, dropped)
    assert_latest_is_complete(site, summary)
    # A kill is nobody's fault; only a photo alone in hand at two of them might be set aside.
    assert summary["failed"] <= 1


def test_kills_while_what_was_judged_ahead_is_filed_lose_nothing_and_file_nothing_twice(
    tmp_path: Path,
) -> None:
    site = Site.make(tmp_path, settings="look_ahead_share = 1\n")
    dropped = drop_photos(site.incoming, PHOTOS - 20)
    for name, content in [*dropped.items()][:20]:
        dropped[f"again-{name}"] = content
        (site.incoming / f"again-{name}").write_bytes(content)
    with site.daemon() as process:
        wait_until(lambda: judged_ahead(site) == PHOTOS, process)
    drained_with_kills(site, dropped)
    summary = now(site)
    assert_everything_is_in_one_place(site, dropped)
    assert_latest_is_complete(site, summary)
    # Of each pair one is filed, whatever else was in hand with it when it was killed.
    assert Counter(row["status"] for row in site.growing_rows())["duplicate"] == 20
    assert summary["failed"] <= 1


def assert_nothing_is_lost(site: Site, dropped: dict[str, bytes]) -> None:
    """At any moment each photo has a whole copy somewhere, and the CSV holds whole rows."""
    present = Counter(
        hash_of(path.read_bytes()) for path in (*site.photos("incoming"), *filed(site))
    )
    assert not {hash_of(content) for content in dropped.values()} - present.keys()
    for path in site.results.glob("batch_results_*.csv"):
        assert path.read_bytes().endswith(b"\r\n")


def test_sigterm_in_mid_drain_ends_soon_with_complete_results(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    dropped = drop_photos(site.incoming, PHOTOS)
    with draining(site, _SLOWLY) as process:
        wait_until(lambda: count_filed(site) >= 20, process)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        # Five seconds are promised, on a machine that does nothing else.
        assert time.monotonic() - began < 4 * 5
    assert process.returncode == 0
    summary = json.loads(out)
    assert 20 <= summary["total_processed"] < PHOTOS
    assert summary["waiting_after"] == PHOTOS - summary["total_processed"]
    assert len(site.rows()) == len(filed(site)) == summary["total_processed"]
    assert_latest_is_complete(site, summary)
    now(site)
    assert_everything_is_in_one_place(site, dropped)


def test_a_report_that_hangs_keeps_no_service_from_ending(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    drop_photos(site.incoming, 3)
    begun = tmp_path / "begun"
    hangs = (
        "import threading, daemon.cli.service\n"
        "from pathlib import Path\n"
        "from daemon.reporting.thumbnails import Thumbnails\n"
        f"Thumbnails._one = lambda *_: (Path({str(begun)!r}).touch(), threading.Event().wait())\n"
        "daemon.cli.service._LAST_SECONDS = 0.1"
    )
    with site.daemon(hangs) as process:
        eventually(lambda: site.nightsort("status").returncode == 0)
        process.send_signal(signal.SIGUSR1)
        eventually(begun.exists, within_s=DEADLINE_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
    assert len(site.rows()) == 3


def test_a_kill_while_copying_to_another_file_system_loses_nothing(tmp_path: Path) -> None:
    with other_file_system(besides=tmp_path) as other:
        site = Site.make(tmp_path)
        (other / "sorted").mkdir()
        site.sorted.symlink_to(other / "sorted")
        dropped = drop_photos(site.incoming, 60)
        for aim in (10, 30):
            with draining(site, _SLOWLY) as process:
                wait_until(lambda aim=aim: count_through(other) >= aim, process)  # type: ignore[misc]
        summary = now(site)
        found = [path for path in (other / "sorted").rglob("*.jpg") if path.is_file()]
        assert Counter(hash_of(path.read_bytes()) for path in found) == Counter(
            map(hash_of, dropped.values())
        )
        assert site.photos("incoming") == []
        assert len(site.growing_rows()) == len(found)
        assert_latest_is_complete(site, summary)


def count_through(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def room(full: str, aside: Path) -> int:
    """How many bytes fit before the disk is full: of photos and rows a few, of the database itself.

    But not its growth.
    """
    if full != "state":
        return 16_384
    aside.mkdir()
    with closing(Store(aside)):
        return 48_000 + sum(file.stat().st_size for file in aside.iterdir())


@pytest.mark.parametrize("full", ["sorted", "results", "state"])
def test_a_disk_that_fills_up_stops_the_run_and_loses_nothing(tmp_path: Path, full: str) -> None:
    site = Site.make(tmp_path / "site", settings="[filing]\nmin_free_mb = 0\n")
    with tiny_disk(site.folder / full, "8M") as disk:
        dropped = drop_photos(site.incoming, 60)
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * (free_bytes(disk) - room(full, tmp_path / "aside")))
        refused = site.nightsort("now", "--json")
        assert refused.returncode == 1, refused.stderr
        assert "no space left" in refused.stderr
        assert "Traceback" not in refused.stderr
        ballast.unlink()
        assert_nothing_is_lost(site, dropped)
        summary = now(site)
        assert_everything_is_in_one_place(site, dropped)
        assert_latest_is_complete(site, summary)


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Person(threading.Thread):
    """Somebody who drops, renames and removes photos without a rest, also those in hand."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site
        self._chance = random.Random(5)
        self._ended = threading.Event()
        self.dropped: dict[str, bytes] = {}
        self.removed: Counter[str] = Counter()

    def run(self) -> None:
        number = 1000
        while not self._ended.wait(0.01):
            number += 1
            self.dropped |= drop_photos(self._site.incoming, 1, first=number)
            there = sorted(self._site.incoming.glob("*.jpg"))
            with suppress(FileNotFoundError):  # nightsort was faster
                self._meddle(self._chance.choice(there), number)

    def _meddle(self, path: Path, number: int) -> None:
        if self._chance.random() < 0.5:
            path.rename(path.with_name(f"renamed{number}.jpg"))
        else:
            taken = path.rename(self._site.folder / f"removed{number}.jpg")
            self.removed[hash_of(taken.read_bytes())] += 1

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def share_at(folder: Path, disk: Path) -> Iterator[None]:
    """`disk`, a mount, mounted on `folder` as well; lazily taken away at the end."""
    subprocess.run(["mount", "--bind", disk, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("name", ["incoming", "sorted", "results"])
def test_a_share_that_goes_away_in_mid_run_is_not_mistaken_for_an_empty_folder(
    tmp_path: Path, name: str
) -> None:
    with tiny_disk(tmp_path / "disk", "40M") as disk:
        site = Site.make(tmp_path / "site")
        below = site.folder / name
        below.mkdir(exist_ok=True)
        with share_at(below, disk):
            dropped = drop_photos(site.incoming, PHOTOS)
            process = site.start("now", "--json", code=_SLOWLY)
            wait_until(lambda: count_filed(site) >= 20, process)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 1, err
        assert "Traceback" not in err
        assert list(below.iterdir()) == []  # nothing was written in its place
        with share_at(below, disk):
            assert_nothing_is_lost(site, dropped)
            summary = now(site)
            assert summary["gone"] == 0  # nothing was concluded
            assert_everything_is_in_one_place(site, dropped)
            assert_latest_is_complete(site, summary)


def test_people_who_write_rename_and_delete_all_the_while_lose_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    dropped = drop_photos(site.incoming, 100)
    person = Person(site)
    person.start()
    try:
        first = site.nightsort("now", "--json")
    finally:
        person.end()
    assert first.returncode == 0, first.stderr
    now(site)
    expected = Counter(hash_of(content) for content in (dropped | person.dropped).values())
    found = Counter(hash_of(path.read_bytes()) for path in filed(site))
    assert found == expected - person.removed
    assert person.removed
    assert site.photos("incoming") == []
    assert Counter(row["sha256"] for row in site.growing_rows()) == found
    for path in site.results.glob("summary_2*.json"):
        written = json.loads(path.read_text(encoding="utf-8"))
        came = written["waiting_before"] + written["arrived"]
        assert came == written["total_processed"] + written["gone"] + written["waiting_after"]


def test_a_sorted_folder_that_refuses_in_mid_run_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    first = drop_photos(site.incoming, 5)
    now(site)
    dropped = first | drop_photos(site.incoming, 30, first=100)
    folders = [path for path in site.sorted.rglob("*") if path.is_dir()]
    with sealed_all([site.sorted, *folders]):
        refused = site.nightsort("now", "--json")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        assert len(site.photos("incoming")) == 30
    summary = now(site)
    assert summary["total_processed"] == 30
    assert_everything_is_in_one_place(site, dropped)


@contextmanager
def sealed_all(folders: list[Path]) -> Iterator[None]:
    if not folders:
        yield
        return
    with sealed(folders[0]), sealed_all(folders[1:]):
        yield


def test_kills_while_looking_ahead_move_nothing_and_cost_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path, settings="look_ahead_share = 1\n")
    dropped = drop_photos(site.incoming, 60)
    before = {path: path.read_bytes() for path in site.photos("incoming")}
    for aim in (1, 12, 30):
        with site.daemon() as process:
            wait_until(lambda aim=aim: judged_ahead(site) >= aim, process)  # type: ignore[misc]
            assert process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
        (site.state / "status.json").unlink()
        assert {path: path.read_bytes() for path in site.photos("incoming")} == before
        assert filed(site) == []
    summary = now(site)
    assert_everything_is_in_one_place(site, dropped)
    assert_latest_is_complete(site, summary)
    assert summary["judged_ahead"] >= 30
    assert summary["failed"] <= 1  # as after kills in mid-drain


def judged_ahead(site: Site) -> int:
    status = site.state / "status.json"
    return (json.loads(status.read_text())["judged_ahead"] or 0) if status.exists() else 0

"""Archives: a row for each photo, exactly one, whatever dies meanwhile."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pyarrow.parquet as pq
import pytest
from distributed import Client
from distributed.deploy.spec import close_clusters

from classifier.archive import running
from classifier.archive.filing import Filing, file_photo, sweep
from classifier.archive.listing import NoArchive, photos_under
from classifier.archive.manifest import (
    Manifest,
    Part,
    check_output_is_apart,
    check_they_are_apart,
    made_or_read,
)
from classifier.archive.rows import Row
from classifier.archive.running import ClusterLost, Work, cluster, run
from classifier.archive.worker import Job, judge, judge_part
from classifier.classifier import Classifier
from config.errors import RefusedError
from tests.support.photos import photo_bytes
from tests.support.processes import Site, clean_environment, command
from tests.support.waiting import DEADLINE_SECONDS, eventually

COLUMNS = ["path", "sha256", "category", "confidence", "band", "reason", "version", "error"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path)


def photos(folder: Path, count: int) -> None:
    """Each of its own bytes, at the price of one."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = photo_bytes(seed=1, size=(60, 80))
    for number in range(count):
        (folder / f"{number:04}.jpg").write_bytes(drawn + b"%d" % number)


def rows(out: Path) -> list[dict[str, Any]]:
    return [
        row for file in sorted(out.rglob("*.parquet")) for row in pq.read_table(file).to_pylist()
    ]


def paths(out: Path) -> list[str]:
    return sorted(row["path"] for row in rows(out))


def test_each_photo_has_a_row_with_the_verdict_that_classify_gives(site: Site) -> None:
    folder = site.folder / "old" / "2024"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(photo_bytes(seed=1))
    (folder / "b.png.JPG").write_bytes(photo_bytes(seed=2))
    (folder / "bad.jpg").write_bytes(b"no photo")
    (folder / ".hidden.jpg").write_bytes(photo_bytes(seed=3))
    (folder / "notes.txt").write_text("no photo by its name")
    strange = os.fsencode(folder) + b"/b\xffd\n=1.jpg"
    Path(os.fsdecode(strange)).write_bytes(photo_bytes(seed=4))
    (folder / "loop").symlink_to(folder)
    done = asked(site, "old", "--out", "out", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["photos"], said["judged_now"], said["errors"]) == (4, 4, {"not_an_image": 1})
    found = {row["path"]: row for row in rows(site.folder / "out")}
    assert [*found["old/2024/a.jpg"]] == COLUMNS
    assert sorted(found) == [
        "old/2024/a.jpg", "old/2024/b.png.JPG", "old/2024/b\\udcffd\n=1.jpg", "old/2024/bad.jpg",
    ]  # fmt: skip
    bad = found["old/2024/bad.jpg"]
    assert (bad["category"], bad["band"], bad["error"]) == (None, None, "not_an_image")
    one = json.loads(site.nightsort("classify", "--json", str(folder / "a.jpg")).stdout)
    row = found["old/2024/a.jpg"]
    assert [row[key] for key in ("category", "confidence", "band", "reason", "version")] == [
        one[key] for key in ("category", "confidence", "band", "reason", "model")
    ]
    page = (site.folder / "out" / "summary.html").read_text("utf-8")
    assert "4 photos, 3 with a verdict" in page


def test_finished_it_ends_at_once_and_belongs_to_its_paths(site: Site) -> None:
    photos(site.folder / "old", 3)
    (site.folder / "new").mkdir()
    first = asked(site, "old", "--out", "out", "--workers", "1")
    assert first.returncode == 0, first.stderr
    written = {file: file.stat().st_mtime_ns for file in (site.folder / "out").glob("*.parquet")}
    photos(site.folder / "old", 4)
    again = asked(site, "old", "--out", "out", "--json")
    assert json.loads(again.stdout)["judged_now"] == 0
    assert {file: file.stat().st_mtime_ns for file in written} == written
    for more in (["new"], ["old", "--file-into", "sorted"]):
        other = asked(site, *more, "--out", "out")
        assert (other.returncode, other.stdout) == (1, "")
        assert "name another" in other.stderr
    for wrong, words in (
        (["old", "old", "--out", "x"], "named twice"),
        (["nowhere", "--out", "x"], "no such file or folder"),
        (["new", "--out", "x"], "no photos there"),
        (["old", "--out", "x", "--workers", "2", "--scheduler", "tcp://localhost:1"], "give one"),
    ):
        refused = asked(site, *wrong)
        assert (refused.returncode, words in refused.stderr) == (2, True), refused.stderr


def test_killed_it_goes_on_where_it_was(site: Site) -> None:
    photos(site.folder / "old", 350)
    out = site.folder / "out"
    process = started(site)
    a_part_is_there(out, process)
    process.kill()
    process.wait()
    left = len(rows(out))
    done = asked(site, "old", "--out", "out", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["judged_now"] == 350 - left
    assert paths(out) == [f"old/{number:04}.jpg" for number in range(350)]


def test_a_lost_worker_loses_and_doubles_nothing(site: Site) -> None:
    photos(site.folder / "old", 500)
    out = site.folder / "out"
    process = started(site, workers=2)
    a_part_is_there(out, process)
    os.kill(max(descendants(process.pid)), signal.SIGKILL)
    assert process.wait(DEADLINE_SECONDS) == 0, (site.folder / "said").read_text("utf-8")
    assert paths(out) == [f"old/{number:04}.jpg" for number in range(500)]
    assert not any(row["error"] for row in rows(out))


def asked(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command to its end, in the site's own folder."""
    return subprocess.run(
        archive(site, *arguments),
        cwd=site.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def archive(site: Site, *arguments: str) -> list[str]:
    return [*command("--config", str(site.folder / "nightsort.toml"), "archive"), *arguments]


def a_part_is_there(out: Path, process: subprocess.Popen[bytes]) -> None:
    eventually(lambda: any(out.glob("part-*.parquet")) or process.poll() is not None)
    said = (out.parent / "said").read_text("utf-8")
    assert process.poll() is None, f"it was to be in the middle: {said}"


def started(
    site: Site, workers: int = 1, *, scheduler: str = "", more: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    options = ["--scheduler", scheduler] if scheduler else ["--workers", str(workers)]
    with (site.folder / "said").open("wb") as said:
        return subprocess.Popen(
            archive(site, "old", "--out", "out", *options, *more),
            cwd=site.folder,
            env=clean_environment(),
            stderr=said,
        )


def descendants(pid: int) -> list[int]:
    """Of a process, those that Dask has started to work."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    direct = [int(one) for file in children for one in file.read_text().split()]
    return [one for child in direct for one in (*descendants(child), child)]


# --- a cluster of others -------------------------------------------------------------------------


@contextmanager
def dask(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=clean_environment(),
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def a_cluster(folder: Path, name: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    file = folder / name
    scheduler = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with dask(*scheduler, "--scheduler-file", str(file)) as process:
        eventually(lambda: file.exists() and file.read_text() != "")
        worker = ("worker", "--scheduler-file", str(file), "--nthreads", "2", "--no-dashboard")
        address = json.loads(file.read_text())["address"]
        with dask(*worker, "--local-directory", str(folder)):
            with Client(address, timeout=DEADLINE_SECONDS) as client:
                client.wait_for_workers(1, timeout=DEADLINE_SECONDS)
            yield address, process


def test_ctrl_c_ends_it_while_workers_start(site: Site) -> None:
    photos(site.folder / "old", 300)
    process = started(site, 2)
    eventually(lambda: descendants(process.pid))
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_SECONDS) == 130
    assert "nightsort: interrupted\n" in (site.folder / "said").read_text("utf-8")


def test_what_dask_was_in_the_middle_of_is_told_to_nobody_after_ctrl_c(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    left_out: list[object] = []
    monkeypatch.setattr(running, "LocalCluster", interrupted)
    monkeypatch.setattr("atexit.unregister", left_out.append)
    monkeypatch.setattr("multiprocessing.active_children", list)
    try:
        with pytest.raises(KeyboardInterrupt), running.cluster(1, None):
            raise AssertionError
        assert left_out == [close_clusters]
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)


def test_a_scheduler_that_dies_is_told_and_another_goes_on(site: Site) -> None:
    photos(site.folder / "old", 500)
    out = site.folder / "out"
    with a_cluster(site.folder, "one.json") as (address, scheduler):
        process = started(site, scheduler=address)
        a_part_is_there(out, process)
        scheduler.kill()
        code = process.wait(DEADLINE_SECONDS)
    said = (site.folder / "said").read_text("utf-8")
    assert code == 1, said
    assert said.splitlines()[-1].endswith("it goes on where it was"), said
    assert "Traceback" not in said
    away = asked(site, "old", "--out", "out", "--scheduler", address)
    assert (away.returncode, "no scheduler of Dask" in away.stderr) == (1, True), away.stderr
    with a_cluster(site.folder, "two.json") as (address, _):
        done = asked(site, "old", "--out", "out", "--scheduler", address)
    assert done.returncode == 0, done.stderr
    assert paths(out) == [f"old/{number:04}.jpg" for number in range(500)]


# --- a photo that kills --------------------------------------------------------------------------


def _deadly(path: str) -> None:
    if path.endswith("0003.jpg"):
        os.kill(os.getpid(), signal.SIGKILL)


def _part_with_a_deadly_one(job: Job, part: Part) -> int:
    for path in part.paths:
        _deadly(path)
    raise AssertionError("not reached by a part with it")


def _photos_with_a_deadly_one(job: Job, some: Sequence[str]) -> list[Row]:
    _deadly(some[0])
    return judge(job, some)


def test_a_photo_that_ends_every_worker_is_set_aside_alone(tmp_path: Path) -> None:
    photos(tmp_path / "old", 5)
    manifest = listed(tmp_path)
    job = job_of(manifest)
    told: list[tuple[int, int]] = []
    with cluster(1, None) as own:
        deadly = Work(_part_with_a_deadly_one, _photos_with_a_deadly_one)
        run(own, job, manifest, lambda done, photos: told.append((done, photos)), deadly)
    found = {Path(row["path"]).name: row["error"] for row in rows(tmp_path / "out")}
    assert found == {f"{n:04}.jpg": "crashes_decoder" if n == 3 else None for n in range(5)}
    assert told == [(0, 5), (5, 5)]


def listed(folder: Path, **more: Any) -> Manifest:
    old = str(folder / "old")
    (folder / "out").mkdir(exist_ok=True)
    found = photos_under([old], is_photo=lambda _: True, is_junk=lambda _: False)
    return made_or_read(folder / "out", [old], found, **more)


def job_of(manifest: Manifest) -> Job:
    return Job(
        str(manifest.out), manifest.head.folder, None, None, None, None, 10_000_000, 20.0
    )  # fmt: skip


def test_a_worker_loads_its_model_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path / "old", 4)
    manifest, load = listed(tmp_path, photos_a_part=1), Mock(side_effect=Classifier.load)
    monkeypatch.setattr(Classifier, "load", load)
    with ThreadPoolExecutor(1) as worker:  # a thread of its own, as each worker is
        for part in manifest.missing():
            assert worker.submit(judge_part, job_of(manifest), part).result() == 1
    assert manifest.photos_done() == 4
    assert load.call_count == 1


# --- the list ------------------------------------------------------------------------------------


def test_parts_are_the_same_whenever_they_are_counted(tmp_path: Path) -> None:
    photos(tmp_path / "old", 7)
    manifest = listed(tmp_path, photos_a_part=3)
    assert [len(part.paths) for part in manifest.missing()] == [3, 3, 1]
    assert manifest.photos_done() == 0
    manifest.file_of(2).write_bytes(b"")
    assert (manifest.photos_done(), [part.number for part in manifest.missing()]) == (1, [0, 1])
    photos(tmp_path / "old", 9)
    again = listed(tmp_path)
    assert (again.head.photos, again.parts) == (7, 3)


def peak_of_a_list(folder: Path, count: int) -> int:
    """In bytes; no file is there."""
    folder.mkdir()
    names = (f"/srv/old/{number:08}.jpg" for number in range(count))
    tracemalloc.start()
    try:
        manifest = made_or_read(folder, ["/srv/old"], names)
        assert sum(len(part.paths) for part in manifest.missing()) == count
        assert manifest.photos_done() == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_list_takes_as_little_memory_however_long_it_is(tmp_path: Path) -> None:
    short, long = (peak_of_a_list(tmp_path / str(n), n) for n in (2_000, 60_000))
    assert long < short + 200_000


class Hands:
    """Workers that do nothing, and count what waits for them."""

    most = 0

    def __init__(self) -> None:
        self.client = self

    def workers(self) -> int:
        return 2

    def submit(self, *_: object, **__: object) -> Hands.Done:
        return self.Done()

    def first_done(self, futures: dict[Done, Part]) -> set[Done]:
        self.most = max(self.most, len(futures))
        return {next(iter(futures))}

    class Done:
        def result(self) -> int:
            return 1


def test_few_parts_are_in_hand_at_a_time(tmp_path: Path) -> None:
    names = (f"{number:08}.jpg" for number in range(1_000))
    manifest = made_or_read(tmp_path, ["old"], names, photos_a_part=1)
    hands, told = Hands(), list[int]()
    run(hands, job_of(manifest), manifest, lambda done, _: told.append(done))  # type: ignore[arg-type]
    assert hands.most == 6
    assert told == [*range(1001)]


def test_a_list_that_was_not_finished_is_made_anew(tmp_path: Path) -> None:
    photos(tmp_path / "old", 2)

    def broken() -> Iterator[str]:
        yield "one"
        raise KeyboardInterrupt

    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(KeyboardInterrupt):
        made_or_read(out, [str(tmp_path / "old")], broken())
    assert listed(tmp_path).head.photos == 2


def test_a_folder_with_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    photos(tmp_path / "old", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "theirs.parquet").write_bytes(b"x")
    with pytest.raises(RefusedError, match=r"theirs\.parquet: is not of this archive"):
        listed(tmp_path)
    (tmp_path / "out" / "archive.json").write_text("[]")
    with pytest.raises(RefusedError, match="is not what nightsort wrote"):
        listed(tmp_path)


def test_what_cannot_be_looked_into_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match="no such file or folder"):
        [*photos_under([str(tmp_path / "x")], is_photo=lambda _: True, is_junk=lambda _: False)]


@pytest.mark.parametrize("names", [("a", "a-b", "a/c"), ("a b", "a", "a/c/d"), ("a", "a")])
def test_what_lies_in_another_that_is_named_is_refused(names: Sequence[str]) -> None:
    with pytest.raises(NoArchive, match="named twice, or within"):
        check_they_are_apart(names)


def test_what_only_begins_alike_is_apart() -> None:
    check_they_are_apart(["a", "a-b", "ab", "c/a"])
    check_output_is_apart(["a", "b/c"], "ab", "a-b")
    check_output_is_apart(["b/c"], "b", None)  # nothing there is a photo


@pytest.mark.parametrize(
    ("option", "out", "filed_into"),
    [
        ("--out", "old", None),
        ("--out", "old/verdicts", None),
        ("--file-into", "out", "old/by-category"),
        ("--file-into", "out", "."),  # "old" could be a category
    ],
)
def test_output_within_the_archive_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, out: str, filed_into: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoArchive, match=f"{option} .*"):
        check_output_is_apart(["old"], out, filed_into)


def test_output_within_the_archive_is_wrong_use(site: Site) -> None:
    photos(site.folder / "old", 1)
    done = subprocess.run(
        archive(site, "old", "--out", "old/out"), cwd=site.folder, env=clean_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert not (site.folder / "old/out").exists()


# --- outages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "problem", [OSError(errno.EIO, "broken"), OSError(errno.ENOTCONN, "away"), None]
)
def test_a_share_that_is_away_makes_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: OSError | None
) -> None:
    photos(tmp_path / "old", 2)
    manifest = listed(tmp_path)
    (part,) = manifest.missing()
    if problem is None:  # the mount point is empty
        for path in part.paths:
            Path(path).unlink()
    else:
        read = Path.read_bytes

        def read_bytes(path: Path) -> bytes:
            if path.suffix == ".jpg":
                raise problem
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(OSError, match=r"broken|away|No such file"):
        judge_part(job_of(manifest), part)
    assert rows(tmp_path / "out") == []


def test_one_photo_that_is_gone_or_closed_to_us_is_a_row(tmp_path: Path) -> None:
    photos(tmp_path / "old", 3)
    manifest = listed(tmp_path)
    (part,) = manifest.missing()
    Path(part.paths[0]).unlink()
    judge_part(job_of(manifest), part)
    assert sorted(str(row["error"]) for row in rows(tmp_path / "out")) == [
        "None", "None", "unreadable",
    ]  # fmt: skip


def test_a_disk_that_is_full_is_no_photos_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filing, row = Filing(str(tmp_path)), Row("a.jpg", "ab", "Tops", 0.9, "auto", None, "v", None)
    monkeypatch.setattr(os, "fsync", raising(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        file_photo(filing, row, b"photo")
    monkeypatch.setattr(os, "fsync", raising(OSError(errno.EINVAL, "odd")))
    assert file_photo(filing, row, b"photo").error == "not_filed: odd"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def raising(problem: OSError) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise problem

    return fail


# --- filing --------------------------------------------------------------------------------------


def test_photos_of_one_name_that_are_filed_at_once_are_all_there(tmp_path: Path) -> None:
    contents = [b"%d" % number * 50_000 for number in range(24)]

    def file(data: bytes) -> str | None:
        digest = hashlib.sha256(data).hexdigest()
        row = Row("x/IMG_0001.jpg", digest, "Tops", 0.9, "auto", None, "v", None)
        return file_photo(Filing(str(tmp_path)), row, data).error

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(file, contents)} == {None}
    assert sorted(one.read_bytes() for one in (tmp_path / "Tops").iterdir()) == sorted(contents)


def test_a_name_that_something_else_than_a_file_has_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "Tops" / "a.jpg").mkdir(parents=True)
    (tmp_path / "Tops" / "a_2.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "Tops" / "a_3.jpg")  # whoever opens that waits for ever
    row = Row("x/a.jpg", hashlib.sha256(b"data").hexdigest(), "Tops", 0.9, "auto", None, "v", None)
    for _ in range(2):
        assert file_photo(Filing(str(tmp_path)), row, b"data").error is None
    assert (tmp_path / "Tops" / "a_4.jpg").read_bytes() == b"data"
    assert len([*(tmp_path / "Tops").iterdir()]) == 4


def test_what_a_killed_worker_left_of_a_copy_is_swept(site: Site) -> None:
    (site.folder / "old").mkdir()
    (site.folder / "old" / "a.jpg").write_bytes(photo_bytes(seed=1))
    into = site.folder / "sorted"
    for folder in ("Tops", "_review/Tops"):
        (into / folder).mkdir(parents=True)
    left = [into / "Tops/.0123456789abcdef.part", into / "_review/Tops/.fedcba9876543210.part"]
    others = [into / "Tops/.0123456789abcde0.part", into / "Tops/.mine.part", into / "Tops/a.part"]
    for file in (*left, *others):
        file.write_bytes(b"half of a photo")
    for file in (*left, *others[1:]):
        os.utime(file, (1, 1))  # the first of the others is written to just now
    wanted = ("old", "--out", "out", "--file-into", "sorted", "--workers", "1")
    done = asked(site, *wanted)
    assert done.returncode == 0, done.stderr
    assert [file.exists() for file in (*left, *others)] == [False, False, True, True, True]
    left[0].write_bytes(b"half of a photo")
    os.utime(left[0], (1, 1))
    assert asked(site, *wanted).returncode == 0  # nothing is left to be judged
    assert not left[0].exists()


def test_what_is_written_just_now_is_nobodys_leftover_whatever_this_machines_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is that of the file server, as another machine wrote it there."""
    partial = tmp_path / "Tops" / ".0123456789abcdef.part"
    partial.parent.mkdir()
    partial.write_bytes(b"half of a photo")
    ahead = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: ahead)
    sweep(Filing(str(tmp_path)))
    assert [file.name for file in partial.parent.iterdir()] == [partial.name]
    os.utime(partial, (1, 1))
    sweep(Filing(str(tmp_path)))
    assert [*partial.parent.iterdir()] == []


def test_a_scheduler_without_workers_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifier.archive.running._PATIENCE", "1s")
    file = site.folder / "alone.json"
    scheduler = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with dask(*scheduler, "--scheduler-file", str(file)):
        eventually(lambda: file.exists() and file.read_text() != "")
        address = json.loads(file.read_text())["address"]
        with pytest.raises(ClusterLost, match="no workers"), cluster(1, address):
            pass


def test_copies_are_filed_by_category_and_take_nobodys_place(site: Site) -> None:
    for name, seed in (("one", 1), ("two", 2), ("three", 1)):
        (site.folder / "old" / name).mkdir(parents=True)
        (site.folder / "old" / name / "a.jpg").write_bytes(photo_bytes(seed=seed))
    before = {file: file.read_bytes() for file in (site.folder / "old").rglob("*.jpg")}
    wanted = ("old", "--out", "out", "--file-into", "sorted", "--workers", "1")
    done = asked(site, *wanted)
    assert done.returncode == 0, done.stderr
    assert {file: file.read_bytes() for file in before} == before
    filed = [file for file in (site.folder / "sorted").rglob("*") if file.is_file()]
    assert sorted(file.read_bytes() for file in filed) == sorted({*before.values()})
    for row in rows(site.folder / "out"):
        place = ("_review", row["category"]) if row["band"] == "review" else (row["category"],)
        folder = site.folder / "sorted" / Path(*place)
        assert (site.folder / row["path"]).read_bytes() in [
            f.read_bytes() for f in folder.iterdir()
        ]
    for part in (site.folder / "out").glob("part-*"):
        part.unlink()  # as if the power had gone before the rows were there
    assert asked(site, *wanted).returncode == 0
    assert [f for f in (site.folder / "sorted").rglob("*") if f.is_file()] == filed

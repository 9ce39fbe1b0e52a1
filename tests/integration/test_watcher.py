"""The watcher on real folders with real inotify: what is dropped is sighted, whatever happens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from watchdog.observers.inotify_c import InotifyEvent

from config.errors import FolderUnavailable, TransientError
from config.settings import IntakeSettings
from daemon.folders.tree import Tree
from daemon.intake import event_source as hearing
from daemon.intake import watcher
from daemon.intake.events import Events
from daemon.intake.screening import Screening
from daemon.intake.watcher import Watcher
from tests.support.rights import like_an_ordinary_user
from tests.support.waiting import eventually

JUNK = IntakeSettings().ignore


class Bench:
    """An incoming folder with a watcher on it whose clock is turned by hand."""

    def __init__(self, root: Path, tree: Tree | None = None, **options: Any) -> None:
        self.root = root
        self.now = 1000.0
        settings: dict[str, Any] = {
            "observer": "native",
            "rescan_seconds": 300.0,
            "ignore": JUNK,
        } | options
        self.watcher = Watcher(tree or Tree(root), now=lambda: self.now, **settings)
        self.seen: set[str] = set()

    def start(self) -> Bench:
        """Start, with the first look behind us, so that only what comes from now on is new."""
        self.watcher.start()
        self.finish_look()
        self.seen.clear()
        return self

    def finish_look(self) -> None:
        while self.take() or self.watcher.scanning:
            pass

    def take(self, limit: int = 1000) -> list[str]:
        paths = [sighting.path for sighting in self.watcher.sightings(limit)]
        self.seen.update(paths)
        return paths

    def sees(self, *paths: str) -> None:
        """Wait as the service does until all of `paths` were sighted."""

        def ask() -> bool:
            self.watcher.wait(0.05)
            self.take()
            return self.seen.issuperset(paths)

        eventually(ask)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(root: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(root, **options))
        return made[-1]

    yield make
    for one in made:
        one.watcher.stop()


def drop(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"photo")
    return file


# --- events ---------------------------------------------------------------------------------------


def test_dropped_photo_is_sighted_by_an_event(bench: Callable[..., Bench], root: Path) -> None:
    at_work = bench().start()
    found = drop(root / "shirt.jpg").stat()
    # The first look at everything may meet it as well.
    sighting, *again = eventually(lambda: at_work.watcher.sightings(10))
    assert {one.path for one in (sighting, *again)} == {"shirt.jpg"}
    assert sighting.fingerprint.inode == found.st_ino
    assert sighting.fingerprint.size_bytes == found.st_size
    assert sighting.fingerprint.mtime_ns == found.st_mtime_ns


def test_photo_renamed_into_place_is_sighted(bench: Callable[..., Bench], root: Path) -> None:
    at_work = bench().start()
    drop(root / "shirt.jpg.part").rename(root / "shirt.jpg")
    at_work.sees("shirt.jpg")


def test_photo_moved_in_from_elsewhere_is_sighted(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    at_work = bench().start()
    drop(tmp_path / "shirt.jpg").rename(root / "shirt.jpg")
    at_work.sees("shirt.jpg")


def test_hard_linked_photo_is_sighted(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    at_work = bench().start()
    (root / "shirt.jpg").hardlink_to(drop(tmp_path / "x"))
    at_work.sees("shirt.jpg")


def test_folders_made_while_watching_are_watched(bench: Callable[..., Bench], root: Path) -> None:
    at_work = bench().start()
    drop(root / "20251013" / "table-2" / "a.jpg")
    at_work.sees("20251013/table-2/a.jpg")
    drop(root / "20251013" / "table-2" / "b.jpg")
    at_work.sees("20251013/table-2/b.jpg")


def test_folder_dropped_whole_is_looked_through_and_watched(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    at_work = bench().start()
    for number in range(50):
        drop(tmp_path / "batch" / f"t{number % 5}" / f"{number}.jpg")
    (tmp_path / "batch").rename(root / "batch")
    at_work.sees(*(f"batch/t{number % 5}/{number}.jpg" for number in range(50)))
    drop(root / "batch" / "t3" / "late.jpg")
    at_work.sees("batch/t3/late.jpg")


def test_renamed_folder_goes_on_under_its_new_name(bench: Callable[..., Bench], root: Path) -> None:
    drop(root / "old" / "inner" / "a.jpg")
    at_work = bench().start()
    (root / "old").rename(root / "new")
    at_work.sees("new/inner/a.jpg")
    drop(root / "new" / "inner" / "b.jpg")
    at_work.sees("new/inner/b.jpg")
    assert not any(path.startswith("old/") for path in at_work.seen)


def test_folder_moved_out_is_no_longer_watched(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    drop(root / "gone" / "inner" / "a.jpg")
    at_work = bench().start()
    events = at_work.watcher._source.events
    assert events is not None
    assert events.watches == 3
    (root / "gone").rename(tmp_path / "gone")
    eventually(lambda: events.watches == 1)
    drop(tmp_path / "gone" / "inner" / "b.jpg")
    drop(root / "c.jpg")
    at_work.sees("c.jpg")
    assert at_work.seen == {"c.jpg"}


def test_folder_replaced_by_another_of_its_name_is_watched(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    drop(root / "table" / "a.jpg")
    at_work = bench().start()
    drop(tmp_path / "other" / "b.jpg")
    (root / "table").rename(tmp_path / "away")
    (tmp_path / "other").rename(root / "table")
    at_work.sees("table/b.jpg")
    drop(root / "table" / "c.jpg")
    at_work.sees("table/c.jpg")


def test_junk_and_other_files_are_never_sighted(bench: Callable[..., Bench], root: Path) -> None:
    at_work = bench().start()
    for name in ("._a.jpg", "notes.txt", ".nightsort", "a.jpg.part", "@eaDir/a.jpg", "Thumbs.db"):
        drop(root / name)
    drop(root / "z.jpg")
    at_work.sees("z.jpg")
    at_work.watcher.rescan()
    at_work.finish_look()
    assert at_work.seen == {"z.jpg"}


def test_name_that_is_no_utf8_is_sighted_and_can_be_opened(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench().start()
    name = os.fsdecode(b"\xff\xfe line\nbreak.jpg")
    drop(root / name)
    at_work.sees(name)
    assert Tree(root).fingerprint(name) is not None


def test_many_events_for_one_photo_are_one_hint(bench: Callable[..., Bench], root: Path) -> None:
    at_work = bench().start()
    for _ in range(20):
        drop(root / "shirt.jpg")
    drop(root / "last.jpg")
    at_work.sees("last.jpg", "shirt.jpg")
    assert at_work.take() == []


# --- what events miss -----------------------------------------------------------------------------


def test_photos_that_lay_there_before_the_start_are_sighted(
    bench: Callable[..., Bench], root: Path
) -> None:
    drop(root / "a.jpg")
    drop(root / "deep" / "er" / "b.jpg")
    at_work = bench()
    at_work.watcher.start()
    at_work.finish_look()
    assert at_work.seen == {"a.jpg", "deep/er/b.jpg"}


class DeafEvents(Events):
    """Hears nothing."""

    def on_event(self, event: InotifyEvent) -> None:
        pass


def test_missed_event_is_made_up_for_by_the_rescan(bench: Callable[..., Bench], root: Path) -> None:
    at_work = bench(make_events=DeafEvents).start()
    drop(root / "missed.jpg")
    at_work.watcher.wait(0.1)
    assert at_work.take() == []
    at_work.now += 301
    assert at_work.watcher.scanning
    at_work.finish_look()
    assert at_work.seen == {"missed.jpg"}


class HardOfHearing(Events):
    """Does not hear of new folders; everything else it hears."""

    def _hear_folder(self, path: str, event: InotifyEvent) -> None:
        pass


def test_folder_that_escaped_the_events_is_watched_after_the_next_look(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench(make_events=HardOfHearing).start()
    drop(root / "folder" / "a.jpg")
    at_work.watcher.rescan()
    at_work.finish_look()
    drop(root / "folder" / "b.jpg")
    at_work.sees("folder/b.jpg")


class Sluggish(Events):
    """Hears nothing until it is let go, so that the kernel's queue runs over."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.go = threading.Event()

    def on_event(self, event: InotifyEvent) -> None:
        self.go.wait(60)


def test_overflow_of_the_kernels_queue_leads_to_a_look_at_everything(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench(make_events=Sluggish).start()
    events = at_work.watcher._source.events
    assert isinstance(events, Sluggish)
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    if most > 100_000:
        pytest.skip(f"the kernel's queue holds {most} events; filling it takes too long")
    file = drop(root / "first.jpg")
    for _ in range(most // 2 + 1000):  # two events for each pair of names
        file = file.rename(root / "a.jpg")
        file = file.rename(root / "b.jpg")
    drop(root / "new" / "c.jpg")
    with capture_logs() as logs:
        events.go.set()
        at_work.sees("b.jpg", "new/c.jpg")
    assert "events_lost" in {entry["event"] for entry in logs}
    assert events.watches == 2


def test_more_hints_than_can_be_held_lead_to_a_look_at_everything(
    bench: Callable[..., Bench], root: Path
) -> None:
    def few(tree: Tree, screening: Screening, ring: Callable[[], None]) -> Events:
        return Events(tree, screening, ring, capacity=3)

    at_work = bench(make_events=few).start()
    for number in range(30):
        drop(root / f"{number}.jpg")
    at_work.sees(*(f"{number}.jpg" for number in range(30)))


class Stumbling(Events):
    """Fails on every event."""

    def _hear(self, event: InotifyEvent) -> None:
        raise KeyError(event.wd)


def test_event_that_is_not_understood_leads_to_a_look_and_does_not_end_the_thread(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench(make_events=Stumbling).start()
    with capture_logs() as logs:
        drop(root / "a.jpg")
        at_work.sees("a.jpg")
    assert "event_not_understood" in {entry["event"] for entry in logs}
    assert at_work.watcher.healthy()


# --- what breaks, and heals -----------------------------------------------------------------------


def test_root_removed_and_made_again_is_watched_again(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench().start()
    with capture_logs() as logs:
        shutil.rmtree(root)
        eventually(lambda: at_work.watcher.sightings(10) == [] and logs)
        assert at_work.watcher.healthy()
        root.mkdir()
        at_work.now += 2
        at_work.sees()
        drop(root / "a.jpg")
        at_work.sees("a.jpg")
    at_work.finish_look()
    drop(root / "b.jpg")
    at_work.sees("b.jpg")
    events = [entry["event"] for entry in logs]
    assert events == ["watch_interrupted", "watch_lost", "watch_started"]


def test_root_replaced_by_another_folder_is_noticed(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    at_work = bench().start()
    drop(tmp_path / "other" / "waiting.jpg")
    root.rename(tmp_path / "old")
    (tmp_path / "other").rename(root)
    at_work.now += 2
    at_work.sees("waiting.jpg")
    drop(root / "new.jpg")
    at_work.sees("new.jpg")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_ended_is_noticed_and_replaced(bench: Callable[..., Bench], root: Path) -> None:
    lives = [1]

    class Mortal(Events):
        def on_event(self, event: InotifyEvent) -> None:
            lives[0] -= 1
            if lives[0] == 0:
                raise SystemExit  # ends the thread that calls us, without a word
            super().on_event(event)

    at_work = bench(make_events=Mortal).start()
    drop(root / "deadly.jpg")
    eventually(lambda: not at_work.watcher.healthy())
    drop(root / "meanwhile.jpg")
    at_work.now += 2
    at_work.sees("deadly.jpg", "meanwhile.jpg")
    assert at_work.watcher.healthy()
    drop(root / "after.jpg")
    at_work.sees("after.jpg")


def test_start_while_the_share_is_away_is_no_error(bench: Callable[..., Bench], root: Path) -> None:
    root.rmdir()
    at_work = bench()
    at_work.watcher.start()
    with pytest.raises(TransientError, match="incoming"):
        at_work.watcher.sightings(10)
    assert at_work.watcher.scanning
    root.mkdir()
    drop(root / "a.jpg")
    at_work.now += 2
    at_work.sees("a.jpg")
    drop(root / "b.jpg")
    at_work.sees("b.jpg")


def test_start_touches_nothing_so_that_a_hung_share_does_not_hang_it(
    bench: Callable[..., Bench], root: Path
) -> None:
    class Untouchable(Tree):
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"{name} was asked for")

    watcher = Watcher(Untouchable(root), observer="auto", rescan_seconds=300, ignore=JUNK)
    watcher.start()
    watcher.wait(0)
    assert watcher.scanning
    assert watcher.healthy()
    watcher.stop()


def test_look_interrupted_by_a_vanished_share_begins_again(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    for number in range(10):
        drop(root / f"{number}.jpg")
    at_work = bench(observer="polling")
    at_work.watcher.start()
    assert len(at_work.take(3)) == 3
    root.rename(tmp_path / "away")
    at_work.now += 2
    at_work.watcher.rescan()
    with pytest.raises(TransientError):
        at_work.take()
    (tmp_path / "away").rename(root)
    at_work.now += 2
    at_work.sees(*(f"{number}.jpg" for number in range(10)))


class Stuttering(Tree):
    """Refuses itself while `is_away`, without looking any different."""

    is_away = False

    @contextmanager
    def folder(self, relative: str = "", **options: Any) -> Iterator[int]:
        if self.is_away:
            raise FolderUnavailable("away for a moment")
        with super().folder(relative, **options) as fd:
            yield fd


@pytest.mark.parametrize("observer", ["native", "polling"])
def test_share_that_was_away_for_a_moment_costs_no_photo(
    bench: Callable[..., Bench], root: Path, observer: str
) -> None:
    tree = Stuttering(root)
    at_work = bench(observer=observer, tree=tree).start()
    drop(root / "shirt.jpg")
    at_work.now += watcher.POLL_SECONDS + 1  # polling looks; native hears

    def stumbles() -> bool:
        try:
            tree.is_away = True
            at_work.take()
        except TransientError:
            return True
        finally:
            tree.is_away = False
        return False

    eventually(stumbles)
    assert at_work.watcher.scanning
    at_work.sees("shirt.jpg")


# --- looks ----------------------------------------------------------------------------------------


def test_no_more_than_the_limit_at_once_and_all_in_the_end(
    bench: Callable[..., Bench], root: Path
) -> None:
    for number in range(95):
        drop(root / f"{number % 4}" / f"{number}.jpg")
    at_work = bench(observer="polling")
    at_work.watcher.start()
    sizes = []
    while at_work.watcher.scanning:
        sizes.append(len(at_work.take(10)))
    assert max(sizes) == 10
    assert len(at_work.seen) == 95
    assert at_work.take(0) == []


def test_without_start_a_look_can_be_asked_for(bench: Callable[..., Bench], root: Path) -> None:
    drop(root / "a.jpg")
    at_work = bench()
    at_work.watcher.rescan()
    at_work.finish_look()
    assert at_work.seen == {"a.jpg"}


def test_what_is_left_out_is_counted(bench: Callable[..., Bench], root: Path) -> None:
    drop(root / "a.jpg")
    drop(root / "notes.txt")
    drop(root / "._a.jpg")
    drop(root / "@eaDir" / "b.jpg")
    os.mkfifo(root / "pipe.jpg")
    (root / "link.jpg").symlink_to(root / "a.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        place = Path.cwd()
        os.chdir(root)
        try:
            server.bind("socket.jpg")
        finally:
            os.chdir(place)
    drop(root / "locked" / "c.jpg")
    (root / "locked").chmod(0)
    at_work = bench(observer="polling")
    with capture_logs() as logs, like_an_ordinary_user():
        at_work.watcher.start()
        at_work.finish_look()
        at_work.watcher.rescan()
        at_work.finish_look()
    (root / "locked").chmod(0o700)
    assert at_work.seen == {"a.jpg"}
    expected = {"junk": 2, "not_a_photo": 1, "special": 3, "unreadable_folder": 1}
    assert at_work.watcher.ignored == expected
    told = [entry for entry in logs if entry["event"] == "folder_unreadable"]
    assert [entry["folder"] for entry in told] == [str(root / "locked")]


def test_unreadable_folder_does_not_stop_the_others_and_is_watched_once_it_can_be(
    bench: Callable[..., Bench], root: Path
) -> None:
    for name in ("a", "b", "c"):
        drop(root / name / "x.jpg")
    for name in ("a", "b"):
        (root / name).chmod(0)
    with like_an_ordinary_user():
        at_work = bench()
        at_work.watcher.start()
        at_work.finish_look()
        assert at_work.watcher.mode == "native"
        assert at_work.seen == {"c/x.jpg"}
    for name in ("a", "b"):
        (root / name).chmod(0o700)
    at_work.sees("a/x.jpg", "b/x.jpg")
    drop(root / "a" / "y.jpg")
    at_work.sees("a/y.jpg")


def test_links_are_not_followed_not_even_in_circles(
    bench: Callable[..., Bench], root: Path, tmp_path: Path
) -> None:
    drop(tmp_path / "outside" / "secret.jpg")
    drop(root / "sub" / "a.jpg")
    (root / "sub" / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    at_work = bench()
    at_work.watcher.start()
    at_work.finish_look()
    (root / "later").symlink_to(tmp_path / "outside")
    drop(tmp_path / "outside" / "secret2.jpg")
    drop(root / "last.jpg")
    at_work.sees("last.jpg")
    assert at_work.seen == {"sub/a.jpg", "last.jpg"}


def test_polling_finds_what_was_dropped_within_its_interval(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench(observer="polling").start()
    drop(root / "a.jpg")
    assert at_work.take() == []
    at_work.now += watcher.POLL_SECONDS + 1
    assert at_work.take() == ["a.jpg"]


def test_polling_never_rests_longer_than_the_rescan_setting(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench(observer="polling", rescan_seconds=2.0).start()
    at_work.now += 2.1
    assert at_work.watcher.scanning


def test_wait_ends_when_something_arrives_or_at_a_call(
    bench: Callable[..., Bench], root: Path
) -> None:
    at_work = bench().start()
    at_work.watcher.wait(0)
    timer = threading.Timer(0.05, drop, [root / "a.jpg"])
    timer.start()
    at_work.sees("a.jpg")
    timer.join()
    timer = threading.Timer(0.05, at_work.watcher.wake)
    timer.start()
    at_work.watcher.wait(60)
    timer.join()


def test_whoever_has_no_room_is_not_kept_busy_by_a_look_under_way(
    bench: Callable[..., Bench], root: Path
) -> None:
    for number in range(10):
        drop(root / f"{number}.jpg")
    at_work = bench(observer="polling")
    at_work.watcher.start()
    at_work.watcher.wait(0)  # the start rang the bell
    assert len(at_work.take(5)) == 5
    at_work.watcher.wait(60)  # there is more: returns at once
    woken = threading.Event()

    def wake() -> None:
        woken.set()
        at_work.watcher.wake()

    timer = threading.Timer(0.1, wake)
    timer.start()
    at_work.watcher.wait(60)  # nobody asked for it: waits for the bell
    assert woken.is_set()
    timer.join()


def test_the_choice_is_logged_with_its_reason(bench: Callable[..., Bench], root: Path) -> None:
    with capture_logs() as logs:
        bench(observer="polling").start()
    (entry,) = (entry for entry in logs if entry["event"] == "watch_started")
    assert entry["mode"] == "polling"
    assert "observer" in entry["why"]


MEASURE = """
import sys
from pathlib import Path
from daemon.folders.tree import Tree
from daemon.intake.watcher import Watcher

def peak_kb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

def look(folder):
    watcher = Watcher(Tree(Path(folder)), observer=sys.argv[1], rescan_seconds=300, ignore=())
    watcher.start()
    seen = 0
    while watcher.scanning:
        seen += len(watcher.sightings(500))
    watcher.stop()
    return seen

look(sys.argv[2])
before = peak_kb()
print(look(sys.argv[3]), peak_kb() - before)
"""


def test_memory_stays_flat_at_a_hundred_thousand_files(root: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    for number in range(1000):
        drop(few / f"{number}.jpg")
    for number in range(100_000):
        os.close(os.open(root / f"{number:06}.jpg", os.O_CREAT | os.O_WRONLY))
    for observer in ("native", "polling"):
        command = [sys.executable, "-c", MEASURE, observer, str(few), str(root)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        sighted, grown_kb = map(int, done.stdout.split("\n")[-2].split())
        assert sighted == 100_000
        assert grown_kb < 2000, f"{observer}: the names alone would take about 10,000 kB"


def test_native_events_are_tried_again_after_the_limit(
    bench: Callable[..., Bench], root: Path
) -> None:
    refused = [True]

    def make(tree: Tree, screening: Screening, ring: Callable[[], None]) -> Events:
        if refused[0]:
            raise OSError(24, "inotify instance limit reached")
        return Events(tree, screening, ring)

    with capture_logs() as logs:
        at_work = bench(make_events=make).start()
        assert (at_work.watcher.mode, "limits" in at_work.watcher.why) == ("polling", True)
        refused[0] = False
        at_work.now += hearing.NATIVE_RETRY_SECONDS + 1
        at_work.finish_look()
        assert at_work.watcher.mode == "native"
    drop(root / "a.jpg")
    at_work.sees("a.jpg")
    (entry,) = (entry for entry in logs if entry["event"] == "watch_limit_reached")
    assert "fs.inotify.max_user_instances" in entry["remedy"]

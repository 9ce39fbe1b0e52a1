"""The watcher against the kernel's own doings: mounts that come and go, inotify's real limits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.settings import IntakeSettings
from daemon.folders.tree import Tree
from daemon.intake.watcher import Watcher
from tests.support.rights import mounted_tmpfs
from tests.support.waiting import eventually

JUNK = IntakeSettings().ignore


@contextmanager
def watching(root: Path) -> Iterator[Watcher]:
    watcher = Watcher(Tree(root), observer="auto", rescan_seconds=300, ignore=JUNK)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop()


def sees(watcher: Watcher, path: str) -> None:
    def ask() -> bool:
        watcher.wait(0.1)
        return path in [sighting.path for sighting in watcher.sightings(100)]

    eventually(ask)


def unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


def test_share_mounted_over_the_folder_and_unmounted_and_mounted_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("on-disk")  # so that a mount in memory is another kind
    with watching(root) as watcher, capture_logs() as logs:
        (root / "below.jpg").touch()
        sees(watcher, "below.jpg")
        with mounted_tmpfs(root):
            (root / "lay-there.jpg").touch()
            sees(watcher, "lay-there.jpg")
            (root / "dropped.jpg").touch()
            sees(watcher, "dropped.jpg")
            unmount(root)
        sees(watcher, "below.jpg")
        with mounted_tmpfs(root):
            (root / "again.jpg").touch()
            sees(watcher, "again.jpg")
            unmount(root)
        sees(watcher, "below.jpg")
    started = [entry["why"] for entry in logs if entry["event"] == "watch_started"]
    assert ["tmpfs" in why for why in started] == [False, True, False, True, False]


def test_watching_does_not_keep_a_mount_from_being_unmounted(tmp_path: Path) -> None:
    root = tmp_path / "incoming"
    root.mkdir()
    with mounted_tmpfs(root), watching(root) as watcher:
        (root / "a.jpg").touch()
        sees(watcher, "a.jpg")
        eventually(lambda: not watcher.sightings(100) and not watcher.scanning)
        unmount(root)


LIMITED = """
import sys
import time
from pathlib import Path
from daemon.intake import event_source as hearing
from daemon.folders.tree import Tree
from daemon.intake.watcher import Watcher

limit, root = Path(sys.argv[1]), Path(sys.argv[2])
enough = limit.read_text()
limit.write_text(sys.argv[3])
now = [0.0]
watcher = Watcher(Tree(root), observer="native", rescan_seconds=3, ignore=(), now=lambda: now[0])

def look():
    seen = {s.path for s in watcher.sightings(100)}
    while watcher.scanning:
        seen |= {s.path for s in watcher.sightings(100)}
    return seen

watcher.start()
seen = look()
print("at first:", watcher.mode, len(seen))
for number in range(int(sys.argv[4])):
    (root / f"new{number}").mkdir()
(root / "new0" / "x.jpg").touch()
seen = look()
deadline = time.monotonic() + 20
while (watcher.mode, "new0/x.jpg" in seen) != ("polling", True) and time.monotonic() < deadline:
    watcher.wait(0.1)
    now[0] += 0.1
    seen |= look()
print("then:", watcher.mode, "new0/x.jpg" in seen)
limit.write_text(enough)
now[0] += hearing.NATIVE_RETRY_SECONDS + 1
look()
print("in the end:", watcher.mode)
watcher.stop()
"""


def in_a_namespace_with(limit: str, value: int, root: Path, new_folders: int) -> str:
    """What LIMITED prints in a user namespace of its own, whose inotify limit is lowered."""
    unshare = ["unshare", "--user", "--map-root-user"]
    place = f"/proc/sys/user/{limit}"
    allowed = subprocess.run([*unshare, "test", "-w", place], check=False, capture_output=True)
    if allowed.returncode != 0:
        pytest.skip("no user namespaces here, in which inotify's limits could be lowered")
    arguments = [place, str(root), str(value), str(new_folders)]
    command = [*unshare, sys.executable, "-c", LIMITED, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(5):
        (tmp_path / "incoming" / str(number)).mkdir(parents=True)
        (tmp_path / "incoming" / str(number) / "a.jpg").touch()
    return tmp_path / "incoming"


def test_too_few_watches_for_the_folders_lead_to_polling_until_there_are_more(root: Path) -> None:
    told = in_a_namespace_with("max_inotify_watches", 3, root, 1)
    assert "at first: polling 5" in told
    assert "fs.inotify.max_user_watches" in told
    assert "then: polling True" in told
    assert "in the end: native" in told


def test_watches_used_up_by_folders_made_later_lead_to_polling(root: Path) -> None:
    told = in_a_namespace_with("max_inotify_watches", 10, root, 20)
    assert "at first: native 5" in told
    assert "then: polling True" in told
    assert "in the end: native" in told


def test_too_few_inotify_instances_lead_to_polling(root: Path) -> None:
    told = in_a_namespace_with("max_inotify_instances", 0, root, 1)
    assert "at first: polling 5" in told
    assert "fs.inotify.max_user_instances" in told
    assert "in the end: native" in told

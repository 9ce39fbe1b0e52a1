"""The watched folder is another machine's share, mounted here: no event ever comes for it."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.test_samba import big_photo, contents, names, sha256
from tests.support.manager import Manager
from tests.support.photos import write_photo
from tests.support.processes import Site, is_over
from tests.support.samba import Mounted, Samba, mounted, samba
from tests.support.waiting import DEADLINE_SECONDS, eventually

pytestmark = pytest.mark.servers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Samba]:
    (tmp_path / "nas").mkdir()
    with samba(tmp_path / "nas", tmp_path / "samba") as server:
        yield server


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path / "site", mode="continuous")


@pytest.fixture
def share(site: Site, server: Samba, tmp_path: Path) -> Iterator[Mounted]:
    with mounted(server, site.incoming, tmp_path / "rclone") as share:
        yield share


def status(site: Site) -> dict[str, str]:
    document: dict[str, str] = json.loads((site.state / "status.json").read_text())
    return document


def events(site: Site, name: str) -> list[dict[str, str]]:
    return [event for event in site.events() if event["event"] == name]


def on_server(server: Samba) -> list[str]:
    """Files only: rclone leaves a folder of its own there."""
    return sorted(path.name for path in server.folder.rglob("[!.]*") if path.is_file())


@pytest.mark.usefixtures("share")
def test_polling_is_chosen_by_itself_and_photos_are_filed_across_file_systems(
    site: Site, server: Samba, tmp_path: Path
) -> None:
    photos = [write_photo(tmp_path / f"{n}.jpg", seed=n) for n in range(3)]
    with site.daemon():
        for number, photo in enumerate(photos):
            server.put(photo, f"return-1000{number}.jpg")
        eventually(lambda: len(names(site)) == 3, within_s=DEADLINE_SECONDS)
        server.put(photos[0], "again-20001.jpg")
        eventually(lambda: len(names(site)) == 4, within_s=DEADLINE_SECONDS)
        eventually(lambda: on_server(server) == [], within_s=DEADLINE_SECONDS)
    (started,) = events(site, "watch_started")
    assert started["mode"] == "polling"
    assert "fuse.rclone" in started["why"]
    assert contents(site.photos("sorted")) == contents([*photos, photos[0]])


@pytest.mark.usefixtures("share")
def test_photo_put_slowly_is_not_taken_before_it_is_whole_and_filed_once(
    site: Site, server: Samba, tmp_path: Path
) -> None:
    slow = big_photo()
    with site.daemon():
        with server.putting_slowly(slow, "slow-20001.jpg") as go_on:
            # From here nobody can see that the server still has it open: what has arrived stands
            # still, settles, is examined, and found to be cut off.
            eventually(lambda: events(site, "photo_cut_off"), within_s=DEADLINE_SECONDS)
            server.put(write_photo(tmp_path / "q.jpg", seed=8), "quick-20002.jpg")
            eventually(lambda: names(site) == {"quick-20002.jpg"}, within_s=DEADLINE_SECONDS)
            go_on.set()
        eventually(lambda: "slow-20001.jpg" in names(site), within_s=DEADLINE_SECONDS)
    rows = [row for row in site.growing_rows() if row["filename"] == "slow-20001.jpg"]
    assert [row["sha256"] for row in rows] == [sha256(slow)]
    assert Path(rows[0]["filed_path"]).read_bytes() == slow


def test_mount_killed_and_brought_back_in_mid_run(
    site: Site, server: Samba, share: Mounted, tmp_path: Path
) -> None:
    photos = [write_photo(tmp_path / f"{n}.jpg", seed=n) for n in range(60)]
    for number, photo in enumerate(photos):
        (server.folder / f"return-{10_000 + number}.jpg").write_bytes(photo.read_bytes())
    with site.daemon():
        eventually(lambda: len(names(site)) > 3, within_s=DEADLINE_SECONDS, every_s=0.001)
        share.kill()
        filed = len(names(site))
        assert filed < 60, "the run was over before the share was gone"
        # Sooner than the next try of what the loss interrupted, 15 seconds later.
        eventually(lambda: status(site)["state"] == "share unavailable", within_s=12)
        assert "check that the share is mounted" in json.dumps(status(site)["problems"])
        share.unmount()
        # Now an empty folder lies there, which looks as if somebody had taken all photos away.
        eventually(lambda: "fuse.rclone" in json.dumps(status(site)["problems"]))
        assert list(site.incoming.iterdir()) == []
        share.mount()
        eventually(lambda: len(names(site)) == 60, within_s=DEADLINE_SECONDS)
        eventually(lambda: on_server(server) == [], within_s=DEADLINE_SECONDS)
        assert status(site)["state"] != "share unavailable"
    assert events(site, "share_unavailable")
    assert events(site, "share_available")
    assert not events(site, "photo_gone")
    assert contents(site.photos("sorted")) == contents(photos)
    assert len(site.growing_rows()) == 60


def test_mount_that_hangs_is_told_and_work_goes_on_when_it_answers_again(
    site: Site, server: Samba, share: Mounted, tmp_path: Path
) -> None:
    with site.daemon():
        server.put(write_photo(tmp_path / "a.jpg", seed=1), "a-10001.jpg")
        eventually(lambda: names(site) == {"a-10001.jpg"}, within_s=DEADLINE_SECONDS)
        share.hang()
        try:
            eventually(lambda: site.nightsort("status").returncode == 1)
        finally:
            share.go_on()
        server.put(write_photo(tmp_path / "b.jpg", seed=2), "b-10002.jpg")
        eventually(lambda: "b-10002.jpg" in names(site), within_s=DEADLINE_SECONDS)
        eventually(lambda: site.nightsort("status").returncode == 0)


def test_mount_that_hangs_with_a_file_open_in_it_is_told_as_soon(
    site: Site, server: Samba, share: Mounted
) -> None:
    # Each new process closes its copy of that file, which FUSE asks the server about.
    server.put(site.folder / "nightsort.toml", "held.txt")
    held = site.incoming / "held.txt"
    eventually(held.exists, within_s=DEADLINE_SECONDS)
    with site.daemon(f"held = open({str(held)!r}, 'rb')"):
        eventually(lambda: site.nightsort("status").returncode == 0, within_s=DEADLINE_SECONDS)
        share.hang()
        try:
            eventually(lambda: site.nightsort("status").returncode == 1)
            problems = json.dumps(status(site)["problems"])
            assert "incoming_dir" in problems
            assert "sorted_dir" not in problems
        finally:
            share.go_on()
        eventually(lambda: site.nightsort("status").returncode == 0)


def drop_sixty(server: Samba, tmp_path: Path) -> list[Path]:
    photos = [write_photo(tmp_path / f"{n}.jpg", seed=n) for n in range(60)]
    for number, photo in enumerate(photos):
        (server.folder / f"return-{10_000 + number}.jpg").write_bytes(photo.read_bytes())
    return photos


def test_mount_that_hangs_in_mid_run_is_told_and_no_photo_suffers(
    site: Site, server: Samba, share: Mounted, tmp_path: Path
) -> None:
    photos = drop_sixty(server, tmp_path)
    with Manager.listening(tmp_path) as manager, site.daemon(**manager.environment(24.0)):
        eventually(lambda: len(names(site)) > 3, within_s=DEADLINE_SECONDS, every_s=0.001)
        share.hang()
        try:
            assert len(names(site)) < 60, "the run was over before the share hung"
            eventually(lambda: site.nightsort("status").returncode == 1)
            told = site.nightsort("status").stdout
            assert "does not answer" in told
            assert re.search(r"since \w{3} \d\d:\d\d: incoming_dir", told)
            manager.hears("STATUS=share unavailable")
            # The work stands still, but a restart would mend nothing: twice the patience passes.
            for _ in range(8):
                manager.hears("WATCHDOG=1")
            assert status(site)["state"] == "share unavailable"
        finally:
            share.go_on()
        eventually(lambda: len(names(site)) == 60, within_s=DEADLINE_SECONDS)
        eventually(lambda: on_server(server) == [], within_s=DEADLINE_SECONDS)
    assert contents(site.photos("sorted")) == contents(photos)
    assert len(site.growing_rows()) == 60
    assert not events(site, "progress_stalled")


def test_a_daemon_that_hangs_in_a_mount_ends_when_asked_to_and_loses_nothing(
    site: Site, server: Samba, share: Mounted, tmp_path: Path
) -> None:
    photos = drop_sixty(server, tmp_path)
    with Manager.listening(tmp_path) as manager, site.daemon(**manager.environment()) as daemon:
        eventually(lambda: len(names(site)) > 3, within_s=DEADLINE_SECONDS, every_s=0.001)
        share.hang()
        try:
            assert len(names(site)) < 60, "the run was over before the share hung"
            eventually(lambda: site.nightsort("status").returncode == 1)
            daemon.send_signal(signal.SIGTERM)
            assert "does not answer" in manager.hears("STATUS=stopping")
            eventually(lambda: is_over(daemon), within_s=DEADLINE_SECONDS)
        finally:
            share.go_on()
        assert daemon.wait(DEADLINE_SECONDS) == 0
    (ended,) = events(site, "ended_without_share")
    assert "does not answer" in ended["why"]
    with site.daemon():
        eventually(lambda: len(names(site)) == 60, within_s=DEADLINE_SECONDS)
        eventually(lambda: on_server(server) == [], within_s=DEADLINE_SECONDS)
    assert contents(site.photos("sorted")) == contents(photos)
    assert len(site.growing_rows()) == 60
    assert not events(site, "photo_quarantined")


def test_start_with_a_share_that_hangs_does_not_hang(
    site: Site, server: Samba, share: Mounted, tmp_path: Path
) -> None:
    assert site.nightsort("now").returncode == 0
    share.hang()
    try:
        with site.daemon():
            eventually(lambda: status(site)["state"] == "share unavailable")
            began = time.monotonic()
            share.go_on()
            server.put(write_photo(tmp_path / "b.jpg", seed=2), "b-10002.jpg")
            eventually(lambda: names(site) == {"b-10002.jpg"}, within_s=DEADLINE_SECONDS)
            assert time.monotonic() - began < DEADLINE_SECONDS
    finally:
        share.go_on()

"""Presence with real folders, real mounts, and a real helper process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.errors import ConfigError
from daemon.folders import probe
from daemon.folders.presence import Presence, SavedPresence
from tests.support.rights import like_an_ordinary_user, mounted_tmpfs
from tests.support.waiting import eventually

NAMES = ("incoming", "sorted", "results")


class FileOutbox:
    """A memory that keeps what a file would keep."""

    def __init__(self) -> None:
        self.text = ""

    def load_presence(self) -> SavedPresence | None:
        loaded: SavedPresence | None = json.loads(self.text) if self.text else None
        return loaded

    def save_presence(self, presence: SavedPresence) -> None:
        self.text = json.dumps(presence)


Make = Callable[..., Presence]


@pytest.fixture
def memory() -> FileOutbox:
    return FileOutbox()


@pytest.fixture
def instance(tmp_path: Path, memory: FileOutbox) -> Iterator[Make]:
    """Starts an instance on folders below tmp_path; again, it is the same one restarted."""
    made: list[Presence] = []

    def make(memory: FileOutbox = memory, **options: Any) -> Presence:
        options = {"fstab": tmp_path / "no-fstab"} | options
        made.append(Presence({n: tmp_path / "share" / n for n in NAMES}, memory, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def unmount(place: Path) -> None:
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


# --- the first start ------------------------------------------------------------------------------


def test_first_start_makes_and_marks_the_folders(instance: Make, share: Path) -> None:
    presence = instance()
    presence.adopt()
    assert presence.check() == {}
    for name in NAMES:
        marker = json.loads((share / name / ".nightsort").read_text())
        assert marker["folder"] == name
    assert presence.devices == {name: share.stat().st_dev for name in NAMES}


def test_folders_with_photos_in_them_are_adopted_as_they_are(instance: Make, share: Path) -> None:
    (share / "incoming").mkdir(parents=True)
    (share / "incoming" / "shirt.jpg").write_bytes(b"photo")
    presence = instance()
    presence.adopt()
    assert presence.check() == {}
    assert (share / "incoming" / "shirt.jpg").read_bytes() == b"photo"


def test_restart_finds_what_it_adopted(instance: Make, share: Path) -> None:
    instance().adopt()
    before = {name: (share / name / ".nightsort").read_text() for name in NAMES}
    again = instance()
    again.adopt()
    assert again.check() == {}
    assert {name: (share / name / ".nightsort").read_text() for name in NAMES} == before


def test_folder_that_cannot_be_made_is_an_error_of_the_settings_and_all_are_named(
    instance: Make, share: Path
) -> None:
    share.write_text("a file where a folder should be")
    with pytest.raises(ConfigError) as caught:
        instance().adopt()
    for line, name in zip(str(caught.value).splitlines(), NAMES, strict=True):
        assert line.startswith(f"{name}_dir {share / name}: ")


def test_folder_that_may_not_be_written_is_an_error_of_the_settings_except_incoming(
    instance: Make, share: Path
) -> None:
    for name in NAMES:
        (share / name).mkdir(parents=True)
        (share / name).chmod(0o555)
    with like_an_ordinary_user():
        presence = instance()
        with pytest.raises(ConfigError) as caught:
            presence.adopt()
        assert [line.split()[0] for line in str(caught.value).splitlines()] == [
            "sorted_dir",
            "results_dir",
        ]
        assert set(presence.check()) == {"sorted", "results"}
    assert not (share / "incoming" / ".nightsort").exists()


@pytest.mark.parametrize("inner", ["sorted", "results"])
@pytest.mark.parametrize("below", ["", "below"])
def test_folder_that_a_link_leads_into_incoming_is_refused_and_nothing_is_made_there(
    instance: Make, share: Path, inner: str, below: str
) -> None:
    (share / "incoming").mkdir(parents=True)
    (share / "incoming" / "shirt.jpg").write_bytes(b"photo")
    (share / inner).symlink_to(share / "incoming" / below)
    presence = instance()
    with pytest.raises(ConfigError, match=f"{inner}_dir .*by way of|of a link, in {inner}_dir"):
        presence.adopt()
    assert inner in presence.check()
    assert {path.name for path in (share / "incoming").iterdir()} == {".nightsort", "shirt.jpg"}


def test_folder_that_becomes_a_link_into_incoming_is_unavailable(
    instance: Make, share: Path
) -> None:
    presence = instance()
    presence.adopt()
    assert presence.check() == {}
    (share / "sorted").rename(share / "incoming" / "sorted")
    (share / "sorted").symlink_to(share / "incoming" / "sorted")
    assert "give each a folder of its own" in presence.check()["sorted"]


def test_first_start_before_the_share_is_mounted_does_not_adopt_the_empty_folder(
    instance: Make, share: Path, tmp_path: Path
) -> None:
    incoming = share / "incoming"
    incoming.mkdir(parents=True)
    fstab = tmp_path / "fstab"
    fstab.write_text(f"//nas/photos {incoming} cifs _netdev 0 0\n")
    presence = instance(fstab=fstab)
    presence.adopt()
    why = presence.check()
    assert list(why) == ["incoming"]
    assert f"//nas/photos on {incoming}" in why["incoming"]
    assert f"mount {incoming}" in why["incoming"]
    assert is_empty(incoming)
    with mounted_tmpfs(incoming):
        assert presence.check() == {}
        assert (incoming / ".nightsort").exists()


# --- later ----------------------------------------------------------------------------------------


def test_marker_deleted_by_hand_is_put_back(instance: Make, share: Path) -> None:
    presence = instance()
    presence.adopt()
    marker = share / "incoming" / ".nightsort"
    before = marker.read_text()
    marker.unlink()
    with capture_logs() as logs:
        assert presence.check() == {}
    assert marker.read_text() == before
    assert [entry["event"] for entry in logs] == ["marker_restored"]


@pytest.mark.parametrize("name", NAMES)
def test_folder_that_is_gone_is_unavailable_until_it_is_back(
    instance: Make, share: Path, name: str
) -> None:
    presence = instance()
    presence.adopt()
    (share / name).rename(share / "elsewhere")
    why = presence.check()
    assert list(why) == [name]
    assert "does not exist" in why[name]
    assert not (share / name).exists()
    (share / "elsewhere").rename(share / name)
    assert presence.check() == {}


def test_another_folder_in_its_place_is_unavailable_and_stays_untouched(
    instance: Make, share: Path
) -> None:
    presence = instance()
    presence.adopt()
    (share / "sorted").rename(share / "elsewhere")
    (share / "sorted").mkdir()
    assert "is missing" in presence.check()["sorted"]
    assert is_empty(share / "sorted")
    presence.adopt()
    assert "sorted" in presence.check()
    presence.adopt(force=True)
    assert presence.check() == {}


def test_unmounted_share_is_unavailable_and_the_folder_below_stays_empty(
    instance: Make, share: Path
) -> None:
    folders = [share / name for name in NAMES]
    for folder in folders:
        folder.mkdir(parents=True)
    presence = instance()
    with mounted_tmpfs(share / "sorted"):
        presence.adopt()
        assert presence.check() == {}
        mounted = presence.devices["sorted"]
        assert mounted == (share / "sorted").stat().st_dev
        unmount(share / "sorted")
        why = presence.check()
        assert presence.devices["sorted"] == mounted != (share / "sorted").stat().st_dev
        assert list(why) == ["sorted"]
        assert "adopted on nightsort-test (tmpfs)" in why["sorted"]
        assert "doctor --adopt" in why["sorted"]
        assert is_empty(share / "sorted")


def test_share_mounted_again_is_available_again(instance: Make, share: Path) -> None:
    (share / "incoming").mkdir(parents=True)
    presence = instance()
    with mounted_tmpfs(share / "incoming"):
        presence.adopt()
        aside = share / "aside"
        aside.mkdir()
        subprocess.run(["mount", "--bind", share / "incoming", aside], check=True)
        try:
            unmount(share / "incoming")
            assert list(presence.check()) == ["incoming"]
            subprocess.run(["mount", "--bind", aside, share / "incoming"], check=True)
            assert presence.check() == {}
        finally:
            unmount(aside)


def test_another_share_of_the_same_name_is_unavailable(instance: Make, share: Path) -> None:
    """A NAS that exports the empty folder below its own disk, or a fresh tmpfs, as here."""
    (share / "incoming").mkdir(parents=True)
    presence = instance()
    with mounted_tmpfs(share / "incoming"):
        presence.adopt()
        unmount(share / "incoming")
        with mounted_tmpfs(share / "incoming"):
            assert "is missing" in presence.check()["incoming"]
            assert is_empty(share / "incoming")


def test_first_start_before_the_mount_is_noticed_when_the_mount_comes(
    instance: Make, share: Path
) -> None:
    presence = instance()
    presence.adopt()
    with mounted_tmpfs(share / "incoming"):
        assert "nightsort-test (tmpfs) now" in presence.check()["incoming"]
        presence.adopt(force=True)
        assert presence.check() == {}
        unmount(share / "incoming")
        assert list(presence.check()) == ["incoming"]


def test_what_another_process_adopted_counts_here_at_once(instance: Make, share: Path) -> None:
    daemon = instance()
    daemon.adopt()
    with mounted_tmpfs(share / "results"):
        assert list(daemon.check()) == ["results"]
        instance().adopt(force=True)  # nightsort doctor --adopt
        assert daemon.check() == {}


def test_two_instances_never_share_a_folder(instance: Make, share: Path) -> None:
    first, second = instance(), instance(memory=FileOutbox())
    first.adopt()
    second.adopt()
    why = second.check()
    assert list(why) == list(NAMES)
    assert all("another nightsort" in sentence for sentence in why.values())
    assert first.check() == {}
    second.adopt(force=True)
    assert second.check() == {}
    assert list(first.check()) == list(NAMES)


def test_of_two_that_start_at_once_one_gets_each_folder(instance: Make, share: Path) -> None:
    instances = [instance(memory=FileOutbox()) for _ in range(6)]
    start = threading.Barrier(len(instances))

    def go(one: Presence) -> None:
        start.wait()
        one.adopt()

    threads = [threading.Thread(target=go, args=[one]) for one in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in NAMES:
        assert sum(name not in one.check() for one in instances) == 1


def test_marker_that_another_has_written_a_moment_ago_is_not_overwritten(tmp_path: Path) -> None:
    probe.mark(str(tmp_path), ".nightsort", "theirs", replace=False)
    with pytest.raises(FileExistsError):
        probe.mark(str(tmp_path), ".nightsort", "mine", replace=False)
    assert (tmp_path / ".nightsort").read_text() == "theirs"


def test_folder_that_may_no_longer_be_entered_is_unavailable(instance: Make, share: Path) -> None:
    with like_an_ordinary_user():
        presence = instance()
        presence.adopt()
        (share / "incoming").chmod(0)
        assert "access refused" in presence.check()["incoming"]
        (share / "incoming").chmod(0o700)
        assert presence.check() == {}


def test_marker_replaced_by_a_link_is_not_followed(
    instance: Make, share: Path, tmp_path: Path
) -> None:
    presence = instance()
    presence.adopt()
    secret = tmp_path / "secret"
    secret.write_text("do not touch")
    marker = share / "incoming" / ".nightsort"
    marker.unlink()
    marker.symlink_to(secret)
    assert presence.check() == {}
    assert not marker.is_symlink()
    assert secret.read_text() == "do not touch"


def test_name_that_is_no_utf8_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"eing\xe4nge\n")
    presence = Presence({"incoming": folder}, FileOutbox())
    try:
        presence.adopt()
        assert presence.check() == {}
        folder.rename(tmp_path / "x")
        assert "\n" not in presence.check()["incoming"]
    finally:
        presence.close()


# --- what hangs -----------------------------------------------------------------------------------


def helper_of(presence: Presence) -> int:
    helper = presence._prober._helper
    assert helper is not None
    return helper._process.pid


def test_folder_that_hangs_is_unavailable_and_hangs_nobody_else(instance: Make) -> None:
    presence = instance(timeout_s=5.0)
    presence.adopt()
    hung = helper_of(presence)
    os.kill(hung, signal.SIGSTOP)  # as a dead mount would stop it
    why = presence.check()
    assert list(why) == ["incoming"]
    assert "does not answer within 5 s" in why["incoming"]
    started = time.monotonic()
    assert list(presence.check()) == ["incoming"]
    assert time.monotonic() - started < 4.5  # nobody waits for it a second time
    os.kill(hung, signal.SIGCONT)
    eventually(lambda: presence.check() == {})


def test_helper_that_was_killed_is_replaced(instance: Make) -> None:
    presence = instance()
    presence.adopt()
    os.kill(helper_of(presence), signal.SIGKILL)
    assert presence.check() == {}


def test_helper_leaves_signals_to_the_daemon(instance: Make) -> None:
    presence = instance()
    presence.adopt()
    helper = helper_of(presence)
    os.kill(helper, signal.SIGINT)
    os.kill(helper, signal.SIGTERM)
    assert presence.check() == {}
    assert helper_of(presence) == helper


def test_helper_ends_with_the_daemon(instance: Make) -> None:
    presence = instance()
    presence.adopt()
    helper = helper_of(presence)
    presence.close()
    assert not Path(f"/proc/{helper}").exists()


def test_forced_adoption_of_a_folder_that_hangs_is_an_error(instance: Make) -> None:
    presence = instance(timeout_s=2.0)  # a busy machine must not look like a hung share
    presence.adopt()
    os.kill(helper_of(presence), signal.SIGSTOP)
    with pytest.raises(ConfigError, match=r"incoming_dir .* does not answer"):
        presence.adopt(force=True)

"""One daemon for each state folder, and one user; the kernel's lock tells."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.errors import ConfigError, RefusedError
from daemon.folders.locks import LOCK, InUse, hold, is_held, prepare
from tests.support.disks import read_only
from tests.support.rights import like_an_ordinary_user

_HOLDER = """
import sys
from pathlib import Path
from daemon.folders.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def holder(state: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until it is ended."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_folder_is_made_and_only_owner_and_group_may_enter_it(state: Path) -> None:
    with hold(state):
        assert state.stat().st_mode & 0o777 == 0o750


def test_folder_is_held_until_the_end_and_not_before(state: Path) -> None:
    assert not is_held(state)
    with hold(state):
        assert is_held(state)
    assert not is_held(state)


def test_looking_changes_nothing(state: Path) -> None:
    is_held(state)
    assert not state.exists()


def test_second_process_is_refused_and_told_who_has_it(
    state: Path, holder: subprocess.Popen[str]
) -> None:
    assert is_held(state)
    with pytest.raises(InUse, match=rf"process {holder.pid}\) works on this"), hold(state):
        pass
    assert is_held(state)


def test_killed_process_holds_nothing(state: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not is_held(state)
    with hold(state):
        assert is_held(state)


def test_lock_does_not_pass_to_child_processes(state: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with hold(state):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, close_fds=False)
    with child, hold(state):
        child.kill()


def test_glance_at_the_lock_never_refuses_who_wants_it(state: Path) -> None:
    state.mkdir()
    (state / LOCK).touch()
    glance = os.open(state / LOCK, os.O_RDONLY)
    fcntl.flock(glance, fcntl.LOCK_SH)
    timer = threading.Timer(0.05, os.close, [glance])
    timer.start()
    with hold(state):
        assert is_held(state)
    timer.join()


def test_file_in_place_of_the_folder_is_a_matter_of_settings(state: Path) -> None:
    state.touch()
    with pytest.raises(ConfigError, match=r"cannot be made \(File exists\)"), hold(state):
        pass


def test_folder_that_may_not_be_made_is_a_matter_of_settings(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with (
        like_an_ordinary_user(),
        pytest.raises(ConfigError, match=r"cannot be made \(Permission denied\)"),
        hold(tmp_path / "state"),
    ):
        pass


def test_lock_that_cannot_be_opened_says_why(state: Path) -> None:
    (state / LOCK).mkdir(parents=True)
    with pytest.raises(RefusedError, match=r"cannot be opened \(Is a directory\)"), hold(state):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_folder_of_another_user_is_refused_and_says_whose_it_is(state: Path) -> None:
    state.mkdir()
    os.chown(state, 65534, 65534)
    with pytest.raises(RefusedError) as caught, hold(state):
        pass
    assert "belongs to nobody, this is root" in str(caught.value)
    assert "runuser -u nobody -- nightsort" in str(caught.value)
    assert not (state / LOCK).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_user_without_a_name_is_named_by_number(state: Path) -> None:
    state.mkdir()
    os.chown(state, 54321, 54321)
    with pytest.raises(RefusedError, match="belongs to user 54321"), hold(state):
        pass


def test_a_disk_that_is_mounted_read_only_is_called_so(tmp_path: Path) -> None:
    with read_only(tmp_path), pytest.raises(RefusedError, match="is mounted read-only"):
        prepare(tmp_path)

"""What `nightsort status` says, and to whom."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.status import LiveStatus
from daemon.folders.locks import LOCK, hold
from daemon.health.status_file import (
    DEGRADED,
    HEALTHY,
    NOT_RUNNING,
    STATUS,
    StatusFile,
    in_words,
    read,
)
from tests.support.documents import as_read, part_of_status

NOBODY, GROUP = 65534, 4321
RUN = {
    "run": "20251013_020000", "finished": "2025-10-13T02:08:00+02:00", "successful": 4012,
    "review": 101, "duplicates": 1, "failed": 3, "deferred": 0,
}  # fmt: skip

LEARNING = {"adopt": "ask", "examples": 212, "new": 46, "last": None, "effect": None}


def document(**changes: Any) -> LiveStatus:
    folders = ("incoming", "sorted", "results")
    known: dict[str, Any] = {
        "state": "waiting",
        "share": dict.fromkeys(folders, "available"),
        "watch": {"mode": "native", "why": "ext4", "ignored": {"junk": 2, "not_a_photo": 0}},
        "judged_ahead": 300,
        "queue": {"waiting": 412, "settling": 1, "retrying": 2},
        "window": {"mode": "manual", "open": False, "opens": None, "closes": None},
        "forecast": None,
        "last_run": RUN,
        "week": RUN | {"runs": 2},
        "model": "fashion 1",
        "learning": LEARNING,
        "disk": {"sorted": 69_200},
        "alerts": {"targets": 2, "delivered": 7, "undelivered": 1, "open": ["disk_low"]},
        "problems": [],
        "left_alone": None,
        "undecided": {"photos": 14, "oldest": "2025-10-10T02:03:00+02:00"},
    }
    return part_of_status(**known | changes)


def shown(**changes: Any) -> dict[str, str]:
    """The screen: what stands beside each title."""
    lines = in_words(as_read(document(**changes))).splitlines()
    return {line[:17].strip(): line[17:] for line in lines}


def test_one_screen_says_all() -> None:
    assert shown() == {
        "State": "waiting",
        "Incoming folder": "available",
        "Sorted folder": "available",
        "Results folder": "available",
        "Watching": "native (ext4); left alone: 2 junk",
        "Queue": "412 waiting, 2 of them for a new try; 1 still being written",
        "Judged": "300 photos ahead of the run",
        "Window": "manual",
        "Last run": "20251013_020000, ended Mon 13 Oct 02:08: 4,012 filed, 101 to review, "
        "1 duplicate, 3 in quarantine, 0 left waiting",
        "To decide": "14 photos wait for a decision in all, since Fri 10 Oct",
        "This week": "2 runs: 4,012 filed, 101 to review, 1 duplicate, 3 in quarantine",
        "Model": "fashion 1",
        "Learning": "46 new examples, no lesson yet",
        "Free disk": "sorted 69.2 GB",
        "Alerts": "2 targets; 7 delivered; 1 on the way; open: disk low",
    }


def test_a_problem_stands_on_top_and_is_said_once() -> None:
    why = "since Mon 02:13: sorted_dir /srv/sorted does not answer within 5 s; check the server"
    share = {"incoming": "available", "sorted": why, "results": "available"}
    away = document(state="share unavailable", share=share, problems=[why])
    said = in_words(as_read(away)).splitlines()
    assert said[0].split(None, 1) == ["State", "share unavailable"]
    assert said[1].split(None, 1) == ["Problem", why]
    assert [line for line in said if why in line] == [said[1]]
    assert shown(share=share)["Sorted folder"] == "unavailable"


def test_nobody_to_tell_is_said() -> None:
    assert shown(alerts={"targets": 0})["Alerts"].startswith("nobody is told")


@pytest.mark.parametrize("problems", [[], ["sorted is away"]])
def test_the_exit_code_says_how_it_is(tmp_path: Path, problems: list[str]) -> None:
    StatusFile(tmp_path).tell(document(problems=problems))
    assert read(tmp_path)[1] == NOT_RUNNING
    with hold(tmp_path):
        assert read(tmp_path)[1] == (DEGRADED if problems else HEALTHY)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that belongs to a group, in a place that everybody may enter."""
    if os.geteuid() != 0:
        pytest.skip("only root may become somebody else")
    folder = Path(tempfile.mkdtemp(prefix="nightsort-test-", dir="/tmp"))
    try:
        StatusFile(folder).tell(document())
        with hold(folder):
            for place in (folder, *folder.iterdir()):
                os.chown(place, -1, GROUP)
            folder.chmod(0o750)
            yield folder
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("held_s", "silent_s", "state", "code"),
    [
        (10, None, "starting", DEGRADED),  # before its first word
        (40, 3600, "starting", DEGRADED),  # what is written is the one's before it
        (40, 35, "hangs", DEGRADED),  # it has spoken, and fell silent
        (3600, None, "hangs", DEGRADED),  # nothing takes that long
        (10, 20, "waiting", HEALTHY),
    ],
)  # fmt: skip
def test_a_daemon_that_starts_does_not_hang(
    tmp_path: Path, held_s: int, silent_s: int | None, state: str, code: int
) -> None:
    with hold(tmp_path):
        os.utime(tmp_path / LOCK, times=(time.time() - held_s,) * 2)
        if silent_s is not None:
            steady = time.clock_gettime(time.CLOCK_BOOTTIME) - silent_s
            (tmp_path / STATUS).write_text(json.dumps(document() | {"steady": steady}))
        said, seen = read(tmp_path)
    assert (said["state"], seen) == (state, code)


# A process of its own: who changes its user changes all its threads', which is fatal where one of
# them was started without the right to (see tests.support.rights).
AS_ANOTHER_USER = """
import grp, os, pwd, sys
from pathlib import Path
from config.errors import RefusedError
from daemon.health.status_file import read
state, user, group = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
read(state)  # what it imports is imported while the files can be read
os.setgroups([])
os.setegid(group)
os.seteuid(user)
try:
    print(read(state)[1])
except RefusedError as refused:
    print(refused)
"""


@pytest.mark.parametrize(("group", "answer"), [(GROUP, str(HEALTHY)), (NOBODY, "usermod")])
def test_whoever_is_in_the_group_may_look_and_nobody_else(
    state: Path, group: int, answer: str
) -> None:
    command = [sys.executable, "-c", AS_ANOTHER_USER, str(state), str(NOBODY), str(group)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert answer in done.stdout
    assert (done.stdout.strip() == answer) == (group == GROUP)

"""How a folder is listened to: the decision, and what is said when a limit is in the way."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

from daemon.intake.event_source import choose, limit_and_remedy

LOCAL = "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
SHARE = LOCAL + "28 27 0:50 / /srv/incoming rw - cifs //nas/incoming rw\n"
MIXED = LOCAL + "29 27 0:51 / /srv/incoming/table-2 rw - nfs4 nas:/t2 rw\n"
INCOMING = Path("/srv/incoming")


def test_a_local_folder_is_listened_to_by_events() -> None:
    assert choose("auto", INCOMING, LOCAL) == (
        "native",
        "ext4 on this machine tells of every change",
    )


def test_a_share_is_polled_and_the_reason_names_it() -> None:
    mode, why = choose("auto", INCOMING, SHARE)
    assert mode == "polling"
    assert "/srv/incoming is cifs" in why


def test_a_local_folder_with_a_share_inside_is_polled() -> None:
    mode, why = choose("auto", INCOMING, MIXED)
    assert mode == "polling"
    assert "/srv/incoming/table-2 is nfs4" in why


def test_the_setting_overrides_the_mount_and_says_what_that_costs() -> None:
    assert choose("polling", INCOMING, LOCAL)[0] == "polling"
    mode, why = choose("native", INCOMING, SHARE)
    assert mode == "native"
    assert "cifs does not tell" in why


def _limits(folder: Path, key: str, value: str) -> Path:
    file = folder.joinpath(*key.split("."))
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n")
    return folder


def test_too_few_watches_name_the_sysctl_with_a_larger_value(tmp_path: Path) -> None:
    sysctl = _limits(tmp_path, "fs.inotify.max_user_watches", "8192")
    limit, remedy = limit_and_remedy(OSError(errno.ENOSPC, ""), sysctl)
    assert limit == "fs.inotify.max_user_watches is 8192"
    assert "sysctl -w fs.inotify.max_user_watches=524288" in remedy


def test_a_limit_that_is_high_already_is_doubled(tmp_path: Path) -> None:
    sysctl = _limits(tmp_path, "fs.inotify.max_user_instances", "4096")
    _, remedy = limit_and_remedy(OSError(errno.EMFILE, ""), sysctl)
    assert "sysctl -w fs.inotify.max_user_instances=8192" in remedy


def test_a_limit_that_cannot_be_read_is_named_all_the_same(tmp_path: Path) -> None:
    assert limit_and_remedy(OSError(errno.ENFILE, ""), tmp_path)[0] == "fs.file-max"


def test_memory_that_is_used_up_is_no_sysctl() -> None:
    assert limit_and_remedy(OSError(errno.ENOMEM, ""))[0] == "memory"


def test_own_descriptors_used_up_are_told_from_inotify_instances() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len([*Path("/proc/self/fd").iterdir()])
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, used + 32), hard))
    held: list[int] = []
    try:
        while True:
            try:
                held.append(os.dup(0))
            except OSError:
                break
        limit, remedy = limit_and_remedy(OSError(errno.EMFILE, ""))
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert limit == "open files of this process"
    assert "LimitNOFILE=" in remedy

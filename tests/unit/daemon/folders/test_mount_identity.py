"""By what a folder is known again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.folders.mount_identity import Home, home_of, is_same_folder, on_same_disk, uuid_of
from daemon.folders.mounts import Mount

DISK = Home("/dev/sda1", "ext4", "1234", "/srv/incoming", 5000)
SHARE = Home("//nas/photos", "cifs", "", "/incoming", 70_000)


def test_home_is_the_same_in_a_service_that_systemd_gives_mounts_of_its_own() -> None:
    path = Path("/srv/photos/incoming")
    outside = Mount(Path("/"), "/dev/sda1", "ext4", "/", "8:1")
    inside = Mount(path, "/dev/sda1", "ext4", "/srv/photos/incoming", "8:1")
    assert home_of(outside, path, 7, "") == home_of(inside, path, 7, "")


def test_home_does_not_depend_on_what_client_and_server_call_the_protocol() -> None:
    path = Path("/mnt/x")
    one = home_of(Mount(path, "//nas/photos/", "smb3", "/", "0:50"), path, 7, "")
    other = home_of(Mount(path, "//nas/photos", "cifs", "/", "0:61"), path, 7, "")
    assert one == other


def test_disk_that_changed_its_name_is_known_by_its_uuid() -> None:
    assert on_same_disk(DISK, replace(DISK, source="/dev/sdb1"))
    assert not on_same_disk(DISK, replace(DISK, uuid="5678"))


def test_without_a_uuid_the_source_decides() -> None:
    assert on_same_disk(replace(DISK, uuid=""), DISK)
    assert not on_same_disk(SHARE, replace(SHARE, source="//nas/other"))
    assert not on_same_disk(SHARE, replace(SHARE, fstype="nfs"))


def test_same_place_and_inode_on_the_same_disk_is_the_same_folder() -> None:
    assert is_same_folder(DISK, DISK)
    assert is_same_folder(SHARE, SHARE)
    assert not is_same_folder(DISK, replace(DISK, inode=5001))
    assert not is_same_folder(DISK, replace(DISK, inner="/srv/other"))
    assert not is_same_folder(DISK, SHARE)


@pytest.mark.parametrize("fstype", ["vfat", "exfat", "9p", "fuse.rclone", "fuse.sshfs"])
def test_an_inode_tells_nothing_where_it_is_made_up_at_each_mount(fstype: str) -> None:
    guessed = replace(SHARE, fstype=fstype)
    assert not is_same_folder(guessed, guessed)


@pytest.mark.parametrize("inode", [1, 2, 128, 256])
def test_the_topmost_folder_has_the_same_inode_on_every_disk_so_only_a_uuid_tells(
    inode: int,
) -> None:
    top = replace(DISK, inode=inode)
    assert is_same_folder(top, top)
    assert not is_same_folder(replace(top, uuid=""), replace(top, uuid=""))


def test_uuid_comes_from_the_notes_of_udev(tmp_path: Path) -> None:
    (tmp_path / "b8:1").write_text("S:disk/by-id/x\nE:ID_FS_UUID=12-34\nE:ID_FS_UUID_ENC=12-34\n")
    (tmp_path / "b8:2").write_text("E:ID_FS_TYPE=ext4\n")
    assert uuid_of(Mount(Path("/"), "/dev/sda1", "ext4", "/", "8:1"), tmp_path) == "12-34"
    assert uuid_of(Mount(Path("/"), "/dev/sda2", "ext4", "/", "8:2"), tmp_path) == ""
    assert uuid_of(Mount(Path("/"), "//nas/x", "cifs", "/", "0:40"), tmp_path) == ""

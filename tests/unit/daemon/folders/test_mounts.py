"""What a folder is mounted from, read from mountinfo."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.folders.mounts import (
    Mount,
    events_arrive,
    inner_path,
    missing_mount,
    mount_at,
    mount_of,
    mounts_below,
)

MOUNTINFO = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
28 27 8:17 / /srv rw - xfs /dev/sdb1 rw
29 28 0:50 / /srv/My\040Photos rw,relatime master:3 - cifs //nas/My\040Photos rw,vers=3.1.1
30 29 0:51 /sub /srv/My\040Photos/table-2 rw - nfs4 nas:/export rw
31 27 0:60 / /hidden/deep rw - tmpfs tmpfs rw
32 27 8:33 / /hidden rw - ext4 /dev/sdc1 rw
33 27 0:61 / /twice rw - tmpfs below rw
34 33 0:62 / /twice rw - tmpfs above rw
35 27 0:63 / /odd\134name\012x rw -  fuse.sshfs user@host:/a\011b rw
36 27 0:64 / /nosource rw - tmpfs  rw
"""


@pytest.mark.parametrize(
    ("path", "source", "fstype"),
    [
        ("/", "/dev/vda", "ext4"),
        ("/home/x", "/dev/vda", "ext4"),
        ("/srv", "/dev/sdb1", "xfs"),
        ("/srvother", "/dev/vda", "ext4"),
        ("/srv/My Photos/incoming", "//nas/My Photos", "cifs"),
        ("/srv/My Photos/table-2/x", "nas:/export", "nfs4"),
        ("/nosource/x", "", "tmpfs"),
    ],
)
def test_deepest_mount_that_holds_the_path(path: str, source: str, fstype: str) -> None:
    mount = mount_of(Path(path), MOUNTINFO)
    assert (mount.source, mount.fstype) == (source, fstype)


def test_mount_carries_its_point_root_and_device() -> None:
    assert mount_of(Path("/srv/My Photos/table-2/x"), MOUNTINFO) == Mount(
        Path("/srv/My Photos/table-2"), "nas:/export", "nfs4", "/sub", "0:51"
    )


def test_mount_hidden_under_a_later_one_is_not_taken() -> None:
    assert mount_of(Path("/hidden/deep/x"), MOUNTINFO).source == "/dev/sdc1"


def test_of_two_mounts_at_one_place_the_upper_is_taken() -> None:
    assert mount_of(Path("/twice/x"), MOUNTINFO).source == "above"


def test_first_root_that_is_its_own_parent_is_taken() -> None:
    assert mount_of(Path("/x"), "1 1 0:2 / / rw - rootfs rootfs rw\n").fstype == "rootfs"


def test_where_mountinfo_does_not_list_the_path_nothing_is_known() -> None:
    mount = mount_of(Path("/x"), "40 39 0:5 / /elsewhere rw - ext4 /dev/vdb rw\n")
    assert mount.fstype == "unknown"
    assert not events_arrive(mount)


def test_links_on_the_way_are_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/srv/My Photos")
    assert mount_of(tmp_path / "link" / "incoming", MOUNTINFO).fstype == "cifs"


def test_mounts_inside_a_folder_are_found() -> None:
    assert [m.fstype for m in mounts_below(Path("/srv"), MOUNTINFO)] == ["cifs", "nfs4"]
    assert mounts_below(Path("/srv/My Photos/table-2"), MOUNTINFO) == []


def test_this_machine_has_a_root_mount() -> None:
    assert mount_of(Path("/proc/self")).fstype == "proc"


@pytest.mark.parametrize(
    ("fstype", "device"),
    [
        *(("ext4", "8:1"), ("xfs", "253:0"), ("vfat", "8:17"), ("ntfs3", "8:1")),
        *(("fuseblk", "8:17"), ("tmpfs", "0:30"), ("btrfs", "0:31"), ("zfs", "0:32")),
        ("overlay", "0:33"),
    ],
)
def test_events_arrive_on_file_systems_of_this_machine_alone(fstype: str, device: str) -> None:
    assert events_arrive(Mount(Path("/x"), "source", fstype, "/", device))


@pytest.mark.parametrize(
    "fstype",
    [
        *("nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "vboxsf", "drvfs", "ceph", "afs"),
        *("glusterfs", "lustre", "autofs", "fuse.rclone", "fuse.sshfs", "fuse.bindfs", "fuse"),
        "never-heard-of",
    ],
)
def test_events_do_not_arrive_where_others_write_past_this_kernel(fstype: str) -> None:
    assert not events_arrive(Mount(Path("/x"), "source", fstype, "/", "0:40"))


def test_events_do_not_arrive_on_a_disk_that_several_machines_write() -> None:
    assert not events_arrive(Mount(Path("/x"), "/dev/dm-3", "ocfs2", "/", "253:3"))


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/", "/"),
        ("/home/x", "/home/x"),
        ("/srv/My Photos/incoming", "/incoming"),
        ("/srv/My Photos/table-2/x", "/sub/x"),
    ],
)
def test_inner_path_is_the_same_wherever_the_file_system_is_mounted(path: str, inner: str) -> None:
    assert inner_path(mount_at(Path(path), MOUNTINFO), Path(path)) == inner


FSTAB = r"""
# //nas/old  /srv/old  cifs  defaults  0 0
UUID=1234  /  ext4  defaults  0 1
UUID=abcd  none  swap  sw  0 0
//nas/photos  /mnt/photos  cifs  credentials=/etc/nas,_netdev  0 0
/dev/sdz1  /srv/My\040Photos  ext4  defaults  0 2
/home/x  /mnt/bound  none  bind  0 0
broken line
"""
LOCAL = "27 1 254:0 / / rw - ext4 /dev/vda rw\n"


@pytest.mark.parametrize("path", ["/mnt/photos", "/mnt/photos/incoming"])
def test_share_that_fstab_mounts_but_that_is_not_mounted_is_missing(path: str) -> None:
    assert missing_mount(Path(path), FSTAB, LOCAL) == ("//nas/photos", Path("/mnt/photos"))


def test_names_with_spaces_in_fstab_are_understood() -> None:
    missing = missing_mount(Path("/srv/My Photos/x"), FSTAB, LOCAL)
    assert missing == ("/dev/sdz1", Path("/srv/My Photos"))


@pytest.mark.parametrize("path", ["/srv/old/x", "/home/x", "/mnt/bound/x", "/mnt", "/"])
def test_folder_that_fstab_does_not_mount_misses_nothing(path: str) -> None:
    assert missing_mount(Path(path), FSTAB, LOCAL) is None


def test_mounted_share_is_not_missing() -> None:
    mounted = LOCAL + "30 27 0:50 / /mnt/photos rw - cifs //nas/photos rw\n"
    assert missing_mount(Path("/mnt/photos/incoming"), FSTAB, mounted) is None


def test_another_subvolume_of_the_same_disk_counts_as_mounted() -> None:
    mounted = (
        "27 1 0:30 /@ / rw - btrfs /dev/vda rw\n30 27 0:30 /@p /mnt/photos rw - btrfs /dev/vda rw\n"
    )
    assert missing_mount(Path("/mnt/photos/incoming"), FSTAB, mounted) is None


def test_unmounted_share_is_missing_also_in_a_service_with_mounts_of_its_own() -> None:
    inside = LOCAL + "30 27 254:0 /mnt/photos/incoming /mnt/photos/incoming rw - ext4 /dev/vda rw\n"
    assert missing_mount(Path("/mnt/photos/incoming"), FSTAB, inside) is not None

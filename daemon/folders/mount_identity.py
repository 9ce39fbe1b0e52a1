"""By what a folder is known again after a reboot, a remount, or in a service's own namespace.

The device number is another one after each boot, the mount point another one inside a service that
systemd gives mounts of its own; source, file system and the place within that stay. Pure, except
for `uuid_of`, which reads udev's notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.folders.mounts import Mount, inner_path

# The same file system under two names, by what client and server agreed on.
_FAMILY = {"nfs4": "nfs", "smb3": "cifs"}
# File systems that number their folders anew, or by guess, each time they are mounted.
_UNSTABLE = frozenset({"vfat", "msdos", "exfat", "vboxsf", "9p", "virtiofs", "drvfs"})
# What the topmost folder of a file system is numbered by (FUSE and tmpfs, ext4, zfs, xfs, btrfs):
# that of any other one has the same number, so it tells nothing.
_TOPMOST = frozenset({1, 2, 34, 64, 96, 128, 256})


@dataclass(frozen=True, slots=True)
class Home:
    """Where a folder lies."""

    source: str
    fstype: str
    uuid: str  # of the file system; empty when unknown
    inner: str  # the folder's path within the file system
    inode: int

    def __str__(self) -> str:
        return f"{self.source} ({self.fstype})"


def home_of(mount: Mount, path: Path, inode: int, uuid: str) -> Home:
    """The home of the folder `path`, absolute and without links, on `mount`."""
    source = mount.source.rstrip("/") or mount.source
    fstype = _FAMILY.get(mount.fstype, mount.fstype)
    return Home(source, fstype, uuid, inner_path(mount, path), inode)


def on_same_disk(one: Home, other: Home) -> bool:
    """Whether both are on the same file system.

    By its UUID where both know it: disks change their names (sda, sdb) from boot to boot.
    """
    if one.fstype != other.fstype:
        return False
    if one.uuid and other.uuid:
        return one.uuid == other.uuid
    return one.source == other.source


def is_same_folder(one: Home, other: Home) -> bool:
    """Whether both are certainly the same folder, without any help of a marker."""
    if not on_same_disk(one, other) or (one.inner, one.inode) != (other.inner, other.inode):
        return False
    if one.fstype in _UNSTABLE or one.fstype.startswith("fuse."):
        return False
    return one.inode not in _TOPMOST or bool(one.uuid and other.uuid)


def uuid_of(mount: Mount, udev: Path = Path("/run/udev/data")) -> str:
    """The UUID of the mounted file system, as udev noted it; empty when it did not.

    Not from /dev/disk, which a service with PrivateDevices= does not see.
    """
    try:
        notes = (udev / f"b{mount.device}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = (
        line.removeprefix("E:ID_FS_UUID=") for line in notes.splitlines() if "E:ID_FS_UUID=" in line
    )
    return next(found, "")

"""What a folder is mounted from, and whether that file system tells of changes.

Reads /proc/self/mountinfo and nothing else; `mount_at` is pure. Source: proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

# On a block device of this machine nobody else writes, except through these.
_SHARED_DISK = frozenset({"gfs2", "ocfs2", "gpfs"})
# Without a block device, yet nobody but this machine writes to them. Everything else without one
# (nfs, cifs, smb3, 9p, virtiofs, vboxsf, drvfs, ceph, afs, glusterfs, lustre, autofs, fuse.* and
# whatever comes) counts as silent: polling where events would do costs little, the reverse strands
# photos. That holds for fuse.bindfs and fuse.mergerfs too: what is written beneath them, past the
# mount, sends no event. fuseblk (NTFS, exFAT) has a block device.
_LOCAL_WITHOUT_DISK = frozenset(
    {"tmpfs", "ramfs", "devtmpfs", "overlay", "aufs", "btrfs", "zfs", "bcachefs", "ubifs"}
)
_NO_DISK = "0:"  # the major number of file systems without a block device


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo."""

    mount_point: Path
    source: str  # such as /dev/sda1, //nas/photos, nas:/photos
    fstype: str
    root: str  # which folder of the file system is mounted
    device: str  # such as 8:1; another one after each reboot


@dataclass(frozen=True, slots=True)
class _Line:
    id: str
    parent: str
    mount: Mount


def mount_of(path: Path, mountinfo: str | None = None) -> Mount:
    """The mount that holds `path`, links resolved; `path` need not exist.

    mountinfo: the text to read instead of the process's own.
    """
    return mount_at(
        Path(os.path.realpath(path)), read_mountinfo() if mountinfo is None else mountinfo
    )


def mount_at(path: Path, mountinfo: str) -> Mount:
    """The mount that holds `path`, which is absolute and without links.

    Goes from mount to mount as the kernel does, so that one hidden under a later one is not taken.
    """
    lines = list(_lines(mountinfo))
    known = {line.id for line in lines}
    inside = [line for line in lines if path.is_relative_to(line.mount.mount_point)]
    here = _first([x for x in inside if x.parent not in known or x.parent == x.id])
    if here is None:  # in a chroot that is no mount: mountinfo does not list what holds it
        return Mount(Path("/"), "unknown", "unknown", "/", "0:0")
    while inner := _first([x for x in inside if x.parent == here.id and x.id != here.id]):
        here = inner
    return here.mount


def mounts_below(path: Path, mountinfo: str | None = None) -> list[Mount]:
    """The mounts inside the folder `path`, deeper than it."""
    real = Path(os.path.realpath(path))
    mounts = (line.mount for line in _lines(read_mountinfo() if mountinfo is None else mountinfo))
    return [m for m in mounts if m.mount_point != real and m.mount_point.is_relative_to(real)]


def events_arrive(mount: Mount) -> bool:
    """Whether inotify tells of every change in this file system.

    False for network, cluster and FUSE file systems: others change them without this kernel.
    """
    if mount.fstype in _LOCAL_WITHOUT_DISK:
        return True
    return not mount.device.startswith(_NO_DISK) and mount.fstype not in _SHARED_DISK


def _first(lines: list[_Line]) -> _Line | None:
    """The one that a path meets first: nearest to the top, the earliest of several there."""
    return min(lines, key=lambda line: len(line.mount.mount_point.parts), default=None)


def read_mountinfo() -> str:
    """The mounts as this process sees them, now."""
    return MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")


def _lines(mountinfo: str) -> Iterator[_Line]:
    for text in mountinfo.split("\n"):
        left, separator, right = text.partition(" - ")
        if separator:
            number, parent, device, root, mount_point = left.split(" ")[:5]
            fstype, source = right.split(" ")[:2]
            mount = Mount(Path(_plain(mount_point)), _plain(source), fstype, _plain(root), device)
            yield _Line(number, parent, mount)


def _plain(text: str) -> str:
    r"""Undo mountinfo's octal escapes of space, tab, newline and backslash (\040)."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def inner_path(mount: Mount, path: Path) -> str:
    """Where `path` lies within the mounted file system, whatever part of that is mounted where."""
    return str(Path("/", mount.root, path.relative_to(mount.mount_point)))


def missing_mount(path: Path, fstab: str, mountinfo: str) -> tuple[str, Path] | None:
    """The source and mount point that should hold `path` but are not mounted; None if all is well.

    path: absolute and without links. Bind mounts are left out: they bring nothing from elsewhere.
    """
    planned = [entry for entry in _planned(fstab) if path.is_relative_to(entry[1])]
    if not planned:
        return None
    source, point = max(planned, key=lambda entry: len(entry[1].parts))
    above = mount_at(point.parent, mountinfo)
    here = mount_at(path, mountinfo)
    if (here.device, inner_path(here, path)) != (above.device, inner_path(above, path)):
        return None
    return source, point


def mount_point_for(path: Path, fstab: str, mountinfo: str) -> Path:
    """Where the file system that should hold `path` is mounted, or will be as fstab says.

    path: absolute and without links.
    """
    planned = [point for _, point in _planned(fstab) if path.is_relative_to(point)]
    here = mount_at(path, mountinfo).mount_point
    return max([here, *planned], key=lambda point: len(point.parts))


def _planned(fstab: str) -> Iterator[tuple[str, Path]]:
    """Source and mount point of what fstab mounts somewhere below the root."""
    for line in fstab.splitlines():
        source, point, _, options = (*line.split(), "", "", "", "")[:4]
        is_place = point.startswith("/") and point != "/" and not source.startswith("#")
        if is_place and not {"bind", "rbind"} & set(options.split(",")):
            yield _plain(source), Path(_plain(point))

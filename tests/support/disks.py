"""Real disks for tests: a second file system, tiny and strange mounts, folders that refuse.

What this machine cannot offer skips the test with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.waiting import DEADLINE_SECONDS

_DEADLINE_SECONDS = 15.0


def _need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def _need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS
    )
    if done.returncode != 0:
        pytest.skip(
            f"{command[0]} does not work here: {done.stderr.strip() or done.stdout.strip()}"
        )


@contextmanager
def other_file_system(besides: Path) -> Iterator[Path]:
    """A folder on another file system than `besides`."""
    own = besides.stat().st_dev
    for place in (Path("/dev/shm"), Path(tempfile.gettempdir())):
        if place.is_dir() and place.stat().st_dev != own:
            with tempfile.TemporaryDirectory(dir=place) as folder:
                yield Path(folder)
            return
    pytest.skip("/dev/shm is no file system of its own here")


@contextmanager
def sealed(folder: Path) -> Iterator[None]:
    """While this lasts nothing in `folder` can be made, renamed or removed, not even by root."""
    if os.geteuid() != 0:
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    _need("chattr")
    _run("chattr", "+i", folder)
    try:
        yield
    finally:
        _run("chattr", "-i", folder)


@contextmanager
def tiny_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system in memory that holds only `size`."""
    _need_root()
    _need("mount", "umount")
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "nightsort-test", folder)
    with _unmounted_afterwards(folder):
        yield folder


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """While this lasts, `folder` is a mount that is read-only."""
    _need_root()
    _run("mount", "--bind", folder, folder)
    with _unmounted_afterwards(folder):
        _run("mount", "-o", "remount,bind,ro", folder)
        yield


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """A mount of `kind`: "bindfs" (links, no flag), "exfat" and "rclone" (neither)."""
    _need_root()
    if not Path("/dev/fuse").exists():
        pytest.skip("/dev/fuse is missing")
    disk = folder / "disk"
    disk.mkdir()
    with {"bindfs": _bindfs, "exfat": _exfat, "rclone": _rclone}[kind](folder, disk):
        yield disk


@contextmanager
def _bindfs(folder: Path, disk: Path) -> Iterator[None]:
    _need("bindfs")
    (folder / "behind").mkdir()
    _run("bindfs", folder / "behind", disk)
    with _unmounted_afterwards(disk):
        yield


@contextmanager
def _exfat(folder: Path, disk: Path) -> Iterator[None]:
    _need("mount.exfat-fuse", "mkfs.exfat", "losetup")
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    _run("mkfs.exfat", image)
    device = subprocess.run(
        ["losetup", "--find", "--show", image], capture_output=True, text=True, check=False
    )
    if device.returncode != 0:
        pytest.skip(f"no loop device: {device.stderr.strip()}")
    try:
        _run("mount.exfat-fuse", device.stdout.strip(), disk)
        with _unmounted_afterwards(disk):
            yield
    finally:
        _run("losetup", "--detach", device.stdout.strip())


@contextmanager
def _rclone(folder: Path, disk: Path) -> Iterator[None]:
    _need("rclone", "fusermount")
    (folder / "behind").mkdir()
    command = [
        "rclone",
        "mount",
        "--vfs-cache-mode=writes",
        "--vfs-write-back=0s",
        str(folder / "behind"),
        str(disk),
    ]
    settings = {"RCLONE_CONFIG": os.devnull, "RCLONE_CACHE_DIR": str(folder / "cache")}
    with subprocess.Popen(
        command,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while not disk.is_mount():
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.skip("rclone cannot mount here")
                time.sleep(0.02)
            with _unmounted_afterwards(disk):
                yield
        finally:
            server.terminate()


@contextmanager
def _unmounted_afterwards(disk: Path) -> Iterator[None]:
    """A process that is just ending may keep it busy for a moment."""
    try:
        yield
    finally:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while subprocess.run(["umount", disk], capture_output=True, check=False).returncode != 0:
            if time.monotonic() > deadline:
                subprocess.run(["umount", "--lazy", disk], check=False)
                break
            time.sleep(0.05)

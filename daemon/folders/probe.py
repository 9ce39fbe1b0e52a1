"""The helper process that touches folders for `prober`, so that a hung mount hangs it alone.

Reads one request a line on stdin, answers each with one line on stdout, ends with its stdin. It is
started without site-packages and imports next to nothing: it must be small and start quickly.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TypedDict

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MARKER = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_MARKER = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST_MARKER_BYTES = 4096


class Question(TypedDict, total=False):
    """What is asked: to look at a folder, to make it, or to mark it."""

    do: str
    path: str
    marker: str  # the name of the marker's file
    text: str
    replace: bool


class Answer(TypedDict, total=False):
    """What came of it."""

    real: str  # the path without links
    errno: int  # there when the operating system refused
    device: int
    inode: int
    marker: str | None  # its text, or None when there is none
    is_writable: bool
    free_bytes: int
    total_bytes: int


def look(path: str, marker: str) -> Answer:
    """What the folder `path` is now; its marker's text, or None when there is none."""
    folder = os.open(path, _FOLDER)
    try:
        found, disk = os.fstat(folder), os.fstatvfs(folder)
        text = _read_marker(folder, marker)
        if text is None:
            with os.scandir(folder) as entries:
                next(entries, None)  # a dead server must not pass for a folder without marker
        return {
            "device": found.st_dev,
            "inode": found.st_ino,
            "marker": text,
            "is_writable": os.access(path, os.W_OK | os.X_OK, effective_ids=True),
            "free_bytes": disk.f_bavail * disk.f_frsize,
            "total_bytes": disk.f_blocks * disk.f_frsize,
        }
    finally:
        os.close(folder)


def _read_marker(folder: int, name: str) -> str | None:
    try:
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return ""  # somebody put a link or a folder there: no marker of anybody's
        fd = os.open(name, _MARKER, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        return os.read(fd, _LONGEST_MARKER_BYTES).decode("utf-8", "replace")
    finally:
        os.close(fd)


def make(path: str) -> Answer:
    """Make the folder, and those above it."""
    os.makedirs(path, exist_ok=True)  # noqa: PTH103 - pathlib takes long to import
    return {}


def mark(path: str, marker: str, text: str, replace: bool) -> Answer:
    """Write a marker; one that is there already stays, unless `replace`."""
    folder = os.open(path, _FOLDER)
    try:
        if replace:
            with suppress(FileNotFoundError):
                os.unlink(marker, dir_fd=folder)
        fd = os.open(marker, _NEW_MARKER, 0o644, dir_fd=folder)
        try:
            os.write(fd, text.encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        with suppress(OSError):  # some network mounts cannot
            os.fsync(folder)
    finally:
        os.close(folder)
    return {}


_ACTIONS: dict[str, Callable[..., Answer]] = {"look": look, "make": make, "mark": mark}


def answer(question: Question) -> Answer:
    """Do what is asked; an OSError comes back as its number."""
    action = _ACTIONS[question.pop("do")]
    real = os.path.realpath(question["path"])
    try:
        return {"real": real, **action(**question)}
    except OSError as exc:
        return {"real": real, "errno": exc.errno or 0}


def main() -> None:
    """Answer until stdin ends."""
    # Ctrl-C and systemd's stop are for the daemon; we end when it does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()

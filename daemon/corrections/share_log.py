"""Who moved a file on the share, as the file server's own log says: lines of Samba's full_audit.

What stands there is believed no further than that somebody of that name moved that file to where
it lies, since it was filed. Only the ends of the newest files are read; what cannot be read is
told once, and nobody is named.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from daemon.folders.os_errors import printable

log = structlog.get_logger()

_MOST_FILES = 50
_MOST_BYTES = 2_000_000  # of one file
_MOST_BYTES_IN_ALL = 8_000_000
_ROTATED = ("", ".1", ".old")
_SLACK = timedelta(minutes=1)  # clocks of file servers
_NOBODY = frozenset({"nobody", "guest", "root"})
# Samba's own log says when on a line before; a system log on the same. Of what follows such a line
# the first counts alone: the others are the rest of a name with a line's end in it, indented.
_HEADER = re.compile(r"\[(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)[^\]]*\] \S*vfs_full_audit")
_STAMP = r"(\d{4}-\d\d-\d\dT[\d:.]{8,15}(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
_LINE = re.compile(
    rf"(?:{_STAMP} [^|]{{0,100}}smbd_audit(?:\[\d+\])?: |  )"
    r"nightsort\|([^|]{1,64})\|[^|]*\|renameat\|ok\|(/[^|]*)\|(/[^|]*)"
)


@dataclass(frozen=True, slots=True)
class Rename:
    """A file or folder that somebody gave another name, or put elsewhere."""

    at: datetime
    person: str
    before: str  # full paths, as the server has them
    after: str


class ShareLog:
    """The log of the server of the share."""

    def __init__(self, pattern: str | None, root: str) -> None:
        """pattern: of the log's files; None: there is none. root: where sorted is, on this box."""
        self._pattern = pattern
        self._root = f"{root}/"
        self._read: tuple[object, Sequence[Rename]] = (None, ())
        self._problem = ""

    def mover(self, before: str, after: str, since: datetime) -> str | None:
        """Who moved a file of sorted from one place to another since then; None: nobody is named.

        Also by way of other places, and with the folder that it lies in: who did so last.
        """
        renames = [one for one in self._renames() if one.at >= since - _SLACK]
        tail = f"/{after}"
        roots = {one.after.removesuffix(after) for one in renames if one.after.endswith(tail)}
        found = (_mover(renames, root + before, root + after) for root in {self._root, *roots})
        return next((one for one in found if one is not None), None)

    def _renames(self) -> Sequence[Rename]:
        if self._pattern is None:
            return ()
        try:
            files = newest_files(self._pattern)
            if self._read[0] != files:
                self._read = files, sorted(read_all(files), key=lambda one: one.at)
            self._tell("")
        except OSError as exc:
            self._tell(f"{printable(exc.filename or self._pattern)}: {os.strerror(exc.errno or 0)}")
            return ()
        return self._read[1]

    def _tell(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.warning("share_log_unreadable", why=problem)
        self._problem = problem


Files = list[tuple[str, int, int]]  # name, size, time


def newest_files(pattern: str) -> Files:
    """The newest files of a log, rotated ones among them. Raises OSError where there is none."""
    place = Path(pattern)
    names = {found for end in _ROTATED for found in place.parent.glob(place.name + end)}
    # Packed ones are of days before, and take their time.
    found = [(str(name), name.stat()) for name in names if name.suffix != ".gz"]
    files = [(name, s.st_size, s.st_mtime_ns) for name, s in found if stat.S_ISREG(s.st_mode)]
    if not files:
        place.stat()  # says what is wrong
        raise OSError(errno.ENOENT, "", pattern)
    return sorted(files, key=lambda one: (-one[2], one[0]))[:_MOST_FILES]


def read_all(files: Files) -> Iterator[Rename]:
    """What these tell of files that were moved, the first first. Raises OSError."""
    left = _MOST_BYTES_IN_ALL
    for name, *_ in files:
        text = _end_of(name, min(left, _MOST_BYTES))
        left -= len(text)
        yield from renames_in(text)


def renames_in(text: str) -> Iterator[Rename]:
    """What lines of the log tell; all others are passed over."""
    at: datetime | None = None  # what the line before says
    for line in text.split("\n"):
        head, told, before = _HEADER.match(line), _LINE.fullmatch(line), at
        at = head and _time(f"{head[1]}-{head[2]}-{head[3]}T{head[4]}")
        if told is not None:
            stamp, person, *places = told.groups()
            when = before if stamp is None else _time(stamp)
            if when is not None and person.isprintable() and person.strip().lower() not in _NOBODY:
                yield Rename(when, person.strip(), *places)


def _end_of(name: str, most_bytes: int) -> str:
    """The end of a file, from a whole line on."""
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            file.seek(size - most_bytes)
            file.readline(most_bytes)
        return os.fsdecode(file.read(most_bytes))


def _time(stamp: str) -> datetime | None:
    """A time of the log; one without a zone is this box's, one without a year the last such."""
    try:
        if stamp[0].isdigit():
            return datetime.fromisoformat(stamp).astimezone()
        now = datetime.now().astimezone()
        at = datetime.strptime(f"{now.year} {stamp}", "%Y %b %d %H:%M:%S").astimezone()
        return at if at <= now + timedelta(days=1) else at.replace(year=at.year - 1)
    except (ValueError, OverflowError):
        return None


def _mover(renames: Sequence[Rename], before: str, after: str) -> str | None:
    """Follow a file from where it lies to where it was, backwards in time."""
    place, last = after, None
    for one in reversed(renames):
        rest = place.removeprefix(one.after)
        if rest == place or rest[:1] not in ("", "/"):
            continue
        place, last = one.before + rest, last or one.person
        if place == before:
            return last
    return None

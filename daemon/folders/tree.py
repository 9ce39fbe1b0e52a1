"""A folder that nightsort may touch, and nothing outside it.

Paths are relative to its root, with `/` between parts and undecodable bytes kept as surrogates.
Every path is walked part by part over folder descriptors that refuse links, so that neither `..`
nor a link, also one swapped in a moment ago, leads anywhere else. The root itself may be a link
and mounts below it are entered: both are the administrator's doing, people on a share can make
neither. A root that cannot be opened raises TransientError, lest an absent share look empty; other
errors of the operating system pass through as OSError, except where `open_file` translates them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.errors import FolderUnavailable, PhotoError, PhotoProblem
from daemon.domain.photos import Fingerprint
from daemon.folders.held_folders import HeldFolders
from daemon.folders.os_errors import REFUSED, printable, trouble

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO swapped in must not block us, a terminal not become ours.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# What an open, lstat or unlink answers when there is no such thing in this tree: a link or a
# file in place of a folder leads nowhere, and a name too long for the disk cannot be on it.
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})

SkipRule = Callable[[str], bool]
OnError = Callable[[str, OSError], None]
OnOther = Callable[[str, os.stat_result], None]

# Deeper than any warehouse files its photos; keeps the open descriptors of a walk below 150.
MAX_DEPTH = 64


class TooDeepError(OSError):
    """A walk does not go so deep: what lies there is there, and was not looked at."""


class _Own(threading.local):
    """What a thread holds open of a tree."""

    held: HeldFolders | None = None


class Tree:
    """One of the configured folders, with all that lies in it."""

    def __init__(self, root: Path, device: Callable[[], int | None] = lambda: None) -> None:
        """`root` need not exist yet; it is opened afresh at every use, as mounts come and go.

        device: on which device (st_dev) the root lies, as far as that is known; any other is not
        it, but what lies below its mount.
        """
        self.root = root
        self._device = device
        self._own = _Own()

    def full(self, relative: str) -> str:
        """The whole path of `relative`, for messages only: never open it."""
        return f"{self.root}/{relative}" if relative else str(self.root)

    @contextmanager
    def folder(
        self,
        relative: str = "",
        *,
        create: bool = False,
        mode: int | None = None,
        group: int | None = None,
    ) -> Iterator[int]:
        """A descriptor of the folder `relative`, closed at the end of the `with` block.

        create: make missing folders (never the root), durably, with `mode` and `group` as far as
        the disk lets us. Raises OSError (ENOENT for a missing folder, ENOTDIR for a link or file
        in its place), TransientError when the root itself is away.
        """

        def opened() -> int:
            return self._open(relative, create=create, mode=mode, group=group)

        held = self._own.held
        if held is not None:
            yield held.folder(relative, opened)
            return
        fd = opened()
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep open, for this thread, what `folder` opens until the end of the `with` block.

        For many files in few folders, and for a moment: who renames or unmounts a folder has to
        do with us meanwhile. One that is removed, or whose root is another by then, is opened anew.
        """
        if self._own.held is not None:
            yield
            return
        held = self._own.held = HeldFolders(self.root)
        try:
            yield
        finally:
            self._own.held = None
            held.close()

    def _open(self, relative: str, *, create: bool, mode: int | None, group: int | None) -> int:
        fd = self._open_root()
        try:
            for part in _parts(relative):
                inner = _open_or_make(fd, part, mode, group) if create else _open_folder(fd, part)
                os.close(fd)
                fd = inner
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _open_root(self) -> int:
        try:
            fd = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
        except OSError as exc:
            raise trouble(exc, str(self.root)) from exc
        expected = self._device()
        if expected is not None and os.fstat(fd).st_dev != expected:
            os.close(fd)
            raise FolderUnavailable(
                f"{printable(str(self.root))}: is not on the disk on which it was; check that the "
                "share is mounted"
            )
        return fd

    def require(self) -> None:
        """Raise TransientError unless the root can be opened, where it should be."""
        os.close(self._open_root())

    def open_file(self, relative: str) -> int:
        """A descriptor to read the regular file `relative`; the caller closes it.

        Raises FileNotFoundError when it is gone, PhotoError for what is no regular file or may
        not be read, TransientError when the folder does not answer.
        """
        try:
            return self._open_regular(relative)
        except OSError as exc:
            if exc.errno in ABSENT:
                raise FileNotFoundError(exc.errno, "gone", self.full(relative)) from exc
            if exc.errno in REFUSED:
                raise PhotoError(
                    PhotoProblem.UNREADABLE, "The file may not be read; check its access rights."
                ) from exc
            raise trouble(exc, self.full(relative)) from exc

    def _open_regular(self, relative: str) -> int:
        parent, name = split(relative)
        with self.folder(parent) as folder:
            # Asked first, because opening a device can already set it in motion.
            _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            fd = os.open(name, _FILE, dir_fd=folder)
        try:
            _require_regular(os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        return fd

    def sha256(self, relative: str) -> str:
        """Of the bytes of the regular file `relative`; empty when it is gone or may not be read.

        Raises TransientError when the folder does not answer.
        """
        try:
            with os.fdopen(self.open_file(relative), "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (FileNotFoundError, PhotoError):
            return ""
        except OSError as exc:
            raise trouble(exc, self.full(relative)) from exc

    def stat(self, relative: str) -> os.stat_result | None:
        """What lies at `relative`, links not followed; None when nothing does."""
        parent, name = split(relative)
        try:
            with self.folder(parent) as folder:
                return os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as exc:
            if exc.errno in ABSENT:
                return None
            raise

    def fingerprint(self, relative: str) -> Fingerprint | None:
        """The fingerprint of the regular file `relative`; None when there is none."""
        found = self.stat(relative)
        return None if found is None or not stat.S_ISREG(found.st_mode) else fingerprint_of(found)

    def seen(self, relative: str) -> Fingerprint | None:
        """As `fingerprint`; raises TransientError when the folder does not answer."""
        try:
            return self.fingerprint(relative)
        except OSError as exc:
            raise trouble(exc, self.full(relative)) from exc

    def names(self, relative: str = "") -> list[str]:
        """The names in the folder `relative`, sorted; none when it is missing.

        Raises TransientError when the folder does not answer.
        """
        try:
            with self.folder(relative) as fd, os.scandir(fd) as entries:
                return sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise trouble(exc, self.full(relative)) from exc

    def exists(self, relative: str) -> bool:
        """Whether anything has this name, be it a link to nowhere."""
        return self.stat(relative) is not None

    def walk(
        self,
        skip: SkipRule,
        *,
        under: str = "",
        on_error: OnError = lambda _path, _exc: None,
        on_other: OnOther = lambda _path, _found: None,
        max_depth: int = MAX_DEPTH,
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Every regular file below `under` with its lstat, lazily, in the disk's own order.

        skip: called with the path of each file and folder; True leaves it, and all below, out.
        on_error: told of each folder or file that could not be read; the walk goes on. Only a
        root that cannot be opened raises (TransientError).
        on_other: told of links, FIFOs, sockets and devices. Memory does not grow with the folder.
        """
        with self.folder(under) as fd:
            yield from _Walk(skip, on_error, on_other).files(fd, under, max_depth)


def split(relative: str) -> tuple[str, str]:
    """Folder and name of a file: "table-2/shirt.jpg" is ("table-2", "shirt.jpg")."""
    folder, _, name = relative.rpartition("/")
    if name in ("", ".", ".."):
        raise ValueError(f"not the path of a file inside a folder: {relative!r}")
    return folder, name


def join(folder: str, name: str) -> str:
    """The path of `name` in `folder`, where "" is the root."""
    return f"{folder}/{name}" if folder else name


def fingerprint_of(found: os.stat_result) -> Fingerprint:
    """The fingerprint in a stat result, each number fit for a database (64 bits, signed).

    Network and FUSE mounts number their files up to 2**64, and a file can be dated 2400.
    """
    return Fingerprint(
        signed(found.st_ino),
        found.st_size,
        signed(found.st_mtime_ns),
        signed(found.st_ctime_ns),
    )


def signed(number: int) -> int:
    """An inode or time as a database holds it: 64 bits, signed."""
    return (number + 2**63) % 2**64 - 2**63


def _parts(relative: str) -> list[str]:
    if not relative:
        return []
    parts = relative.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"not a path inside a folder: {relative!r}")
    return parts


def _open_folder(parent: int, name: str) -> int:
    return os.open(name, _FOLDER, dir_fd=parent)


def _open_or_make(parent: int, name: str, mode: int | None, group: int | None) -> int:
    try:
        return _open_folder(parent, name)
    except FileNotFoundError:
        pass
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return _open_folder(parent, name)  # somebody made it, or something else, meanwhile
    fd = _open_folder(parent, name)
    # Group first: a change of owner may clear the set-gid bit that `mode` carries.
    if group is not None:
        with suppress(OSError):
            os.fchown(fd, -1, group)
    if mode is not None:
        with suppress(OSError):
            os.fchmod(fd, mode)
    with suppress(OSError):  # some network mounts cannot; what they lose, the recovery finds
        os.fsync(parent)
    return fd


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise PhotoError(
            PhotoProblem.UNREADABLE, "This is a link or a special file, not a photo; remove it."
        )


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders that people know."""

    incoming: Tree
    sorted: Tree
    results: Tree


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk: what it leaves out and whom it tells."""

    skip: SkipRule
    on_error: OnError
    on_other: OnOther

    def files(self, fd: int, path: str, depth: int) -> Iterator[tuple[str, os.stat_result]]:
        """The files in the open folder `fd`; one below is entered at once, none remembered."""
        for entry in self._entries(fd, path):
            place = join(path, entry.name)
            if self.skip(place):
                continue
            try:
                inner = self._enter(fd, entry, depth)
                found = entry.stat(follow_symlinks=False) if inner is None else None
            except OSError as exc:
                if exc.errno != errno.ENOENT:  # gone since it was listed: nobody's trouble
                    self.on_error(place, exc)
                continue
            if inner is not None:
                try:
                    yield from self.files(inner, place, depth - 1)
                finally:
                    os.close(inner)
            elif found is not None and stat.S_ISREG(found.st_mode):
                yield place, found
            elif found is not None:
                self.on_other(place, found)

    def _entries(self, fd: int, path: str) -> Iterator[os.DirEntry[str]]:
        """What the open folder `fd` holds, up to the point where reading it fails."""
        try:
            with os.scandir(fd) as entries:
                yield from entries
        except OSError as exc:
            self.on_error(path, exc)

    @staticmethod
    def _enter(fd: int, entry: os.DirEntry[str], depth: int) -> int | None:
        """A descriptor of the folder `entry`, None for anything else."""
        if not entry.is_dir(follow_symlinks=False):
            return None
        if depth == 0:
            raise TooDeepError(errno.ELOOP, "folders nested too deep", entry.name)
        return _open_folder(fd, entry.name)

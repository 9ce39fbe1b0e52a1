"""Plans a photo's move to its final place, then makes it.

What to decide about a photo is the service's business; here is only where it goes, what it is
called there, and that it arrives whole, once, and without replacing anything.
"""

from __future__ import annotations

import grp
import os
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import date

from config.errors import ConfigError, DiskFull
from config.settings import FilingSettings
from daemon.domain.photos import Status
from daemon.domain.sorting import Move, Placement, Source
from daemon.domain.speech import speech
from daemon.folders.called import as_called
from daemon.folders.contents import drop, exists, look, sync_folder
from daemon.folders.listing import Listing
from daemon.folders.names import (
    DUPLICATES,
    NAME_BYTES,
    QUARANTINE,
    REVIEW,
    compare_key,
    numbered,
    plain_name,
    safe_folder,
    safe_name,
    with_suffix,
)
from daemon.folders.os_errors import printable, telling, trouble
from daemon.folders.own_files import PRIVATE_PREFIX
from daemon.folders.renaming import (
    CREATE,
    IMPOSSIBLE_NAME,
    Entry,
    Way,
    drop_reservation,
    rename_new,
)
from daemon.folders.rights import Rights
from daemon.folders.tree import ABSENT, Tree, join, split
from daemon.sorting.layout import Layout
from daemon.sorting.mover import Mover
from daemon.sorting.recovery import recover

__all__ = ["DUPLICATES", "QUARANTINE", "REVIEW", "Filer", "FilingPolicy"]

_MB = 1_000_000
USUAL_MINIMUM_BYTES = 512 * _MB
REASON_SUFFIX = ".reason.txt"
# A micro-batch goes into ten folders and more; a journal takes eight flushes in little more time
# than one (measured: 1.4 times the throughput with small photos).
_FLUSHES_AT_ONCE = 8
_REASON_MARK = b"nightsort keeps this name for a reason.\n"


@dataclass(frozen=True, slots=True)
class FilingPolicy:
    """Where and how photos are filed, in numbers that the operating system takes."""

    layout: str = "{category}"
    review_folder: bool = True
    group: int | None = None  # gid
    file_mode: int | None = None
    folder_mode: int | None = None
    min_free_bytes: int | None = 0  # None: a hundredth of the disk, USUAL_MINIMUM_BYTES at most
    language: str = "en"  # of the notes beside photos

    @classmethod
    def from_settings(cls, settings: FilingSettings, language: str = "en") -> FilingPolicy:
        """The policy that `settings` ask for; raises ConfigError for an unknown group."""
        return cls(
            settings.layout,
            settings.review_folder,
            _gid(settings.group),
            settings.file_mode,
            settings.folder_mode,
            None if settings.min_free_mb is None else settings.min_free_mb * _MB,
            language,
        )


def _gid(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(
            f'filing.group = "{group}": no such group on this machine; create it with groupadd, '
            "or correct the name"
        ) from None


class Filer:
    """Files photos of one incoming tree in one sorted tree.

    Every photo goes through `plan` (its Move is then recorded), `place`, and, with its whole
    micro-batch, `sync`; only after that may its outcome be recorded. Whenever `place` raises, or
    the process dies, the recorded Move goes to `recover`.
    """

    def __init__(
        self,
        incoming: Tree,
        sorted_tree: Tree,
        policy: FilingPolicy,
        *,
        reached: Callable[[str], None] = lambda _point: None,
        ways: Sequence[Way] | None = None,
    ) -> None:
        """reached: told of each point passed on the way; ways: of renaming (None: all known)."""
        self._incoming = incoming
        self._sorted = sorted_tree
        self._policy = policy
        self.say = speech(policy.language)
        self.layout = Layout(policy.layout)
        self._rights = Rights(policy.group, policy.file_mode, policy.folder_mode)
        self._mover = Mover(incoming, sorted_tree, self._rights, reached, ways)
        self._listing = Listing()
        self._flushers = ThreadPoolExecutor(_FLUSHES_AT_ONCE, "flush")
        self._reached = reached
        self._ways = ways

    def target_folder(self, status: Status, category: str | None, day: date) -> str:
        """The folder in sorted for a photo of that status; a category is needed for the filed."""
        match status:
            case Status.DUPLICATE:
                return DUPLICATES
            case Status.ERROR:
                return QUARANTINE
        if category is None:
            raise ValueError(f"a photo with status {status} needs a category")
        folder = safe_folder(category)
        if status is Status.REVIEW and self._policy.review_folder:
            return f"{REVIEW}/{folder}"
        return self.layout.folder(folder, day)

    def plan(self, source: Source, folder: str, taken: Container[str] = ()) -> Move:
        """The move of `source` to a free name in `folder`; touches nothing on disk.

        A folder that differs from `folder` in case or composition only takes its place.
        taken: targets that are planned but not yet placed, as they are or as `compare_key`.
        Raises TransientError when the folder cannot be looked into.
        """
        with ExitStack() as stack, telling(self._sorted.full(folder)):
            folder, fd, exists = self._nearest(stack, folder)
            limit = _name_limit(fd)
            name = safe_name(source.name, limit)
            if source.path in self._mover.impossible or _is_impossible(fd, name):
                self._mover.impossible.discard(source.path)
                name = plain_name(source.photo_id, name)

            def is_free(candidate: str) -> bool:
                target = join(folder, candidate)
                if target in taken or compare_key(target) in taken:
                    return False
                return not exists or not self._is_in(fd, candidate)

            name = _first_free(name, limit, is_free)
        target = join(folder, name)
        return Move(source.photo_id, source.path, target, source.fingerprint, source.sha256)

    def _nearest(self, stack: ExitStack, folder: str) -> tuple[str, int, bool]:
        """`folder` as it is called there, opened; while it does not exist, the root is opened.

        And whether it exists.
        """
        try:
            return folder, stack.enter_context(self._sorted.folder(folder)), True
        except FileNotFoundError:
            called = as_called(self._sorted, folder)
        if called != folder:
            with suppress(FileNotFoundError):
                return called, stack.enter_context(self._sorted.folder(called)), True
        return called, stack.enter_context(self._sorted.folder()), False

    def _is_in(self, folder: int, name: str) -> bool:
        return self._listing.holds(folder, name) or exists(Entry(folder, name))

    @property
    def copies(self) -> bool:
        """Whether photos have to be copied, as far as the last one told."""
        return self._mover.copies

    def place(self, move: Move) -> Placement:
        """Make `move`, without ever replacing anything.

        MOVED: the target holds the photo, byte for byte. COPIED: so it does, but the source may
        not be removed (or, for a file nobody may read on another disk: the source stays, and
        there is no target). NAME_TAKEN, GONE, CHANGED: nothing was filed. Raises TransientError
        when a disk fails; then only `recover` knows how far it came.
        """
        return self._mover.place(move)

    def recover(self, move: Move) -> Placement | None:
        """Finish or undo a move that was interrupted; None: the source is untouched.

        Afterwards the photo is in exactly one place. May be interrupted and called again.
        """
        placement = recover(self._mover, move)
        self.sync([move])
        return placement

    def sync(self, moves: Iterable[Move]) -> None:
        """Bring the names of a whole micro-batch to the disk, each folder once, targets first."""
        targets: dict[str, list[str]] = {}
        sources: dict[str, None] = {}
        for move in moves:
            folder, name = split(move.target)
            targets.setdefault(folder, []).append(name)
            sources[split(move.source)[0]] = None
        self._sync_all(self._sorted, targets)
        self._sync_all(self._incoming, {folder: [] for folder in sources})

    def _sync_all(self, tree: Tree, folders: Mapping[str, list[str]]) -> None:
        # Whatever one of them raises, all have ended when this does.
        under_way = [
            self._flushers.submit(self._sync_one, tree, folder, names)
            for folder, names in folders.items()
        ]
        wait(under_way)
        for flushed in under_way:
            flushed.result()

    def _sync_one(self, tree: Tree, folder: str, names: list[str]) -> None:
        try:
            with tree.folder(folder) as fd:
                sync_folder(fd)
                if names:
                    self._listing.add(fd, [name for name in names if exists(Entry(fd, name))])
        except OSError as exc:
            if exc.errno not in ABSENT:  # a person removed it, with all that was in it
                raise trouble(exc, tree.full(folder)) from exc

    def write_reason(self, target: str, text: str) -> None:
        """Write `text` beside the quarantined photo `target`, as "<name>.reason.txt".

        Whole or not at all; a reason that is there already is left alone.
        """
        folder, name = split(target)
        with ExitStack() as stack, telling(self._sorted.full(folder)):
            fd = stack.enter_context(self._rights.folder(self._sorted, folder))
            entry = Entry(fd, with_suffix(name, REASON_SUFFIX, _name_limit(fd)))
            # A reservation is what a crash left of a reason, on a disk that renames no other way.
            if look(entry) is None or drop_reservation(entry, _REASON_MARK):
                self._write_new(entry, text.encode(errors="backslashreplace"), target)

    def _write_new(self, entry: Entry, content: bytes, place: str) -> None:
        partial = Entry(entry.folder, f"{PRIVATE_PREFIX}-reason.part")
        drop(partial)
        fd = os.open(partial.name, CREATE, 0o666, dir_fd=partial.folder)
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                file.write(content)
            self._rights.give(fd, self._sorted.full(place))
            os.fsync(fd)
            rename_new(partial, entry, _REASON_MARK, self._reached, self._ways)
        except FileExistsError:
            drop(partial)
        except OSError:
            drop(partial)
            raise
        finally:
            os.close(fd)

    def free_bytes(self) -> int:
        """Free space for us on the disk of sorted; huge where a network mount does not say."""
        found = self._disk()
        return found.f_bavail * found.f_frsize if found.f_blocks else sys.maxsize

    def _disk(self) -> os.statvfs_result:
        with telling(str(self._sorted.root)), self._sorted.folder() as fd:
            return os.fstatvfs(fd)

    def _minimum_bytes(self) -> int:
        found = self._disk()
        return minimum_free_bytes(self._policy.min_free_bytes, found.f_blocks * found.f_frsize)

    def check_space(self) -> None:
        """Raise DiskFull when less is free than the administrator wants to keep."""
        free, minimum = self.free_bytes(), self._minimum_bytes()
        if free < minimum:
            raise DiskFull(
                f"{printable(str(self._sorted.root))}: only {free // _MB} MB free, "
                f"filing.min_free_mb is {minimum // _MB}; free some space"
            )


def minimum_free_bytes(wanted: int | None, disk_bytes: int) -> int:
    """What must stay free on a disk of that size; `wanted` None is the usual minimum."""
    return min(USUAL_MINIMUM_BYTES, disk_bytes // 100) if wanted is None else wanted


def _name_limit(folder: int) -> int:
    """The longest name, in bytes, that the disk of `folder` takes (eCryptfs: only 143)."""
    limit = os.fstatvfs(folder).f_namemax
    return limit if 64 <= limit < NAME_BYTES else NAME_BYTES


def _is_impossible(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as exc:
        return exc.errno in IMPOSSIBLE_NAME
    return False


def _first_free(name: str, limit: int, is_free: Callable[[str], bool]) -> str:
    """`name`, else with a free number; ten thousand twins cost a dozen looks, not ten thousand."""
    if is_free(name):
        return name
    low, high = 1, 2
    while not is_free(numbered(name, high, limit)):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if is_free(numbered(name, middle, limit)):
            high = middle
        else:
            low = middle
    return numbered(name, high, limit)

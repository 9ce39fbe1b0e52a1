"""Native events: hints where in incoming something may have arrived.

Owns the inotify watches, one on every folder, through watchdog's inotify layer: its reading
thread, its descriptors, its word of an overflow. Hints are kept without repeats, in bounded
number; when they do not fit, or the kernel lost some, `losses` says so and a look at everything
must follow. Nothing here decides whether a file is a photo worth taking.

Why not watchdog's `Observer` above that layer: measured on 7.1.0, it keeps quiet about a folder
that could not be watched (limit reached), about lost events, and about a root that is gone; it
lists whole folders in memory, and goes by paths where a link may have been swapped in.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

import structlog
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from config.errors import TransientError
from daemon.folders.tree import ABSENT, MAX_DEPTH, Tree, join
from daemon.intake.screening import Screening

log = structlog.get_logger()

# No IN_MODIFY: a slow upload would send thousands, and intake looks at the file itself anyway.
_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_EXCL_UNLINK
)
# No more watches, inotify instances, descriptors, memory.
LIMITS = frozenset({errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM})
_STOP_SECONDS = 5.0


class Loss(StrEnum):
    """What events can no longer be relied on for."""

    OVERFLOW = "overflow"  # some events were dropped
    LIMIT = "limit"  # some folder could not be watched: the kernel's limit is reached
    ROOT = "root"  # the watched folder itself was removed, renamed or unmounted


class Events:
    """Watches on every folder of a tree, and what they told."""

    def __init__(
        self, tree: Tree, screening: Screening, ring: Callable[[], None], capacity: int = 10_000
    ) -> None:
        """`ring` is called, from another thread, whenever there is something to take."""
        self._tree = tree
        self._screening = screening
        self._ring = ring
        self._capacity = capacity
        self._lock = threading.Lock()
        self._files: OrderedDict[str, None] = OrderedDict()
        self._folders: OrderedDict[str, None] = OrderedDict()
        self._losses: set[Loss] = set()
        # Which folder each watch is on, and under what number we asked for it.
        self._watches: dict[WatchDescriptor, tuple[str, CallbackId]] = {}
        self._by_path: dict[str, WatchDescriptor] = {}
        self._numbers = itertools.count()
        self._began_at: float | None = None  # with the event in hand (monotonic)
        self._inotify = InotifyFD()

    # --- for the watcher -------------------------------------------------------------------------

    def start(self) -> None:
        """Watch the whole tree. Raises OSError at a limit, TransientError when the root is away."""
        self._inotify.start()
        try:
            self.cover(*self._watch(""))
            if Loss.LIMIT in self._losses:
                raise OSError(errno.ENOSPC, "inotify watch limit reached")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all watches."""
        self._inotify.stop()
        if self._inotify.is_alive():
            self._inotify.join(_STOP_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the thread that hears the events still runs."""
        return self._inotify.is_alive()

    @property
    def busy_seconds(self) -> float:
        """How long that thread has been at one event; 0 when it waits for the next."""
        began = self._began_at
        return 0.0 if began is None else time.monotonic() - began

    @property
    def watches(self) -> int:
        """How many folders are watched."""
        return len(self._watches)

    @property
    def pending(self) -> bool:
        """Whether there is something to take."""
        return bool(self._files or self._folders or self._losses)

    def cover(self, *folders: str) -> None:
        """Watch every folder at and below `folders` that can be watched; "" is the root."""
        waiting = list(folders)
        while waiting:
            with self._noting_losses():
                waiting += self._watch(waiting.pop())

    def ensure(self, folder: str) -> None:
        """Watch `folder` unless it is watched already."""
        if folder not in self._by_path:
            self.cover(folder)

    def take_file(self) -> str | None:
        """The path of a file that changed; None when there is no more."""
        with self._lock:
            return _pop(self._files)

    def take_folder(self) -> str | None:
        """The path of a folder to look through; None when there is no more."""
        with self._lock:
            return _pop(self._folders)

    def take_losses(self) -> set[Loss]:
        """What was lost since the last call."""
        with self._lock:
            losses, self._losses = self._losses, set()
            return losses

    # --- called by watchdog, on its thread; must never raise, or the thread ends ------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Something changed in a watched folder."""
        self._began_at = time.monotonic()
        try:
            self._hear(event)
        except Exception:  # whatever it was, a look at everything makes up for it
            log.exception("event_not_understood", mask=event.mask)
            self._lose(Loss.OVERFLOW)
        finally:
            self._began_at = None

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """A watched folder is gone, by removal or unmounting."""
        with self._lock:
            is_root = self._by_path.get("") == wd
            if wd in self._watches:
                self._drop(wd)
        if is_root:
            self._lose(Loss.ROOT)

    def on_queue_overflow(self) -> None:
        """The kernel dropped events because they were not read in time."""
        self._lose(Loss.OVERFLOW)

    # --- inside ----------------------------------------------------------------------------------

    def _hear(self, event: InotifyEvent) -> None:
        with self._lock:
            watched = self._watches.get(event.wd)
        if watched is None:
            return
        folder, _ = watched
        if not event.name:
            if folder == "" and (event.is_delete_self or event.is_move_self):
                self._lose(Loss.ROOT)
            return
        path = join(folder, os.fsdecode(event.name))
        if event.mask & InotifyConstants.IN_ISDIR:
            self._hear_folder(path, event)
        elif not _has_left(event) and self._screening.may_be_photo(path):
            self._hint(self._files, path)

    def _hear_folder(self, path: str, event: InotifyEvent) -> None:
        if _has_left(event):
            self._forget(path)
        elif event.is_attrib and path in self._by_path:
            return  # its rights changed, what it holds did not
        elif not self._screening.is_junk(path):
            # Watch before looking: what arrives in between is seen twice rather than never.
            self.cover(path)
            self._hint(self._folders, path)

    def _hint(self, hints: OrderedDict[str, None], path: str) -> None:
        with self._lock:
            fits = path in hints or len(hints) < self._capacity
            if fits:
                hints[path] = None
        if fits:
            self._ring()
        else:
            self._lose(Loss.OVERFLOW)

    def _lose(self, loss: Loss) -> None:
        with self._lock:
            self._losses.add(loss)
        self._ring()

    def _watch(self, folder: str) -> list[str]:
        """Watch one folder; its sub-folders, which are not watched by that."""
        if folder.count("/") >= MAX_DEPTH:
            return []
        with self._tree.folder(folder) as fd:
            self._add(fd, folder)
            with os.scandir(fd) as entries:
                inner = [join(folder, e.name) for e in entries if e.is_dir(follow_symlinks=False)]
        return [path for path in inner if not self._screening.is_junk(path)]

    def _add(self, fd: int, folder: str) -> None:
        """Watch the open folder `fd`, and no longer whatever had this path before."""
        number = CallbackId(next(self._numbers))
        # Through the descriptor, so that nothing can be swapped in between check and watch.
        path = f"/proc/self/fd/{fd}".encode()
        with self._lock:
            wd = self._inotify.add_callback(path, _MASK, self, number)
            replaced = self._by_path.pop(folder, wd)
            before = [(old, self._drop(old)) for old in {wd, replaced} if old in self._watches]
            self._watches[wd] = (folder, number)
            self._by_path[folder] = wd
            self._inotify.remove_callbacks(before)

    def _drop(self, wd: WatchDescriptor) -> CallbackId:
        """Strike a watch off our books; the number that it has in watchdog's."""
        folder, number = self._watches.pop(wd)
        if self._by_path.get(folder) == wd:
            del self._by_path[folder]
        return number

    def _forget(self, folder: str) -> None:
        """Stop to watch a folder that was moved away, with all below."""
        with self._lock:
            below = f"{folder}/"
            gone = [wd for p, wd in self._by_path.items() if p == folder or p.startswith(below)]
            with suppress(OSError):
                self._inotify.remove_callbacks([(wd, self._drop(wd)) for wd in gone])

    @contextmanager
    def _noting_losses(self) -> Iterator[None]:
        """A folder that cannot be watched is no error here: the next look finds what it holds."""
        try:
            yield
        except TransientError:
            self._lose(Loss.ROOT)
        except OSError as exc:
            if exc.errno in LIMITS:
                self._lose(Loss.LIMIT)
            elif exc.errno not in ABSENT:
                log.debug("folder_not_watched", why=str(exc))


def _has_left(event: InotifyEvent) -> bool:
    return event.is_moved_from or event.is_delete


def _pop(hints: OrderedDict[str, None]) -> str | None:
    """The oldest hint, taken out."""
    return hints.popitem(last=False)[0] if hints else None

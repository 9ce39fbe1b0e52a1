"""How incoming is listened to: native events where they arrive, polling where they do not.

Decides by what the folder is mounted from, logs the choice and why, and notices when what was
decided no longer holds: the folder replaced or mounted over, events lost, their thread ended, the
kernel's limits reached. `heal` then listens afresh and says that everything must be looked at.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import structlog

from config.errors import TransientError
from config.sections import Observer
from daemon.folders.mounts import events_arrive, mount_of, mounts_below
from daemon.folders.os_errors import printable
from daemon.folders.tree import Tree
from daemon.intake.events import LIMITS, Events, Loss
from daemon.intake.screening import Screening

log = structlog.get_logger()

Mode = Literal["native", "polling"]
MakeEvents = Callable[[Tree, Screening, Callable[[], None]], Events]

# Between two checks that the root is still the one we listen to, and two attempts to listen.
CHECK_SECONDS = 1.0
# After the kernel's limit was reached; somebody has to raise it first.
NATIVE_RETRY_SECONDS = 600.0


def choose(observer: Observer, root: Path, mountinfo: str | None = None) -> tuple[Mode, str]:
    """How to listen to the folder `root`, and why.

    mountinfo: the text to read instead of the process's own.
    """
    mount = mount_of(root, mountinfo)
    if observer != "auto":
        silent = observer == "native" and not events_arrive(mount)
        but = f", although {mount.fstype} does not tell of what others change" if silent else ""
        return observer, f"the setting [intake] observer says so{but}"
    for place in (mount, *mounts_below(root, mountinfo)):
        if not events_arrive(place):
            where = printable(str(place.mount_point))
            return "polling", f"{where} is {place.fstype}, which tells of no remote changes"
    return "native", f"{mount.fstype} on this machine tells of every change"


class EventSource:
    """Listens to one folder."""

    def __init__(
        self,
        tree: Tree,
        screening: Screening,
        observer: Observer,
        ring: Callable[[], None],
        make_events: MakeEvents = Events,
    ) -> None:
        """`ring` is called, from another thread, when an event came."""
        self.mode: Mode = "polling"
        self.why = "not started yet"
        self.events: Events | None = None
        self._tree = tree
        self._screening = screening
        self._observer: Observer = observer
        self._ring = ring
        self._make_events = make_events
        self._root: tuple[int, int] | None = None  # device and inode; None while it is away
        self._is_away_told = False
        self._check_at = 0.0
        self._native_again_at: float | None = None  # after a limit was reached

    def healthy(self) -> bool:
        """Whether events are heard, or not relied on; False if their thread has ended."""
        events = self.events
        return events is None or events.alive

    def busy_seconds(self) -> float:
        """How long the thread that hears events has been at one of them; 0 when it waits."""
        events = self.events
        return 0.0 if events is None else events.busy_seconds

    @property
    def is_limited(self) -> bool:
        """Whether the kernel has no room for the events that are wanted."""
        return self._native_again_at is not None and self.events is None

    def start(self, now: float) -> None:
        """Begin to listen, or to wait until the folder is there."""
        self._check_at = now + CHECK_SECONDS
        try:
            self._root = self._identity()
            self.mode, self.why = self._choose()
            if self.mode == "native":
                self.events = self._listen(now)
        except (OSError, TransientError) as exc:
            self._lost(str(getattr(exc, "strerror", None) or exc))
            return
        self._is_away_told = False
        folder = printable(str(self._tree.root))
        log.info("watch_started", folder=folder, mode=self.mode, why=self.why)

    def stop(self) -> None:
        """End listening."""
        events, self.events = self.events, None
        self._root = None
        if events is not None:
            events.stop()

    def heal(self, now: float) -> bool:
        """Listen afresh where that has become necessary.

        Returns whether things may have been missed, so that everything must be looked at.
        """
        losses = self.events.take_losses() if self.events else set()
        broken = self._what_broke(losses, now)
        if broken is not None:
            if self._root is not None:
                log.warning("watch_interrupted", why=broken)
            self.stop()
            self.start(now)
            return self._root is not None
        if Loss.OVERFLOW in losses and self.events:
            log.warning("events_lost", why="more came at once than can be held; looking afresh")
            self.events.cover("")
        return bool(losses)

    def reconsider(self, now: float) -> None:
        """Listen in another way if the mounts have changed; asked before each look."""
        if self._root is not None and self._choose() != (self.mode, self.why):
            self.stop()
            self.start(now)

    def _what_broke(self, losses: set[Loss], now: float) -> str | None:
        """Why listening must begin afresh; None when it need not."""
        if Loss.LIMIT in losses:
            self._limit_reached(OSError(errno.ENOSPC, "inotify watch limit reached"), now)
            return "the kernel's limit on watches is reached"
        if Loss.ROOT in losses:
            return "the watched folder was removed, renamed or unmounted"
        if now < self._check_at:
            return None
        self._check_at = now + CHECK_SECONDS
        if not self.healthy():
            return "the thread that hears events has ended"
        if self._native_again_at is not None and now >= self._native_again_at:
            self._native_again_at = None
            return "time to try native events again"
        return self._is_replaced()

    def _is_replaced(self) -> str | None:
        try:
            identity = self._identity()
        except OSError as exc:
            return f"the watched folder is away ({exc.strerror})"
        return None if identity == self._root else "another folder lies where the watched one lay"

    def _identity(self) -> tuple[int, int]:
        found = self._tree.root.stat()
        return found.st_dev, found.st_ino

    def _choose(self) -> tuple[Mode, str]:
        mode, why = choose(self._observer, self._tree.root)
        if mode == "native" and self._native_again_at is not None:
            return "polling", "the kernel's limits on inotify are reached"
        return mode, why

    def _listen(self, now: float) -> Events | None:
        """Native events; None, and polling, where the kernel has no room for them."""
        try:
            events = self._make_events(self._tree, self._screening, self._ring)
            events.start()
        except OSError as exc:
            if exc.errno not in LIMITS:
                raise
            self._limit_reached(exc, now)
            self.mode, self.why = self._choose()
            return None
        return events

    def _limit_reached(self, exc: OSError, now: float) -> None:
        self._native_again_at = now + NATIVE_RETRY_SECONDS
        limit, remedy = limit_and_remedy(exc)
        log.warning("watch_limit_reached", limit=limit, remedy=remedy)

    def _lost(self, why: str) -> None:
        self._root = None
        if not self._is_away_told:
            self._is_away_told = True
            log.warning("watch_lost", folder=printable(str(self._tree.root)), why=why)


def limit_and_remedy(exc: OSError, sysctl: Path = Path("/proc/sys")) -> tuple[str, str]:
    """Which limit of the kernel `exc` ran into, with its value, and what an administrator can do.

    sysctl: where the kernel shows its limits.
    """
    if exc.errno == errno.ENOSPC:
        return _sysctl(sysctl, "fs.inotify.max_user_watches", 524_288)
    if exc.errno == errno.ENFILE:
        return _sysctl(sysctl, "fs.file-max", 1_048_576)
    if exc.errno == errno.EMFILE and not _is_out_of_descriptors():
        return _sysctl(sysctl, "fs.inotify.max_user_instances", 1024)
    if exc.errno == errno.EMFILE:
        return "open files of this process", "raise LimitNOFILE= in the unit of nightsort"
    return "memory", "free some memory on this machine"


def _sysctl(folder: Path, key: str, enough: int) -> tuple[str, str]:
    try:
        value = int(folder.joinpath(*key.split(".")).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return key, f"raise it: sysctl -w {key}={enough}"
    better = max(enough, 2 * value)
    setting = f"{key}={better}"
    return (
        f"{key} is {value}",
        f"sysctl -w {setting}; to keep it: a line {setting} in /etc/sysctl.d/",
    )


def _is_out_of_descriptors() -> bool:
    try:
        os.close(os.dup(0))
    except OSError as exc:
        return exc.errno == errno.EMFILE
    return False

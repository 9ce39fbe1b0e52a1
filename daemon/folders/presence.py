"""Presence: whether incoming, sorted and results are there, and are the folders they were.

Each carries a marker file with this instance's id, and the memory knows where each lies. Both
together tell a folder from the empty place where it is usually mounted, from another disk, and
from the folder of another nightsort. Who is told that a folder is unavailable must touch nothing
in it and conclude nothing from it. `adoption` judges; whatever touches a folder runs in a helper
process with a time-out (`prober`), as a dead share hangs whoever asks it.
"""

from __future__ import annotations

import errno
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypedDict, cast

import structlog

from config.errors import ConfigError
from config.settings import one_in_another
from daemon.folders.adoption import (
    MARKER,
    READ_ONLY_IS_FINE,
    Adopted,
    Folder,
    ForbiddenError,
    Owner,
    UnavailableError,
    judge,
    marker_text,
    owner_of,
)
from daemon.folders.mount_identity import Home, home_of, uuid_of
from daemon.folders.mounts import missing_mount, mount_at, read_mountinfo
from daemon.folders.os_errors import printable, trouble
from daemon.folders.probe import Answer, Question
from daemon.folders.prober import NoAnswerError, Prober

log = structlog.get_logger()

FSTAB = Path("/etc/fstab")
# How long a folder may take to answer before it counts as absent.
_PATIENCE_SECONDS = 5.0
_FORBIDDEN = frozenset(
    {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
)


class SavedPresence(TypedDict):
    """What is kept: whose the folders are, and as what each was adopted, by name."""

    instance: str
    folders: dict[str, SavedFolder]


class SavedFolder(TypedDict):
    """An `Adopted`."""

    home: SavedHome
    has_marker: bool


class SavedHome(TypedDict):
    """A `Home`."""

    source: str
    fstype: str
    uuid: str
    inner: str
    inode: int


class PresenceMemory(Protocol):
    """Where it is kept what was adopted, on the box's own disk."""

    def load_presence(self) -> SavedPresence | None:
        """What was saved last; None at the first start."""

    def save_presence(self, presence: SavedPresence) -> None:
        """Keep it, durably."""


class Presence:
    """The folders of this instance."""

    def __init__(
        self,
        folders: Mapping[str, Path],
        memory: PresenceMemory,
        *,
        timeout_s: float = _PATIENCE_SECONDS,
        fstab: Path = FSTAB,
    ) -> None:
        """`folders` by name: incoming, sorted, results. `timeout_s` is how long a call may hang."""
        self._folders = dict(folders)
        self._memory = memory
        self._timeout_s = timeout_s
        self._fstab = fstab
        self._prober = Prober(timeout_s)
        self._instance = ""
        self._adopted: dict[str, Adopted] = {}
        self._real: dict[str, Path] = {}  # by key, as far as looked at: without links
        self._devices: dict[str, int] = {}
        self._free_bytes: dict[str, int] = {}
        self._total_bytes: dict[str, int] = {}

    def adopt(self, force: bool = False) -> None:
        """Make or adopt the folders that never were; with `force`, all of them as they are now.

        A folder that cannot be reached yet is adopted by a later `check`, except with `force`.
        Raises ConfigError, which names every folder that cannot be made or written.
        """
        self._recall()
        problems = []
        for name in self._folders:
            if not force and name in self._adopted:
                continue
            try:
                self._take(name) if force else self._see(name)
            except ForbiddenError as exc:
                problems.append(str(exc))
            except UnavailableError as exc:
                problems += [str(exc)] if force else []
        if problems:
            raise ConfigError("\n".join(problems))

    def check(self) -> dict[str, str]:
        """Which folders are unavailable, each with a sentence that says why and what to do.

        Waits for a folder that hangs once, `timeout_s` at most; the next checks do not wait.
        """
        self._recall()
        absent = {}
        for name in self._folders:
            try:
                self._see(name)
            except UnavailableError as exc:
                absent[name] = str(exc)
        return absent

    @property
    def devices(self) -> dict[str, int]:
        """The device number (st_dev) that each folder had when it was last seen to be there.

        Another one at the same path means that the share went away since, and what lies there is
        not it.
        """
        return dict(self._devices)

    @property
    def free_bytes(self) -> dict[str, int]:
        """How much space each folder had left when it was last seen."""
        return dict(self._free_bytes)

    @property
    def total_bytes(self) -> dict[str, int]:
        """How large the disk of each folder was when it was last seen."""
        return dict(self._total_bytes)

    def close(self) -> None:
        """End the helper processes."""
        self._prober.close()

    # --- one folder ------------------------------------------------------------------------------

    def _see(self, name: str) -> None:
        """Look at a folder; make it, mark it, adopt it where that is due and right."""
        adopted = self._adopted.get(name)
        real, folder = self._look(name)
        if adopted is None:
            self._require_mounted(name, real)
            folder = folder or self._make(name)
        if folder is None:
            raise UnavailableError(
                f"{self._label(name)} does not exist; mount its share, or make the folder and run: "
                "nightsort doctor --adopt"
            )
        if judge(self._label(name), self._me(name), adopted, folder) == "mark":
            self._mark(name, folder, replace=folder.marker is not None)
        else:
            self._remember(name, Adopted(folder.home, has_marker=folder.marker is not None))
        self._devices[name] = folder.device

    def _take(self, name: str) -> None:
        """Adopt a folder as it is now, whatever it was."""
        _, folder = self._look(name)
        self._adopted.pop(name, None)
        self._mark(name, folder or self._make(name), replace=True)
        self._see(name)

    def _look(self, name: str) -> tuple[Path, Folder | None]:
        """The path without links, and the folder as it is now; None when there is none."""
        answer = self._ask(name, {"do": "look", "marker": MARKER})
        path = self._real[f"{name}_dir"] = Path(answer["real"])
        self._require_apart(name)
        if answer.get("errno") == errno.ENOENT:
            return path, None
        self._require_success(name, answer)
        self._free_bytes[name] = answer["free_bytes"]
        self._total_bytes[name] = answer["total_bytes"]
        mount = mount_at(path, read_mountinfo())
        folder = Folder(
            home=home_of(mount, path, answer["inode"], uuid_of(mount)),
            device=answer["device"],
            marker=answer["marker"],
            is_writable=answer["is_writable"],
        )
        return path, folder

    def _require_apart(self, name: str) -> None:
        """Settings keep the folders apart by their names; a link may lead one into another."""
        inside = one_in_another(self._real)
        if inside is not None and f"{name}_dir" in inside:
            key, other = inside
            raise ForbiddenError(
                f"{key} {printable(str(self._real[key]))} lies, by way of a link, in {other} "
                f"{printable(str(self._real[other]))}; give each a folder of its own"
            )

    def _require_mounted(self, name: str, path: Path) -> None:
        """Take nothing for the folder that lies where a share should be mounted, but is not yet."""
        try:
            fstab = self._fstab.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return
        missing = missing_mount(path, fstab, read_mountinfo())
        if missing is not None:
            source, point = (printable(str(part)) for part in missing)
            raise UnavailableError(
                f"{self._label(name)} is not there yet: {FSTAB} mounts {source} on {point}, which "
                f"is not mounted; run: mount {point} - or, if the folder below it is meant, run: "
                "nightsort doctor --adopt"
            )

    def _make(self, name: str) -> Folder:
        self._require_success(name, self._ask(name, {"do": "make"}))
        _, folder = self._look(name)
        if folder is None:
            raise UnavailableError(f"{self._label(name)} was removed as soon as it was made")
        return folder

    def _mark(self, name: str, folder: Folder, *, replace: bool) -> None:
        """Write the marker, and remember the folder as adopted."""
        text = marker_text(self._me(name))
        answer = self._ask(name, {"do": "mark", "marker": MARKER, "text": text, "replace": replace})
        if answer.get("errno") == errno.EEXIST:
            raise UnavailableError(f"{self._label(name)} is being adopted by another nightsort")
        is_refused = answer.get("errno") in _FORBIDDEN and name in READ_ONLY_IS_FINE
        if not is_refused:
            self._require_success(name, answer)
        event = "marker_restored" if name in self._adopted else "folder_adopted"
        self._remember(name, Adopted(folder.home, has_marker=not is_refused))
        log.info(event, folder=name, path=str(self._folders[name]), home=str(folder.home))

    # --- asking and remembering ------------------------------------------------------------------

    def _ask(self, name: str, request: Question) -> Answer:
        try:
            return self._prober.ask(str(self._folders[name]), request)
        except NoAnswerError as exc:
            raise UnavailableError(
                f"{self._label(name)} does not answer within {self._timeout_s:g} s; check the "
                "share's server and the network"
            ) from exc
        except OSError as exc:
            raise UnavailableError(f"{self._label(name)} could not be looked at: {exc}") from exc

    def _require_success(self, name: str, answer: Answer) -> None:
        number = answer.get("errno")
        if number is not None:
            kind = ForbiddenError if number in _FORBIDDEN else UnavailableError
            raise kind(str(trouble(OSError(number, ""), self._label(name))))

    def _label(self, name: str) -> str:
        return f"{name}_dir {printable(str(self._folders[name]))}"

    def _me(self, name: str) -> Owner:
        return Owner(self._instance, name)

    def _recall(self) -> None:
        """What the memory holds; read each time, as `doctor --adopt` may have written to it."""
        saved = self._memory.load_presence() or {"instance": "", "folders": {}}
        self._instance = saved["instance"]
        self._adopted = {
            name: Adopted(Home(**facts["home"]), facts["has_marker"])
            for name, facts in saved["folders"].items()
        }
        if not self._instance:
            # Kept before any marker carries it: after a crash we must know our own markers again.
            self._instance = uuid.uuid4().hex
            self._save()

    def _remember(self, name: str, adopted: Adopted) -> None:
        if self._adopted.get(name) != adopted:
            self._adopted[name] = adopted
            self._save()

    def _save(self) -> None:
        folders = {
            name: cast("SavedFolder", asdict(adopted)) for name, adopted in self._adopted.items()
        }
        self._memory.save_presence({"instance": self._instance, "folders": folders})


def instance_of(folders: Mapping[str, Path]) -> str:
    """Whose the folders are by their markers; empty when none tells, or they disagree."""
    found = set()
    with closing(Prober(_PATIENCE_SECONDS)) as prober:
        for name, path in folders.items():
            try:
                answer = prober.ask(str(path), {"do": "look", "marker": MARKER})
                owner = owner_of(answer.get("marker"))
            except (NoAnswerError, OSError):
                continue
            if owner is not None and owner.folder == name:
                found.add(owner.instance)
    return found.pop() if len(found) == 1 else ""

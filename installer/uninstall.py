"""Taking nightsort off the machine. Photos and results are never touched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from installer.errors import InstallError
from installer.install import folders
from installer.layout import SERVICE, TIMER, USER, WEB, WEB_USER, Layout
from installer.machine import Machine
from installer.versions import Versions

_AUTHORITY = "web/tls/authority.crt"
_PHOTO_KEYS = ("incoming_dir", "sorted_dir", "results_dir")


class Uninstaller:
    """Removes what the installer made."""

    def __init__(self, layout: Layout, machine: Machine, tell: Callable[[str], None]) -> None:
        self._layout = layout
        self._machine = machine
        self._tell = tell

    def uninstall(self, *, purge: bool) -> None:
        """Remove the program and its units; purge: the settings and the state folder too.

        Raises InstallError, with nothing changed, where there is none, and where purging would
        reach photos.
        """
        if not (self._layout.program.exists() or (self._layout.units / SERVICE).exists()):
            raise InstallError("nightsort is not installed here; nothing was changed")
        known = self._folders()
        if purge:
            require_purgeable(known)
            self._require_ours(known["state_dir"])
        is_trusted = "state_dir" in known and (known["state_dir"] / _AUTHORITY).exists()
        for unit in (TIMER, WEB, SERVICE):
            if (self._layout.units / unit).exists():
                self._machine.run("systemctl", "disable", "--now", unit)
        self._remove_program()
        self._machine.run("systemctl", "daemon-reload")
        if purge:
            shutil.rmtree(self._layout.settings.parent, ignore_errors=True)
            shutil.rmtree(known["state_dir"], ignore_errors=True)
        self._tell("nightsort is removed.")
        for line in self._what_is_left(known):
            self._tell(line)
        if is_trusted:
            self._tell("Devices trust the page's authority until it is taken back on each of them.")

    def _folders(self) -> dict[str, Path]:
        """The folders of the settings; none where they cannot be read any more."""
        version = Versions(self._layout, self._machine).current
        if version is not None:
            with suppress(InstallError):
                return folders(self._layout, self._machine, version)
        return {}

    def _require_ours(self, state: Path) -> None:
        if state.exists() and not self._machine.is_ours(state):
            raise InstallError(
                f"{state} does not belong to the user {USER}, so it may hold more than nightsort's "
                "state; uninstall without --purge, then remove it by hand"
            )

    def _remove_program(self) -> None:
        for link in self._layout.links:
            if link.is_symlink() and link.readlink().is_relative_to(self._layout.program):
                link.unlink()
        for unit in self._layout.units.glob("nightsort*.*"):
            if unit.is_file():
                unit.unlink()
        for drop_in in self._layout.drop_ins:
            drop_in.unlink(missing_ok=True)
            with suppress(OSError):  # not empty, when the administrator added to it; or not there
                drop_in.parent.rmdir()
        self._layout.users.unlink(missing_ok=True)
        self._layout.folders.unlink(missing_ok=True)
        shutil.rmtree(self._layout.program, ignore_errors=True)

    def _what_is_left(self, known: dict[str, Path]) -> list[str]:
        places = [known[key] for key in _PHOTO_KEYS if key in known]
        places += [known[key] for key in ("state_dir",) if key in known]
        places.append(self._layout.settings)
        left = [str(place) for place in places if place.exists()]
        remove = f"userdel {WEB_USER}; userdel {USER}"
        lines = [
            f"Still there: {', '.join(left)}" if left else "Nothing else is left of it.",
            f"The users {USER} and {WEB_USER} stay, as files are theirs; to remove them: {remove}",
        ]
        own = known["state_dir"] / "web" if "state_dir" in known else None
        if own is not None and own.exists():
            lines.append(f"The page's accounts, keys and certificate are in {own}")
        return lines


def require_purgeable(known: dict[str, Path]) -> None:
    """Raises InstallError unless the state folder is known, and holds no photos or results."""
    if "state_dir" not in known:
        raise InstallError(
            "the settings cannot be read, so it is not known which folder to purge; uninstall "
            "without --purge, then remove it by hand"
        )
    state = known["state_dir"].resolve()
    for key in _PHOTO_KEYS:
        if known[key].resolve().is_relative_to(state):
            raise InstallError(
                f"{key} ({known[key]}) lies in state_dir ({state}), which would be removed; "
                "uninstall without --purge"
            )

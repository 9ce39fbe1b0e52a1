"""Putting a version in place: built beside the one in use, checked, switched to, or taken back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from installer.database import Database
from installer.errors import InstallError
from installer.files import copy, point
from installer.layout import SERVICE, TIMER, USER, Layout
from installer.machine import Machine
from installer.package import Package
from installer.page import AS_IT_IS, Page, Wish
from installer.versions import Versions

_FOLDERS = """
import json, sys
from pathlib import Path
from config.settings import FOLDER_KEYS, load
settings = load(Path(sys.argv[1]))
print(json.dumps({key: str(getattr(settings, key)) for key in FOLDER_KEYS}))
"""
_WRITTEN = (0, 1)  # 1: written, and the doctor finds something wrong, as it does in the end, too
_START = f"systemctl start {SERVICE} {TIMER}"
_MORE = f"journalctl -u {SERVICE} --since today -o cat"


@dataclass(frozen=True, slots=True)
class Answers:
    """What `nightsort setup` has to write the settings from."""

    file: Path | None = None
    are_asked_for: bool = False  # of who sits there, unless the settings are somebody's already


NO_ANSWERS = Answers()


class Installer:
    """Installs and upgrades."""

    def __init__(self, layout: Layout, machine: Machine, tell: Callable[[str], None]) -> None:
        self._layout = layout
        self._machine = machine
        self._tell = tell
        self._versions = Versions(layout, machine)
        self._page = Page(layout, machine, tell)

    def install(
        self,
        package: Package,
        *,
        start: bool,
        page: Wish = AS_IT_IS,
        answers: Answers = NO_ANSWERS,
    ) -> None:
        """Put the package in place of what is there, if anything; start: also start the service.

        answers: what the settings are written from. A service that runs is stopped and started
        again. Raises InstallError when that cannot be, or when the new version does not become
        ready: then the old one runs again.
        """
        before = self._versions.current
        package.require_no_downgrade(before)
        self._tell(f"Installing nightsort {package.version} in {self._layout.program} ...")
        version = self._versions.build(package)
        self._make_room(version, answers)
        self._page.settle(page)
        database = self._database(version)
        database.require_known_to(version)
        was_up = self._machine.is_up(SERVICE)
        if was_up:
            self._tell("Stopping the service; it finishes the photos in hand ...")
            self._machine.run("systemctl", "stop", TIMER, SERVICE)
        try:
            database.keep_copy()
            self._switch(version)
            if before is None:  # later on that is the administrator's decision
                self._machine.run("systemctl", "enable", SERVICE, TIMER)
            if was_up or start:
                self._start()
        except (InstallError, OSError, KeyboardInterrupt) as exc:
            self._tell(str(exc) or "Interrupted.")
            raise InstallError(self._take_back(version, before, database, was_up)) from exc
        database.drop_copy()
        self._versions.forget(version, before)
        self._page.set_up(page, start=was_up or start)

    def _database(self, version: Package) -> Database:
        try:
            state_dir = folders(self._layout, self._machine, version)["state_dir"]
        except InstallError as exc:
            raise InstallError(f"{exc}\nCorrect that and try again; nothing was changed.") from exc
        return Database(state_dir, self._machine)

    def _make_room(self, version: Package, answers: Answers) -> None:
        """User, folders and settings, as far as they are missing."""
        share = version.share
        copy(share / "sysusers.d/nightsort.conf", self._layout.users)
        self._machine.run("systemd-sysusers", self._layout.users)
        example = share / "nightsort.example.toml"
        if not self._layout.settings.exists():
            copy(example, self._layout.settings, mode=0o640)
        copy(share / "tmpfiles.d/nightsort.conf", self._layout.folders)
        self._machine.run("systemd-tmpfiles", "--create", self._layout.folders)
        if answers.file is not None or (answers.are_asked_for and self._is(example)):
            self._write_settings(version, answers)
        if self._is(example):
            self._make_photo_folders()

    def _is(self, example: Path) -> bool:
        """Whether nobody has changed the settings yet."""
        return self._layout.settings.read_bytes() == example.read_bytes()

    def _write_settings(self, version: Package, answers: Answers) -> None:
        """Let `nightsort setup` write them. Raises InstallError where it refuses the file."""
        setup = (version.folder / "bin/nightsort", "--config", self._layout.settings, "setup")
        file = ("--answers", answers.file, "--make-folders") if answers.file is not None else ()
        refused = self._machine.converse(*setup, *file) not in _WRITTEN
        if refused and answers.file is not None:
            raise InstallError(f"{answers.file}: correct it and try again")

    def _make_photo_folders(self) -> None:
        """Those of the example settings; any others are the administrator's, who may mount them."""
        for name in ("incoming", "sorted", "results"):
            folder = self._layout.photos / name
            if not folder.exists():
                folder.mkdir(parents=True)
                self._machine.run("chown", f"{USER}:{USER}", folder)
                # What is made in it belongs to its group, so that people of that group reach it.
                folder.chmod(0o2770)

    def _switch(self, version: Package) -> None:
        """From now on this version is nightsort."""
        self._versions.use(version)
        for link, target in self._layout.links.items():
            point(link, target)
        copy(version.share / "uninstall", self._layout.uninstaller, mode=0o755)
        for unit in (version.share / "systemd").iterdir():
            copy(unit, self._layout.units / unit.name)
        command = version.folder / "bin/nightsort"
        self._machine.run(command, "--config", self._layout.settings, "unit", "--write")
        self._machine.run("systemctl", "daemon-reload")

    def _start(self) -> None:
        self._tell("Starting the service ...")
        began = time.time()
        if not self._machine.becomes_ready(SERVICE):
            why = self._machine.last_error_since(began) or "the journal says why"
            raise InstallError(f"the service did not become ready: {why}")
        self._machine.run("systemctl", "start", TIMER)
        self._page.start_again()

    def _take_back(
        self, version: Package, before: Package | None, database: Database, was_up: bool
    ) -> str:
        """Make it as it was before, as far as there was anything; returns how it is now."""
        self._machine.run("systemctl", "stop", SERVICE)
        if before is None:
            return (
                f"It is installed, but does not run (more: {_MORE}); once that is corrected: "
                f"{_START}"
            )
        database.go_back(before)
        database.drop_copy()
        self._switch(before)
        if version.folder != before.folder:
            self._versions.remove(version)
        if was_up:
            self._start()
        how = "runs" if was_up else "is in place"
        return f"Nothing is lost: {before.version} {how} again; more: {_MORE}"


def folders(layout: Layout, machine: Machine, version: Package) -> dict[str, Path]:
    """The four folders of the settings, as this version reads them.

    Raises InstallError that names everything that is wrong with the settings.
    """
    # First with the command, which says in words what is wrong.
    machine.run(version.folder / "bin/nightsort", "--config", layout.settings, "unit")
    said = machine.run(version.folder / "bin/python", "-c", _FOLDERS, layout.settings)
    return {key: Path(path) for key, path in json.loads(said).items()}

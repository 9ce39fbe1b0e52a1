"""The versions on the machine, side by side: built whole, then switched to by one rename.

Each has an environment of its own at its final place, as scripts name it; a version without its
mark is one that was interrupted, and is built anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from installer.errors import InstallError
from installer.files import point
from installer.layout import Layout
from installer.machine import Machine
from installer.package import MANIFEST, Package

_WHOLE = ".whole"


class Versions:
    """The folders of all versions, and the link to the one in use."""

    def __init__(self, layout: Layout, machine: Machine) -> None:
        self._layout = layout
        self._machine = machine

    @property
    def current(self) -> Package | None:
        """The version in use."""
        folder = self._layout.current
        return Package.read(folder.resolve()) if (folder / MANIFEST).exists() else None

    def build(self, package: Package) -> Package:
        """Install the package beside what is in use; returns it at its place.

        Raises InstallError, with nothing left behind, where there is no room for it.
        """
        folder = self._layout.versions / package.name
        if not (folder / _WHOLE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, mode=0o755)
            try:
                _require_room(folder, package)
                self._fill(folder, package)
            except BaseException:  # a disk full of half a version would stop the service, too
                shutil.rmtree(folder, ignore_errors=True)
                raise
            (folder / _WHOLE).touch()
        return Package.read(folder)

    def use(self, package: Package) -> None:
        """Switch to a version; whoever looks sees the old one or the new one."""
        point(self._layout.current, package.folder)

    def forget(self, *kept: Package | None) -> None:
        """Remove every version but these."""
        names = {package.folder.name for package in kept if package is not None}
        for folder in self._layout.versions.iterdir():
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self, package: Package) -> None:
        """Remove a version that is not in use."""
        shutil.rmtree(package.folder, ignore_errors=True)

    def _fill(self, folder: Path, package: Package) -> None:
        self._machine.run("python3", "-m", "venv", "--without-pip", folder)
        # Run from its wheel: Debian's Python comes without pip, and without what would install it.
        (pip,) = package.wheels.glob("pip-*.whl")
        self._machine.run(
            folder / "bin/python", pip / "pip", "install", "--no-index", "--no-cache-dir",
            "--quiet", "--disable-pip-version-check", "--no-warn-script-location",
            "--find-links", package.wheels, "--requirement", package.folder / "requirements.txt",
        )  # fmt: skip
        shutil.copytree(package.share, folder / "share/nightsort")
        shutil.copy(package.folder / MANIFEST, folder / MANIFEST)


def _require_room(folder: Path, package: Package) -> None:
    free, needed = shutil.disk_usage(folder).free, package.room_bytes
    if free < needed:
        raise InstallError(
            f"the disk of {folder.parent} has {free / 1e6:.0f} MB free, and {needed / 1e6:.0f} MB "
            "are needed: make room there; nothing was changed"
        )

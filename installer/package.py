"""The package as it lies unpacked: what it says of itself, and whether it fits the machine."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from installer.errors import InstallError
from installer.machine import Machine

MANIFEST = "manifest.json"
# Measured: 62 MB of wheels become 228 MB, unpacked and compiled.
_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Package:
    """A version of nightsort, with everything that it needs, in `folder`."""

    folder: Path
    version: str
    build: str  # tells two packages of one version apart
    schema: int  # of the database that this version writes
    pythons: tuple[str, ...]  # such as 3.11
    processor: str
    glibc: str

    @classmethod
    def read(cls, folder: Path) -> Package:
        """The package that lies in `folder`, unpacked or installed."""
        try:
            said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            # Only what is known here: a newer version may say more of itself.
            return cls(
                folder=folder,
                version=said["version"],
                build=said["build"],
                schema=said["schema"],
                pythons=tuple(said["pythons"]),
                processor=said["processor"],
                glibc=said["glibc"],
            )
        except (OSError, ValueError, KeyError) as exc:
            raise InstallError(f"{folder / MANIFEST}: cannot be read ({exc!r})") from exc

    @property
    def name(self) -> str:
        """What its folder is called among the versions."""
        return f"{self.version}-{self.build}"

    @property
    def wheels(self) -> Path:
        """Every Python package that it needs."""
        return self.folder / "wheels"

    @property
    def room_bytes(self) -> int:
        """About how much it takes, installed."""
        packed = sum(wheel.stat().st_size for wheel in self.wheels.iterdir())
        return _GROWTH * packed // len(self.pythons)

    @property
    def share(self) -> Path:
        """Units, examples, documents and the installer itself."""
        return self.folder / "share/nightsort"

    def require_fit(self, machine: Machine) -> None:
        """Raises InstallError where this package cannot run."""
        if machine.processor != self.processor:
            raise InstallError(
                f"this package is for {self.processor}, this machine is {machine.processor}; "
                "make one there: make package"
            )
        if machine.python not in self.pythons:
            raise InstallError(
                f"this package is for Python {' or '.join(self.pythons)}, python3 here is "
                f"{machine.python}; make one for it: make package PYTHONS={machine.python}"
            )
        if machine.glibc < numbers(self.glibc):
            raise InstallError(
                f"this package needs the C library glibc {self.glibc} or newer; use a newer system"
            )

    def require_no_downgrade(self, installed: Package | None) -> None:
        """Raises InstallError where a newer version is installed."""
        if installed is not None and order(self.version) < order(installed.version):
            raise InstallError(
                f"{installed.version} is installed, and {self.version} is older: what the newer "
                "one remembers, the older one may not understand; nothing was changed"
            )


def order(version: str) -> tuple[tuple[int, ...], str, int]:
    """A key by which versions sort: 1.0a1 < 1.0rc1 < 1.0 < 1.0.1."""
    found = re.fullmatch(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d+))?", version)
    if found is None:
        raise InstallError(f"{version} is no version that can be compared")
    release, stage, number = found.groups()
    return numbers(release), stage or "z", int(number or 0)


def numbers(text: str) -> tuple[int, ...]:
    """The numbers between the dots, without zeros at the end."""
    found = [int(part) for part in text.split(".")]
    while len(found) > 1 and found[-1] == 0:
        found.pop()
    return tuple(found)

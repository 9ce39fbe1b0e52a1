"""Where everything lies on the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERVICE = "nightsort.service"
WEB = "nightsort-web.service"
TIMER = "nightsort-check.timer"
USER = "nightsort"
WEB_USER = "nightsort-web"


@dataclass(frozen=True, slots=True)
class Layout:
    """All places, below `root`: the machine's own, or a folder that stands for it in tests."""

    root: Path = Path("/")

    @property
    def program(self) -> Path:
        """The versions, side by side, and the link to the one in use."""
        return self.root / "opt/nightsort"

    @property
    def versions(self) -> Path:
        """A folder for each version."""
        return self.program / "versions"

    @property
    def current(self) -> Path:
        """A link to the version in use."""
        return self.program / "current"

    @property
    def command(self) -> Path:
        """The command that the units start."""
        return self.program / "bin/nightsort"

    @property
    def uninstaller(self) -> Path:
        """Removes nightsort without the package at hand."""
        return self.program / "uninstall"

    @property
    def units(self) -> Path:
        """Units that are the administrator's own, not the distribution's."""
        return self.root / "etc/systemd/system"

    @property
    def drop_ins(self) -> tuple[Path, ...]:
        """What `nightsort unit` adds to the units."""
        folders = ("nightsort.service.d", "nightsort-.service.d", "nightsort-web.service.d")
        names = ("folders.conf", "secrets.conf")
        return tuple(self.units / folder / name for folder in folders for name in names)

    @property
    def users(self) -> Path:
        """For systemd-sysusers."""
        return self.root / "etc/sysusers.d/nightsort.conf"

    @property
    def folders(self) -> Path:
        """For systemd-tmpfiles."""
        return self.root / "etc/tmpfiles.d/nightsort.conf"

    @property
    def settings(self) -> Path:
        """The settings file, kept through every upgrade."""
        return self.root / "etc/nightsort/nightsort.toml"

    @property
    def photos(self) -> Path:
        """Where the example settings put the folders for photos and results."""
        return self.root / "srv/nightsort"

    @property
    def links(self) -> dict[Path, Path]:
        """Links into the version in use, by where they lie."""
        return {
            self.command: self.current / "bin/nightsort",
            self.root / "usr/local/bin/nightsort": self.command,
            self.root / "usr/local/share/man/man1/nightsort.1": (
                self.current / "share/man/man1/nightsort.1"
            ),
        }

"""A machine for the installer that notes what is asked of it, and whose service starts, or not."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from installer.errors import InstallError
from installer.layout import SERVICE, USER, WEB, WEB_USER, Layout
from installer.machine import Machine
from installer.package import MANIFEST, Package


class NotedMachine(Machine):
    """Only files change; what the service manager is asked for is in `asked`."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.asked: list[str] = []
        self.up = False
        self.page_up = False
        self.page_is_broken = False
        self.needs_certificate = False
        self.wrong_settings = ""
        self.is_state_shared = False
        # Versions whose service fails to start.
        self.broken: set[str] = set()
        self.is_disk_full = False
        self.setup_code = 0

    @property
    def state_dir(self) -> Path:
        return self.layout.root / "var/lib/nightsort"

    @property
    def python(self) -> str:
        return "3.11"

    @property
    def processor(self) -> str:
        return "x86_64"

    @property
    def glibc(self) -> tuple[int, ...]:
        return (2, 36)

    def run(self, *command: str | Path, by: str = "") -> str:
        words = [str(word) for word in command]
        if words[:2] == ["python3", "-c"]:
            return super().run(sys.executable, *words[1:])
        if words[:3] == ["python3", "-m", "venv"]:
            Path(words[-1], "bin").mkdir()
        elif "install" in words and self.is_disk_full:
            raise InstallError("OSError: [Errno 28] No space left on device")
        elif "install" in words:  # by pip
            Path(words[0]).with_name("nightsort").touch()
        elif "unit" in words and self.wrong_settings:
            raise InstallError(self.wrong_settings)
        elif "certificate" in words or any("is_loopback" in word for word in words):
            return self._say_of_page(words, by)
        elif words[1] == "-c":
            folders = {f"{name}_dir": f"/srv/{name}" for name in ("incoming", "sorted", "results")}
            return json.dumps(folders | {"state_dir": str(self.state_dir)})
        else:
            self._manage(words)
        return ""

    def is_ours(self, folder: Path) -> bool:
        return folder == self.state_dir and not self.is_state_shared

    def show(self, *command: str | Path) -> None:
        pass

    def converse(self, *command: str | Path) -> int:
        self.asked.append(" ".join([Path(command[0]).name, *map(str, command[3:])]))
        if self.setup_code == 0:
            self.layout.settings.write_text("# answered\n", encoding="utf-8")
        return self.setup_code

    def is_up(self, unit: str) -> bool:
        return self.page_up if unit == WEB else self.up

    def becomes_ready(self, unit: str, *, again: bool = False) -> bool:
        self.asked.append(f"{'restart' if again else 'start'} {unit}")
        if unit == WEB:
            self.page_up = not self.page_is_broken
            return self.page_up
        self.up = Package.read(self.layout.current).version not in self.broken
        return self.up

    def last_error_since(self, began: float, logger: str = USER) -> str:
        if logger == WEB_USER:
            return "web.listen: cannot be listened on"
        return "model_dir: no bundle there"

    def _say_of_page(self, words: list[str], by: str) -> str:
        if "certificate" in words:
            self.asked.append(f"{by}: {' '.join(words[1:])}")
            return "authority: /var/lib/nightsort/web/tls/authority.crt\n"
        text = self.layout.settings.read_text(encoding="utf-8")
        listen = tomllib.loads(text).get("web", {}).get("listen", "127.0.0.1:8484")
        return json.dumps({"listen": listen, "needs_certificate": self.needs_certificate})

    def _manage(self, words: list[str]) -> None:
        if words[0] == "systemctl":
            self.asked.append(" ".join(words[1:]))
            if words[1] in ("stop", "disable"):
                self.up = self.up and SERVICE not in words
                self.page_up = self.page_up and WEB not in words


def package_of(folder: Path, version: str, schema: int = 1) -> Package:
    """An unpacked package without anything to run in it."""
    share = folder / "share/nightsort"
    for name in (
        "systemd/nightsort.service",
        "sysusers.d/nightsort.conf",
        "tmpfiles.d/nightsort.conf",
        "nightsort.example.toml",
        "uninstall",
    ):
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).write_text(f"{name} of {version}\n", encoding="utf-8")
    (folder / "wheels").mkdir()
    (folder / "wheels/pip-26.1-py3-none-any.whl").touch()
    said = {
        "version": version,
        "build": f"{schema:08}",
        "schema": schema,
        "pythons": ["3.11"],
        "processor": "x86_64",
        "glibc": "2.28",
    }
    (folder / MANIFEST).write_text(json.dumps(said), encoding="utf-8")
    return Package.read(folder)

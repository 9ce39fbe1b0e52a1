"""What the installer asks of the machine: its Python, its users, its service manager."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from installer.errors import InstallError
from installer.layout import USER

_LAST_LINES = 8
_IS_UP = frozenset({"active", "activating", "reloading"})

Command = Sequence[str | Path]


class Machine:
    """The machine that it runs on. Tests have one of their own."""

    @property
    def python(self) -> str:
        """The version of the Python that runs this, such as 3.11."""
        return f"{sys.version_info[0]}.{sys.version_info[1]}"

    @property
    def processor(self) -> str:
        """Such as x86_64."""
        return platform.machine()

    @property
    def glibc(self) -> tuple[int, ...]:
        """The version of the C library; (0,) where it is another one."""
        name, _, number = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return tuple(map(int, number.split("."))) if name == "glibc" else (0,)

    def require_root(self) -> None:
        """Raises InstallError for anybody else."""
        if os.geteuid() != 0:
            raise InstallError("only root can do that; put sudo before the command")

    def require_systemd(self) -> None:
        """Raises InstallError where no systemd runs."""
        if not Path("/run/systemd/system").is_dir():
            raise InstallError("this machine is not run by systemd, which the service needs")

    def is_ours(self, folder: Path) -> bool:
        """Whether a folder belongs to nightsort's user, as only its own do."""
        try:
            return folder.owner() == USER
        except (OSError, KeyError):
            return False

    def run(self, *command: str | Path, by: str = "") -> str:
        """What a command prints; by: the user who runs it.

        Raises InstallError with the last lines that it said when it fails.
        """
        done = _captured(_by(by, command) if by else command)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_LAST_LINES:]
            name = Path(command[0]).name
            raise InstallError("\n".join(said) if said else f"{name} failed, and does not say why")
        return done.stdout

    def show(self, *command: str | Path) -> None:
        """Let nightsort's user run a command that prints to where we print."""
        sys.stdout.flush()
        subprocess.run([str(part) for part in _by(USER, command)], check=False, cwd="/")

    def converse(self, *command: str | Path) -> int:
        """Let a command talk to who sits here; returns its exit code."""
        sys.stdout.flush()
        done = subprocess.run([str(part) for part in command], check=False, cwd="/")
        return done.returncode

    def is_up(self, unit: str) -> bool:
        """Whether a unit runs, or is on its way."""
        return _captured(["systemctl", "is-active", unit]).stdout.strip() in _IS_UP

    def last_error_since(self, began: float, logger: str = USER) -> str:
        """What was logged last as an error, from this moment (Unix time); "" for nothing."""
        said = _captured(
            ["journalctl", f"--identifier={logger}", "--priority=err", "--output=cat", "--lines=1",
             "--quiet", "--no-pager", f"--since=@{int(began)}"],
        ).stdout.strip()  # fmt: skip
        try:
            return str(json.loads(said)["why"])
        except (ValueError, KeyError, TypeError):
            return said

    def becomes_ready(self, unit: str, *, again: bool = False) -> bool:
        """Start a unit, again where it runs, and say whether it told that it is ready."""
        _captured(["systemctl", "reset-failed", unit])
        return _captured(["systemctl", "restart" if again else "start", unit]).returncode == 0


def _by(user: str, command: Command) -> Command:
    return ["runuser", "-u", user, "--", *command]


def _captured(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        cwd="/",  # the folder of the person who installs may be closed to nightsort's user
    )

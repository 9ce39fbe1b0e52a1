"""A whole Debian 12, booted with its own systemd and journal, and with no network but loopback.

Made by debootstrap once, from the mirror that this machine's own apt uses, and kept; a test gets a
copy. Where it cannot be, the test is skipped with the reason; in CI it fails.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.samba import lacking, need
from tests.support.waiting import eventually

# What a fresh installation has, and jq, which the documents use.
_PACKAGES = "systemd,systemd-sysv,dbus,python3,mount,jq"
# What lies ready in its apt's cache, to be installed without a network.
_AT_HAND = ("samba", "smbclient")
CACHE = Path("/var/tmp") / f"nightsort-tests-{os.geteuid()}"
_BOOT_SECONDS = 90.0
_ENDED = -1


@dataclass(frozen=True)
class Booted:
    """The booted machine; `root` is its root folder as seen from here."""

    root: Path
    leader: int

    def run(self, *command: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as root."""
        enter = ["nsenter", f"--target={self.leader}", "-m", "-p", "-i", "-u", "-n", "-r", "-w"]
        clean = [
            "env",
            "-i",
            "LANG=C.UTF-8",
            "HOME=/root",
            "PATH=/usr/local/bin:/usr/sbin:/usr/bin",
        ]
        return subprocess.run(
            [*enter, *clean, *command],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def says(self, *command: str, timeout_s: float = 120.0) -> str:
        """What a command prints that must work."""
        done = self.run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def shell(self, script: str) -> str:
        """What a script prints that must work."""
        return self.says("sh", "-euc", script)

    def outside(self, path: str) -> Path:
        """A path of the machine, as seen from here."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        file = self.outside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def shown(self, unit: str, key: str) -> str:
        """A property of a unit."""
        return self.says("systemctl", "show", unit, f"--property={key}", "--value").strip()

    def now(self) -> str:
        """The time, as journalctl takes it."""
        return f"@{self.says('date', '+%s.%6N').strip()}"

    def events(self, since: str, *options: str, name: str = "nightsort") -> list[dict[str, Any]]:
        """What nightsort logged, each line read by jq, as the documents say."""
        read = f"journalctl -t {name} -o cat --since={since} {' '.join(options)}"
        lines = self.shell(f"journalctl --sync; {read} | jq -c .")
        return [json.loads(line) for line in lines.splitlines()]


def require_bootable() -> None:
    """Skip, or in CI fail, where no machine can be booted."""
    if os.geteuid() != 0:
        lacking("booting a machine takes root")
    if platform.machine() != "x86_64":
        lacking("the package is for x86_64")
    need("debootstrap", "systemd-nspawn", "nsenter")


@contextmanager
def booted() -> Iterator[Booted]:
    """A booted machine of its own, gone after the block."""
    require_bootable()
    CACHE.mkdir(mode=0o700, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time: they would share a control group
        source = debian()
        folder = Path(tempfile.mkdtemp(dir=CACHE, prefix="machine-"))
        try:
            subprocess.run(["cp", "-a", "--reflink=auto", source, folder / "root"], check=True)
            with _running(folder / "root", folder / "console") as machine:
                yield machine
        finally:
            subprocess.run(["rm", "-rf", folder], check=False)


@contextmanager
def _running(root: Path, console: Path) -> Iterator[Booted]:
    command = ["systemd-nspawn", f"--directory={root}", "--machine=nightsort-test", "--boot"]
    command += ["--register=no", "--keep-unit", "--private-network", "--console=pipe"]
    with console.open("wb") as log:
        nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    leader = _ENDED
    try:
        leader = eventually(lambda: _leader(nspawn), within_s=_BOOT_SECONDS)
        if leader == _ENDED:
            lacking(f"no machine can be booted here: {console.read_text(errors='replace')[-500:]}")
        machine = Booted(root, leader)
        eventually(lambda: _is_up(machine), within_s=_BOOT_SECONDS, every_s=0.2)
        yield machine
    finally:
        # As in a power cut: all in there die with the first; nspawn's own end would not end it.
        if leader > 0:
            os.kill(leader, signal.SIGKILL)
        nspawn.kill()
        nspawn.wait(60)
        eventually(lambda: _is_dead(leader))


def _leader(nspawn: subprocess.Popen[bytes]) -> int:
    """The process that is number 1 in there; 0: not yet."""
    if nspawn.poll() is not None:
        return _ENDED
    for child in Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split():
        # The first child only makes ready the one that becomes systemd.
        with suppress(OSError):  # and may be gone by now
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
    return 0


def _is_dead(process: int) -> bool:
    """Whether it is gone, or waits only to be fetched by its parent."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(") ")[2].startswith("Z")


def _is_up(machine: Booted) -> bool:
    return machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")


def debian() -> Path:
    """The root folder of a fresh Debian 12, to be copied; made at first use."""
    CACHE.mkdir(mode=0o700, exist_ok=True)
    root = CACHE / f"debian-12-with-{'-'.join(_AT_HAND)}"
    with (CACHE / "debian-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _make_debian(root)
    return root


def _make_debian(root: Path) -> None:
    partial = root.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", partial,
         _mirror()],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        lacking(f"debootstrap failed: {done.stdout[-500:]}")
    _put_at_hand(partial)
    partial.rename(root)


def _put_at_hand(root: Path) -> None:
    apt = ["chroot", str(root), "apt-get", "--quiet", "--yes"]
    fetch = [*apt, "--no-install-recommends", "--download-only", "install", *_AT_HAND]
    for command in ([*apt, "clean"], [*apt, "update"], fetch):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lacking(f"apt-get failed: {done.stderr[-500:]}")
    for cache in (root / "var/cache/apt").glob("*.bin"):
        cache.unlink()


def _mirror() -> str:
    """The mirror of Debian that this machine's own apt uses."""
    apt = Path("/etc/apt")
    files = [*apt.glob("sources.list.d/*"), *apt.glob("sources.list")]
    text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
    found = re.search(r"(?m)^(?:URIs:|deb)\s.*?(https?://\S+/debian)/?(?:\s|$)", text)
    return found[1] if found else lacking("the mirror of Debian is not known from /etc/apt")

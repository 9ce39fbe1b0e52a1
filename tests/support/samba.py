"""A Samba server on loopback, and its share mounted through rclone (FUSE), for tests.

Both keep all they need in a folder of the test's and listen on a port of their own. Where a tool
is missing the test is skipped with the reason; where $CI is set it fails instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import pytest

from tests.support.waiting import eventually

_CONFIG = """
[global]
    smb ports = {port}
    interfaces = 127.0.0.1
    bind interfaces only = yes
    server role = standalone server
    map to guest = Bad User
    guest account = root
    load printers = no
    disable spoolss = yes
    # In small pieces, so that an upload can be slow.
    smb2 max write = 65536
    log file = {folder}/log
    private dir = {folder}/private
    lock directory = {folder}/lock
    state directory = {folder}/state
    cache directory = {folder}/cache
    pid directory = {folder}/pid
    ncalrpc dir = {folder}/pid/ncalrpc
[photos]
    path = {share}
    guest ok = yes
    read only = no
    force user = root
"""
# As docs/install.md has it; which account may enter is the share's own matter.
AUDIT = """
    vfs objects = full_audit
    full_audit:prefix = nightsort|%U|%S
    full_audit:success = renameat
    full_audit:failure = none
    full_audit:syslog = no
[global]
    log level = 0 full_audit:1
"""


@dataclass(frozen=True)
class Samba:
    """A server that shares `folder` under the name photos."""

    folder: Path
    port: int
    own: Path

    @property
    def log(self) -> Path:
        """What it logs."""
        return self.own / "log"

    def let_in(self, name: str, password: str) -> None:
        """Give an account of this machine a password on the share."""
        subprocess.run(
            ["smbpasswd", "-c", str(self.own / "smb.conf"), "-a", "-s", name],
            input=f"{password}\n" * 2,
            text=True,
            check=True,
            capture_output=True,
        )

    def ask_as(self, account: str, command: str) -> None:
        """Have somebody do something. account: with its password, as NAME%PASSWORD."""
        address = ["-p", str(self.port), "-U", account, "//127.0.0.1/photos"]
        subprocess.run(["smbclient", *address, "-c", command], check=True, capture_output=True)

    def told_as(self, account: str, command: str) -> str:
        """What somebody is told then."""
        address = ["-p", str(self.port), "-U", account, "//127.0.0.1/photos"]
        done = subprocess.run(
            ["smbclient", *address, "-c", command], check=True, capture_output=True, text=True
        )
        return done.stdout

    def ask(self, command: str, stdin: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Start smbclient, as a photo station does."""
        return subprocess.Popen(
            ["smbclient", "-p", str(self.port), "-N", "//127.0.0.1/photos", "-c", command],
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def put(self, photo: Path, name: str) -> None:
        """Upload a file."""
        assert self.ask(f'put "{photo}" "{name}"').wait(60) == 0

    @contextmanager
    def putting_slowly(self, content: bytes, name: str) -> Iterator[threading.Event]:
        """An upload that stops half-way until the event is set; it is over after the block."""
        go_on = threading.Event()
        client = self.ask(f'put - "{name}"', stdin=subprocess.PIPE)
        sender = threading.Thread(target=_send, args=[client, content, go_on])
        sender.start()
        try:
            yield go_on
        finally:
            go_on.set()
            sender.join()
            assert client.wait(60) == 0


def _send(client: subprocess.Popen[bytes], content: bytes, go_on: threading.Event) -> None:
    assert client.stdin is not None
    with client.stdin as pipe:
        for start in range(0, len(content), 32_768):
            if start >= len(content) // 2:
                go_on.wait(120)
            pipe.write(content[start : start + 32_768])
            pipe.flush()


@contextmanager
def samba(share: Path, own: Path, more: str = "") -> Iterator[Samba]:
    """A server for the folder `share`; its own files are in `own`. more: settings of the share."""
    need("smbd", "smbclient")
    if more == AUDIT and not any(Path("/usr/lib").glob("*/samba/vfs/full_audit.so")):
        lacking("Samba's full_audit is missing (samba-vfs-modules)")
    if os.geteuid() != 0:
        lacking("smbd acts for its clients, which takes root")
    for name in ("private", "lock", "state", "cache", "pid"):
        (own / name).mkdir(parents=True)
    # Between the look for a free port and smbd, another program may take it: then once more.
    served = eventually(lambda: _served(share, own, more))
    assert served is not None
    found, server = served
    try:
        yield found
    finally:
        server.terminate()
        server.wait(30)


def _served(share: Path, own: Path, more: str) -> tuple[Samba, subprocess.Popen[bytes]] | None:
    """A server that answers; None where it ended because its port was taken."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = own / "smb.conf"
    config.write_text(_CONFIG.format(port=port, folder=own, share=share) + more)
    command = ["smbd", "--foreground", "--no-process-group", f"--configfile={config}"]
    server = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # smbd ends its whole process group with itself
    )
    found = Samba(share, port, own)
    eventually(lambda: server.poll() is not None or found.ask("ls").wait(60) == 0)
    return (found, server) if server.poll() is None else None


class Mounted:
    """The share of a server, mounted at `place` as other people's boxes would mount it."""

    def __init__(self, server: Samba, place: Path, cache: Path) -> None:
        need("rclone", "fusermount", "fusermount3")
        if not Path("/dev/fuse").exists():
            lacking("/dev/fuse is missing")
        self._server = server
        self._cache = cache
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        """Mount it; again, after it was killed."""
        settings = {
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_NAS_TYPE": "smb",
            "RCLONE_CONFIG_NAS_HOST": "127.0.0.1",
            "RCLONE_CONFIG_NAS_PORT": str(self._server.port),
            "RCLONE_CONFIG_NAS_USER": "guest",
            "RCLONE_CACHE_DIR": str(self._cache),
        }
        options = ["--dir-cache-time=500ms", "--attr-timeout=500ms", "--vfs-cache-mode=writes"]
        self._process = subprocess.Popen(
            ["rclone", "mount", *options, "--vfs-write-back=0s", "NAS:photos", str(self.place)],
            env=os.environ | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self.place.is_mount)

    def kill(self) -> None:
        """Kill it as a crash does; the dead mount stays."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(30)

    def hang(self) -> None:
        """From now on whoever touches the mount hangs, and cannot even be killed."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer all who hang."""
        self._signal(signal.SIGCONT)

    def unmount(self) -> None:
        """Take a dead mount away; the empty folder below it appears."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=False, capture_output=True)

    def close(self) -> None:
        """Leave nothing behind."""
        self.go_on()
        self.unmount()
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextmanager
def mounted(server: Samba, place: Path, cache: Path) -> Iterator[Mounted]:
    """The share of `server`, mounted at `place` until the end of the block."""
    share = Mounted(server, place, cache)
    share.mount()
    try:
        yield share
    finally:
        share.close()


def need(*tools: str) -> None:
    """Skip, or in CI fail, unless these commands are installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        lacking(f"not installed: {', '.join(missing)}")


def lacking(reason: str) -> NoReturn:
    """Skip the test with a reason; in CI it must run."""
    if os.environ.get("CI"):
        pytest.fail(f"this test must run in CI, but {reason}")
    pytest.skip(reason)

"""A real Samba server on a folder, and its client; both skip where Samba is not installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.waiting import eventually

_DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Share:
    """The share `incoming` of a server on this machine."""

    port: int

    def does(self, commands: str) -> str:
        """What a client says to commands such as `put FILE NAME` or `mkdir "RUN NOW"`."""
        client = ["smbclient", "-p", str(self.port), "-N", "//127.0.0.1/incoming", "-c", commands]
        done = subprocess.run(
            client, capture_output=True, text=True, timeout=_DEADLINE_SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def samba(folder: Path, private: Path) -> Iterator[Share]:
    """Serve `folder` to guests; the server keeps its own files in `private`, which must be new."""
    for tool in ("smbd", "smbclient"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    private.mkdir()
    port = _free_port()
    own = "\n".join(
        f"{key} = {private}"
        for key in (
            *("lock directory", "state directory", "cache directory", "private dir"),
            *("pid directory", "ncalrpc dir"),
        )
    )
    configuration = private / "smb.conf"
    configuration.write_text(
        f"[global]\nsmb ports = {port}\ninterfaces = 127.0.0.1\nbind interfaces only = yes\n"
        f"{own}\nlog file = {private}/log\nmap to guest = Bad User\ndisable spoolss = yes\n"
        f"[incoming]\npath = {folder}\nread only = no\nguest ok = yes\nforce user = root\n",
        encoding="utf-8",
    )
    command = ["smbd", "-F", "--no-process-group", "-s", str(configuration)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # when it ends, it ends all of its session's processes
    ) as server:
        try:
            eventually(lambda: _answers(port), within_s=_DEADLINE_SECONDS)
            yield Share(port)
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""A service manager that listens as systemd does, to the real socket.

with Manager.listening(tmp_path) as manager, site.daemon(**manager.environment()):
    manager.hears("READY=1")
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import DEADLINE_SECONDS


class Manager:
    """Remembers all that it was told, line by line."""

    def __init__(self, listener: socket.socket, address: str) -> None:
        self._listener = listener
        self.address = address
        self.said: list[str] = []
        self._unheard: list[str] = []  # lines of the last message that nobody waited for yet

    @classmethod
    @contextmanager
    def listening(cls, folder: Path) -> Iterator[Manager]:
        """A manager until the end of the `with` block; its socket lies in `folder`."""
        address = folder / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(address))
            yield cls(listener, str(address))

    def environment(self, watchdog_seconds: float | None = None) -> dict[str, str]:
        """What it gives to a service that it starts."""
        found = {"NOTIFY_SOCKET": self.address}
        if watchdog_seconds is not None:
            found["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))
        return found

    def hears(self, beginning: str, within_s: float = DEADLINE_SECONDS) -> str:
        """Wait for a line that begins so, said from now on; AssertionError when none comes."""
        line = self.may_hear(beginning, within_s)
        assert line is not None, f"not within {within_s} s: {beginning}; last: {self.said[-5:]}"
        return line

    def may_hear(self, beginning: str, within_s: float) -> str | None:
        """The first line that begins so and is said within that time; None when none is."""
        deadline = time.monotonic() + within_s
        while True:
            while self._unheard:
                line = self._unheard.pop(0)
                self.said.append(line)
                if line.startswith(beginning):
                    return line
            self._listener.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                self._unheard = self._listener.recv(4096).decode("utf-8").split("\n")
            except TimeoutError:
                return None

"""Tells the service manager how the service is: systemd's sd_notify, without its library.

Silent where no manager listens. Says only what it is told to; whether there is progress worth a
ping is for `progress`. Source: sd_notify(3), systemd.service(5).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

# A manager that does not listen is not waited for: the sorting goes on.
_PATIENCE_SECONDS = 1.0
_LONGEST_STATUS = 500


class Notifier:
    """Speaks to the manager's socket."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        """`address` is a path, or a name after `@`; None: nobody listens.

        watchdog_seconds: after how long without a ping the manager ends us; None: it never does.
        """
        self._address = address
        self.watchdog_seconds = watchdog_seconds if address else None
        self._status = ""
        self._pinged_at = float("-inf")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Notifier:
        """What the manager told this process when it started it."""
        is_meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "") if is_meant else ""
        seconds = int(microseconds) / 1e6 if microseconds.isdecimal() else None
        return cls(environment.get("NOTIFY_SOCKET") or None, seconds or None)

    def ready(self) -> None:
        """The service has started, or has taken its new settings."""
        self._say("READY=1")

    def status(self, words: str) -> None:
        """What `systemctl status` shows; said again only when it changed."""
        line = " ".join(words.split())[:_LONGEST_STATUS]
        if line != self._status:
            self._status = line
            self._say(f"STATUS={line}")

    def is_ping_due(self) -> bool:
        """Whether the watchdog wants to hear of us: four times as often as it has patience."""
        if self.watchdog_seconds is None:
            return False
        return time.monotonic() - self._pinged_at >= self.watchdog_seconds / 4

    def ping(self) -> None:
        """Tell the watchdog that there is progress."""
        self._pinged_at = time.monotonic()
        self._say("WATCHDOG=1")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell that the settings are read again, and at the end of the block that it is done."""
        # The time tells a manager that waits for it this reload from one before.
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._say(f"RELOADING=1\nMONOTONIC_USEC={microseconds}")
        try:
            yield
        finally:
            self.ready()

    def stopping(self, within_seconds: float) -> None:
        """The service ends, and asks for that much time, as the usual may be too short."""
        self._say(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={within_seconds * 1e6:.0f}")

    def _say(self, message: str) -> None:
        if self._address is None:
            return
        where = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection,
        ):
            connection.settimeout(_PATIENCE_SECONDS)
            connection.connect(where)
            connection.sendall(message.encode("utf-8", "replace"))

"""The page in a process of its own, and who comes to it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support import forks
from tests.support.processes import Site, clean_environment
from tests.support.waiting import DEADLINE_SECONDS, eventually
from web.reading.state import look

PASSWORD = "correct horse battery"


@dataclass
class Page:
    """A site whose page can be started, and asked."""

    site: Site
    url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    options: tuple[str, ...] = ()  # of the command that serves it

    @classmethod
    def make(cls, folder: Path, settings: str = "", web: str = "") -> Page:
        """Settings for a page on a free port of this machine; `web` adds to its table."""
        listen = "" if "listen" in web else 'listen = "127.0.0.1:0"\n'
        return cls(Site.make(folder, settings=f"{settings}\n[web]\n{listen}{web}\n"))

    @property
    def log_file(self) -> Path:
        return self.site.folder / "web.log"

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Its log so far."""
        text = self.log_file.read_text(encoding="utf-8")
        lines = text[: text.rfind("\n") + 1].splitlines()  # the last may still be written
        found = [json.loads(line.partition(">")[2]) for line in lines if line.startswith("<")]
        return [one for one in found if name in ("", one["event"])]

    def start(self, **environment: str) -> None:
        """Start it and wait until it serves."""
        before = len(self.events("web_started")) if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self.process = forks.start(
                self.site.asking("web", *self.options), clean_environment() | environment,
                stdout=log, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip

        def told() -> dict[str, Any] | None:
            assert self.process is not None
            started = self.events("web_started")[before:]
            assert started or self.process.poll() is None, self.log_file.read_text()
            return started[0] if started else None

        started = eventually(told)
        assert started is not None
        scheme = "https" if started["tls"] else "http"
        port = started["listen"].rpartition(":")[2]
        self.url = f"{scheme}://127.0.0.1:{port}"

    def await_daemon(self) -> None:
        """Wait until the daemon says of itself that it works."""

        def works() -> bool:
            seen = look(self.site.state)
            return seen.health != "down" and seen.model is not None

        eventually(works)

    def stop(self) -> int:
        """End it as systemd does; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()

    @contextmanager
    def serving(self, **environment: str) -> Iterator[Page]:
        """Serve until the end of the `with` block."""
        self.start(**environment)
        try:
            yield self
        finally:
            self.stop()

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`nightsort web …`."""
        return forks.run(
            self.site.asking("web", *arguments), clean_environment(), DEADLINE_SECONDS, stdin
        )

    def add_user(self, name: str, role: str = "reader", password: str = PASSWORD) -> None:
        done = self.command("user", "add", name, "--role", role, "--password-stdin", stdin=password)
        assert done.returncode == 0, done.stderr

    def add_key(self, name: str, role: str = "reader") -> str:
        done = self.command("key", "add", name, "--role", role)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def client(self, **options: Any) -> httpx.Client:
        """A browser that has not signed in."""
        return httpx.Client(base_url=self.url, timeout=DEADLINE_SECONDS, **options)

    @contextmanager
    def signed_in(
        self, name: str, password: str = PASSWORD, **options: Any
    ) -> Iterator[httpx.Client]:
        """A browser in which `name` signed in."""
        with self.client(**options) as client:
            answer = sign_in(client, name, password)
            assert answer.status_code == 303, answer.text
            yield client

    def raw(self, request: bytes, within_s: float = 20) -> bytes:
        """What comes back for these bytes, up to the end of the connection."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=within_s) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            received = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    received += part
        return received


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of the last form of a page: the first may sign out."""
    form = page.rpartition("<form")[2]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def sign_in(
    client: httpx.Client, name: str, password: str = PASSWORD, **more: Any
) -> httpx.Response:
    """Fill in the form as a person does."""
    fields = hidden_fields(client.get("/login").text)
    return client.post("/login", data={**fields, "name": name, "password": password}, **more)

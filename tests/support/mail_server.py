"""A real mail server on this machine: takes mail, wants a login, refuses, dawdles."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class MailServer:
    """What it was told to do, and what it took."""

    port: int = 0
    login: tuple[str, str] | None = None  # whom it lets in; None: everybody
    refused: dict[str, str] = field(default_factory=dict)  # answer to each address
    answer: str = "250 OK"  # to a whole mail
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    dawdles: threading.Event | None = None  # it answers to a mail once this is set

    def as_target(self, *to: str) -> str:
        """The table of settings by which it is told, to these addresses."""
        return f"""
            [[alerts.targets]]
            type = "email"
            host = "127.0.0.1"
            port = {self.port}
            security = "none"
            from = "nightsort@example.com"
            to = {json.dumps(to)}
            """

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.dawdles is not None:
            await asyncio.to_thread(self.dawdles.wait)
        if self.answer.startswith("2"):
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return self.answer

    def lets_in(self, _server: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> Any:
        user, password = data.login.decode(), data.password.decode()
        return AuthResult(success=(user, password) == self.login, handled=False)


@contextmanager
def serving_mail(
    server: MailServer, context: ssl.SSLContext | None = None, *, tls: bool = False
) -> Iterator[MailServer]:
    """Serve on `server.port`, or on any that is free. context: for STARTTLS, or for tls at once."""
    loop = asyncio.new_event_loop()
    connections: list[asyncio.Transport] = []

    class Protocol(SMTP):
        def connection_made(self, transport: Any) -> None:
            connections.append(transport)
            super().connection_made(transport)

    def protocol() -> SMTP:
        wants_login = server.login is not None
        return Protocol(
            server,
            hostname="localhost",
            loop=loop,
            tls_context=None if tls else context,
            require_starttls=wants_login and not tls,
            auth_required=wants_login,
            auth_require_tls=not tls,
            authenticator=server.lets_in if wants_login else None,
        )

    listener = socket.create_server(("127.0.0.1", server.port))
    server.port = listener.getsockname()[1]
    made = loop.create_server(protocol, sock=listener, ssl=context if tls else None)
    running = loop.run_until_complete(made)
    thread = threading.Thread(target=loop.run_forever, name="mail-server")
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_stop(running, connections), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(running: asyncio.Server, connections: list[asyncio.Transport]) -> None:
    running.close()
    for connection in connections:
        connection.abort()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(3):  # until what was aborted is closed
        await asyncio.sleep(0)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's own certificate for 127.0.0.1: what serves it, and the file that trusts it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert

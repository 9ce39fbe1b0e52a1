"""Where the page may listen: on this machine alone, else only where what is said stays secret."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from config.errors import ConfigError, RefusedError
from config.web import WebSettings
from web.addresses import is_loopback


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listening:
    """Where, and how."""

    host: str
    port: int
    tls: Files | None
    only_proxies: bool  # unencrypted, and not on this machine alone: nobody else may come

    @property
    def scheme(self) -> str:
        """As it is written in an address."""
        return "http" if self.tls is None else "https"

    def url(self, port: int) -> str:
        """How it is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"{self.scheme}://{f'[{host}]' if ':' in host.strip('[]') else host}:{port}"


def plan(web: WebSettings, own: Files | None) -> Listening:
    """Where to listen; own: the certificate that `nightsort web certificate` made, if it did.

    Raises ConfigError where passwords would cross the network for everybody to read.
    """
    tls = None
    if web.tls_certificate is not None and web.tls_key is not None:
        tls = Files(web.tls_certificate, web.tls_key)
    if is_loopback(web.host):
        return Listening(web.host, web.port, tls, only_proxies=False)
    tls = tls or (None if web.trusted_proxies else own)
    if tls is None and not web.trusted_proxies:
        raise ConfigError(
            f"web.listen = {web.listen}: others than this machine would send their passwords "
            "there unencrypted; either use TLS (`nightsort web certificate` makes a certificate, "
            "or set web.tls_certificate and web.tls_key), or put a proxy before it that does, and "
            "name its address in web.trusted_proxies"
        )
    return Listening(web.host, web.port, tls, only_proxies=tls is None)


def bind(listening: Listening) -> socket.socket:
    """The socket; raises RefusedError that says what to do."""
    where = f"{listening.host}:{listening.port}"
    try:
        family, *_, address = socket.getaddrinfo(
            listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=128,
            dualstack_ipv6=listening.host == "::" and socket.has_dualstack_ipv6(),
        )
    except PermissionError as exc:
        raise RefusedError(
            f"web.listen {where}: a port below 1024 is root's; take another, such as 8484 or 8443"
        ) from exc
    except OSError as exc:
        raise RefusedError(
            f"web.listen {where}: cannot be listened on ({exc.strerror}); end the other program "
            "there, or set [web] listen to another address or port"
        ) from exc

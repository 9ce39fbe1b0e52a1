"""The tables of the settings file for page and API: where they listen, and how much they give.

Nothing here opens a socket: whether an address may be listened on is for `web.listening`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.catalogue import Language
from config.section import AbsolutePath, Section

Network = IPv4Network | IPv6Network

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _listening(address: str) -> str:
    found = re.fullmatch(rf"({_HOST}):(\d{{1,5}})", address)
    if found is None or not 0 <= int(found[2]) <= 65535:
        raise ValueError(
            "must be an address and a port, such as 127.0.0.1:8484, 0.0.0.0:8484 or [::]:8484"
        )
    return address


def _address_of_people(url: str | None) -> str | None:
    """One way to write it: no default port, no slash at the end, small letters in the host."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not re.fullmatch(
        rf"(?:{_HOST})(?::\d{{1,5}})?", parts.netloc
    ):
        raise ValueError("must be an address such as https://box.example.com/nightsort")
    if parts.query or parts.fragment or not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", parts.path):
        raise ValueError("must be an address without ?, # or spaces")
    host, port = (parts.hostname or "").lower(), parts.port
    shown = f"[{host}]" if ":" in host else host
    if port not in (None, _DEFAULT_PORTS[parts.scheme]):
        shown += f":{port}"
    return f"{parts.scheme}://{shown}{parts.path.rstrip('/')}"


def _host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(_HOST, name):
            raise ValueError(f"{name} is no name or address alone, such as box.example.com")
    return tuple(name.lower() for name in names)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as exc:
        try:
            ip_address(text.partition("/")[0])
        except ValueError:
            raise ValueError(f"{text} is no IP address or network, such as 192.168.1.0/24") from exc
        raise ValueError(f"{text} is no network ({exc})") from exc


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_network, texts))


Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]


class WebSettings(Section):
    """The page, and where people and programs reach it."""

    listen: Annotated[str, AfterValidator(_listening)] = Field(
        "127.0.0.1:8484",
        description="Address and port. Others than this machine's own need TLS (below, or "
        "`nightsort web certificate`) or a proxy named in trusted_proxies.",
    )
    public_url: Annotated[str | None, AfterValidator(_address_of_people)] = Field(
        None,
        description="How people's browsers reach it, where that is not listen: behind a proxy, "
        "under a name, below a path.",
        examples=["https://box.example.com/nightsort"],
    )
    hosts: Annotated[tuple[str, ...], AfterValidator(_host_names)] = Field(
        (),
        description="More names and addresses under which it answers. Those of public_url, listen "
        "and this machine always serve.",
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses of proxies that stand before it: only from these it believes "
        "X-Forwarded-For and X-Forwarded-Proto.",
    )
    tls_certificate: AbsolutePath = Field(
        None,
        description="PEM file with the certificate and its chain. Default: the one that "
        "`nightsort web certificate` made, if any.",
        examples=["/etc/nightsort/tls/box.crt"],
    )
    tls_key: AbsolutePath = Field(
        None, description="PEM file with its key.", examples=["/etc/nightsort/tls/box.key"]
    )
    session_hours: float = Field(
        12.0,
        gt=0,
        le=720,
        description="Hours without use after which a person signs in again; after seven times as "
        "many in any case.",
    )
    language: Language = Field(
        "en", description="Language of the page where a browser asks for none that it knows."
    )
    station_addresses: Networks = Field(
        (),
        description="Addresses or networks of the tablets that may show the station screen "
        "without a sign-in.",
    )
    while_draining: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of its usual work that the API's predictions may do at most while the "
        "queue is drained, which comes first for the processor; 1: as much as ever, and the drain "
        "pays for it; 0 refuses them meanwhile.",
    )

    @model_validator(mode="after")
    def _certificate_with_key(self) -> WebSettings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together; set both, or neither")
        return self

    @property
    def host(self) -> str:
        """The address to listen on, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self.listen.rpartition(":")[2])

    @property
    def path(self) -> str:
        """The path below which browsers reach the page; empty at the root."""
        return urlsplit(self.public_url or "").path


class ApiSettings(Section):
    """How much one key of the API may ask for."""

    predictions_per_hour: int = Field(100, ge=1, le=10_000_000, description="Predictions an hour.")
    batches_per_hour: int = Field(
        20, ge=1, le=10_000_000, description="Batches of predictions, and uploads, an hour."
    )
    batch_photos: int = Field(50, ge=1, le=1000, description="Photos in one batch.")
    at_once: int = Field(10, ge=1, le=1000, description="Calls at the same time.")
    reads_per_minute: int = Field(60, ge=1, le=1_000_000, description="Other calls a minute.")


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks that settings name."""
    return tuple(map(ip_network, texts))

"""Which names this server answers to, who really asks, where a request comes from. Pure.

A page elsewhere can make a browser send anything here, with its cookies; what it cannot do is say
another origin than its own, or read an answer. Source: OWASP, "Cross-Site Request Forgery"; Fetch
Metadata.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from config.web import Network, WebSettings, networks

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as far as it can be believed."""

    address: str
    scheme: str
    came_through_proxy: bool


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the settings say of names and proxies."""

    names: frozenset[str]
    proxies: tuple[Network, ...]
    public_origin: str | None
    public_url: str | None
    stations: tuple[Network, ...] = ()

    @classmethod
    def of(cls, web: WebSettings, certified: tuple[str, ...] = ()) -> Addresses:
        """certified: names and addresses in the certificate of our own."""
        names = {*_LOOPBACK_NAMES, *web.hosts, *certified, socket.gethostname().lower()}
        if web.host not in _ANYWHERE:
            names.add(_bracketed(web.host.lower()))
        origin = None
        if web.public_url is not None:
            parts = urlsplit(web.public_url)
            origin = f"{parts.scheme}://{parts.netloc}"
            names.add(_name_of(parts.netloc))
        return cls(
            frozenset(names), networks(web.trusted_proxies), origin, web.public_url,
            networks(web.station_addresses),
        )  # fmt: skip

    def is_ours(self, host: str, reached_at: str | None) -> bool:
        """Whether the header Host names this server.

        reached_at: the address of ours that the connection came to. As a name it is safe: a page
        that has its own name lead here cannot make the browser write an address instead.
        """
        name = _name_of(host)
        return name in self.names or (reached_at is not None and name == _bracketed(reached_at))

    def is_proxy(self, address: str) -> bool:
        """Whether this is a proxy that the settings name."""
        return _is_in(address, self.proxies)

    def is_station(self, address: str) -> bool:
        """Whether who asks from there sees the station screen without a sign-in.

        Never a proxy's own address: that stands for anybody whom it does not name.
        """
        return _is_in(address, self.stations) and not self.is_proxy(address)

    def peer(self, connected: str, scheme: str, headers: Mapping[str, str]) -> Peer:
        """Who asks: from a named proxy, whom it says; from anybody else, who is connected.

        Of X-Forwarded-For the last entry is the proxy's own word; what stands before it, anybody
        may have written, unless that entry is a named proxy, too.
        """
        connected = _plain(connected)
        if not self.is_proxy(connected):
            return Peer(connected, scheme, came_through_proxy=False)
        address = connected
        for entry in reversed(headers.get("x-forwarded-for", "").split(",")):
            if not _is_address(entry.strip()):
                break
            address = _plain(entry.strip())
            if not self.is_proxy(address):
                break
        said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if said not in _DEFAULT_PORTS:
            said = urlsplit(self.public_origin or "").scheme or scheme
        return Peer(address, said, came_through_proxy=True)

    def foreign(self, headers: Mapping[str, str], scheme: str) -> str | None:
        """Why a request that changes something comes from elsewhere; None: nothing says so.

        headers: names in small letters. Browsers leave Sec-Fetch-Site out over plain http.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site != "same-origin":
            return f"the browser says that another page asked for this (Sec-Fetch-Site: {site})"
        if site is None and origin is not None:
            ours = [f"{scheme}://{headers.get('host', '')}", *filter(None, [self.public_origin])]
            if not any(_same_origin(origin, one) for one in ours):
                meant = self.public_url or f"{ours[0]} ([web] public_url is not set)"
                return (
                    f"the browser's page is {origin}, and this is {meant}; where both are meant to "
                    "be the same, set [web] public_url to what people type"
                )
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _name_of(host: str) -> str:
    """The name in a header Host, without its port; empty for what is no name."""
    if any(letter in host for letter in "@/\\ ,"):
        return ""
    name = host.lower() if host.endswith("]") else host.lower().rpartition(":")[0] or host.lower()
    return name.removesuffix(".")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(64)
def _plain(address: str) -> str:
    """An address as people write it; a socket for both kinds writes ::ffff:192.0.2.1."""
    mapped = getattr(ip_address(address), "ipv4_mapped", None) if _is_address(address) else None
    return str(mapped or address)


def _is_in(address: str, allowed: tuple[Network, ...]) -> bool:
    return (
        bool(allowed)
        and _is_address(address)
        and any(ip_address(address) in network for network in allowed)
    )


def _same_origin(one: str, other: str) -> bool:
    return _plain_origin(one) == _plain_origin(other)


def _plain_origin(origin: str) -> str:
    scheme = origin.partition(":")[0].lower()
    return origin.lower().rstrip("/").removesuffix(_DEFAULT_PORTS.get(scheme, ""))

"""Which names are ours, who really asks, and what comes from another page."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.web import WebSettings
from web.addresses import Addresses
from web.listening import Files, plan
from web.paths import is_page, local

OWN = Files(Path("/c"), Path("/k"))


def addresses(**values: object) -> Addresses:
    return Addresses.of(WebSettings.model_validate(values))


# Names


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:8484", "[::1]", "[::1]:1"]
)
def test_this_machine_is_always_ours(host: str) -> None:
    assert addresses().is_ours(host, None)


@pytest.mark.parametrize(
    "host",
    ["", "evil", "localhost@evil", "evil/localhost", "localhost evil", "[::2]", "127.0.0.1.evil"],
)
def test_other_names_are_not(host: str) -> None:
    assert not addresses().is_ours(host, "192.168.1.5")


def test_the_address_that_was_connected_to_is_ours() -> None:
    assert addresses(listen="0.0.0.0:1").is_ours("192.168.1.5:8484", "192.168.1.5")
    assert addresses(listen="[::]:1").is_ours("[fe80::1]:8484", "fe80::1")


def test_names_in_our_certificate_are_ours() -> None:
    assert Addresses.of(WebSettings(), ("box.lan",)).is_ours("box.lan", None)


# Proxies


def test_what_others_say_of_themselves_is_not_believed() -> None:
    said = {"x-forwarded-for": "10.0.0.1", "x-forwarded-proto": "https"}
    peer = addresses(trusted_proxies=["10.9.9.9"]).peer("10.0.0.7", "http", said)
    assert (peer.address, peer.scheme, peer.came_through_proxy) == ("10.0.0.7", "http", False)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("6.6.6.6, 10.0.0.1", "10.0.0.1"),
        ("6.6.6.6, 10.0.0.1, 10.9.9.8", "10.0.0.1"),  # two proxies of ours, one behind the other
        ("2001:db8::5", "2001:db8::5"),
        ("", "10.9.9.9"),
        ("unknown", "10.9.9.9"),
        ("10.0.0.1, ::ffff:10.0.0.2", "10.0.0.2"),
    ],
)
def test_of_a_named_proxy_the_last_word_counts(forwarded: str, address: str) -> None:
    ours = addresses(trusted_proxies=["10.9.9.8/31"])
    assert ours.peer("::ffff:10.9.9.9", "http", {"x-forwarded-for": forwarded}).address == address


def test_stations_are_the_addresses_that_are_named_and_never_a_proxys_own() -> None:
    ours = addresses(station_addresses=["10.9.9.0/24", "2001:db8::7"], trusted_proxies=["10.9.9.9"])
    for address in ("10.9.9.20", "2001:db8::7"):
        assert ours.is_station(address), address
    for address in ("10.9.9.9", "10.9.8.20", "2001:db8::8", "", "tablet"):
        assert not ours.is_station(address), address
    assert not addresses().is_station("127.0.0.1")


def test_a_proxy_that_does_not_say_how_people_came_is_taken_for_the_public_url() -> None:
    ours = addresses(trusted_proxies=["10.9.9.9"], public_url="https://box")
    assert ours.peer("10.9.9.9", "http", {}).scheme == "https"
    assert ours.peer("10.9.9.9", "http", {"x-forwarded-proto": "gopher"}).scheme == "https"
    assert ours.peer("10.9.9.9", "http", {"x-forwarded-proto": "https, http"}).scheme == "http"


# Origins


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"origin": "http://box:8484"},
        {"origin": "https://page.example.com"},
        {"origin": "HTTPS://Page.Example.com:443"},
        {},  # no browser; the token of the form is asked for all the same
    ],
)
def test_our_own_pages_may_ask(headers: dict[str, str]) -> None:
    ours = addresses(public_url="https://page.example.com/sort/")
    assert ours.foreign({"host": "box:8484", **headers}, "http") is None


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none", "origin": "http://box:8484"},
        {"origin": "null"},
        {"origin": "http://box"},
        {"origin": "https://box:8484"},
        {"origin": "http://box:8484.evil"},
        {"origin": ""},
    ],
)
def test_others_may_not(headers: dict[str, str]) -> None:
    assert addresses().foreign({"host": "box:8484", **headers}, "http")


def test_a_foreign_origin_is_told_with_what_it_should_be() -> None:
    said = addresses().foreign({"host": "box:8484", "origin": "https://box"}, "http")
    assert said is not None
    assert "https://box" in said
    assert "http://box:8484" in said
    assert "public_url" in said


# Where it may listen


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "localhost:1", "[::1]:1", "127.9.9.9:1"])
def test_on_this_machine_alone_nothing_is_asked(listen: str) -> None:
    assert plan(WebSettings(listen=listen), OWN).tls is None


def test_for_others_it_needs_tls_or_a_proxy() -> None:
    everywhere = WebSettings(listen="0.0.0.0:1")
    with pytest.raises(ConfigError, match=r"nightsort web certificate.*trusted_proxies"):
        plan(everywhere, None)
    assert plan(everywhere, OWN).tls == OWN
    proxied = plan(WebSettings(listen="0.0.0.0:1", trusted_proxies=("10.0.0.1",)), OWN)
    assert (proxied.tls, proxied.only_proxies) == (None, True)


def test_a_certificate_in_the_settings_wins_and_is_used_everywhere() -> None:
    given = {"tls_certificate": "/x.crt", "tls_key": "/x.key"}
    for listen in ("127.0.0.1:1", "192.168.1.5:1"):
        planned = plan(WebSettings.model_validate({"listen": listen, **given}), OWN)
        assert planned.tls is not None
        assert str(planned.tls.certificate) == "/x.crt"
        assert not planned.only_proxies


# Where a sign-in leads


@pytest.mark.parametrize("path", ["/", "/review", "/find?q=a%20b&day=1", "/page/people"])
def test_a_sign_in_leads_back_to_pages_of_ours(path: str) -> None:
    assert local(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "review", "//evil", "/\\evil", "/\t/evil", "/\n/evil", "https://evil", "/a\\b", "/ evil",
     "javascript:alert(1)", "/login", "/logout", "/x" * 600, "\\/evil", "/\x7f"],
)  # fmt: skip
def test_and_nowhere_else(path: str) -> None:
    assert local(path) == "/"


def test_pages_and_api_are_told_apart_by_their_address() -> None:
    assert all(map(is_page, ["/", "/login", "/review", "/station", "/find", "/page/x", "/upload"]))
    assert not is_page("/upload", "POST")
    assert not any(map(is_page, ["/health", "/photos/1", "/reviews", "/pages", "/openapi.json"]))

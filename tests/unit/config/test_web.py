"""Where page and API listen, and what they are called, as settings say it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.settings import RetentionSettings
from config.web import ApiSettings, WebSettings, networks


def refusal(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        WebSettings.model_validate(values)
    return caught.value.errors()[0]["msg"]


def test_defaults_are_those_that_the_design_names() -> None:
    assert WebSettings().model_dump() == {
        "listen": "127.0.0.1:8484", "public_url": None, "hosts": (), "trusted_proxies": (),
        "tls_certificate": None, "tls_key": None, "session_hours": 12.0, "language": "en",
        "station_addresses": (), "while_draining": 0.5,
    }  # fmt: skip
    assert ApiSettings().model_dump() == {
        "predictions_per_hour": 100, "batches_per_hour": 20, "batch_photos": 50, "at_once": 10,
        "reads_per_minute": 60,
    }  # fmt: skip
    assert RetentionSettings().api_days == 30


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("0.0.0.0:443", "0.0.0.0", 443), ("[::1]:8484", "::1", 8484), ("box.local:0", "box.local", 0)],
)
def test_an_address_is_taken_apart(listen: str, host: str, port: int) -> None:
    web = WebSettings(listen=listen)
    assert (web.host, web.port) == (host, port)


@pytest.mark.parametrize("listen", ["8484", ":8484", "::1:8484", "box:99999", "a b:1", "box:1/x"])
def test_what_is_no_address_with_a_port_is_refused(listen: str) -> None:
    assert "such as 127.0.0.1:8484" in refusal(listen=listen)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Box.Example.com/", "https://box.example.com"),
        ("https://box.example.com:443/sort/", "https://box.example.com/sort"),
        ("http://192.168.1.5:8484", "http://192.168.1.5:8484"),
        ("http://[::1]:80/a/b", "http://[::1]/a/b"),
    ],
)
def test_one_public_url_has_one_spelling(written: str, meant: str) -> None:
    assert WebSettings(public_url=written).public_url == meant


@pytest.mark.parametrize(
    "url",
    ["box", "ftp://box", "https://", "https://user@box", "https://box/?a", "https://box/#a",
     "https://box/a b", "https://box/../x y", "https://box:99999"],
)  # fmt: skip
def test_what_is_no_address_of_a_page_is_refused(url: str) -> None:
    assert refusal(public_url=url)


def test_the_path_of_the_public_url_is_where_the_page_begins() -> None:
    assert WebSettings(public_url="https://box/sort/").path == "/sort"
    assert WebSettings().path == ""


def test_certificate_and_key_go_together_and_have_whole_paths() -> None:
    assert "go together" in refusal(tls_certificate="/etc/x.crt")
    assert "absolute" in refusal(tls_certificate="x.crt", tls_key="/x.key")


def test_proxies_are_addresses_or_networks() -> None:
    web = WebSettings(trusted_proxies=("10.0.0.5", "192.168.0.0/16", "::1"))
    assert [str(one) for one in networks(web.trusted_proxies)] == [
        "10.0.0.5/32", "192.168.0.0/16", "::1/128",
    ]  # fmt: skip
    assert "no IP address" in refusal(trusted_proxies=("*",))
    assert "host bits set" in refusal(station_addresses=("10.0.0.5/8",))


def test_hosts_are_names_alone() -> None:
    assert WebSettings(hosts=("Box.Local", "[fe80::1]")).hosts == ("box.local", "[fe80::1]")
    assert "no name or address alone" in refusal(hosts=("https://box",))

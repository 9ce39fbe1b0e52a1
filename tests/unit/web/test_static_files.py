"""The page's own files: compressed for whoever takes that, each form kept apart from the other."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from web import static_files
from web.static_files import STATIC, OwnFiles, pack, version

STYLE = (STATIC / "page.css").read_bytes()


def asked(taken: str = "", place: str = "", **headers: str) -> httpx.Response:
    """The style, by whoever takes these codings; place: its version."""

    async def ask() -> httpx.Response:
        app = Starlette(routes=[Mount("/page/static", OwnFiles(directory=STATIC))])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            path = f"/page/static{place}/page.css"
            return await client.get(path, headers={"accept-encoding": taken, **named})

    return asyncio.run(ask())


@pytest.fixture(autouse=True)
def unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_files, "_packed", {})


def test_who_takes_it_compressed_gets_the_same_file_in_a_third_of_the_bytes() -> None:
    pack()
    packed, plain = asked("br, gzip"), asked()
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == STYLE
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize("taken", ["", "br", "identity", "gzip;q=0", "gzip; Q=0.00, br", "xgzip"])
def test_who_does_not_take_it_gets_it_as_it_is(taken: str) -> None:
    pack()
    answer = asked(taken)
    assert "content-encoding" not in answer.headers
    assert answer.content == STYLE


@pytest.mark.parametrize("taken", ["gzip", "deflate,GZIP;q=0.5", "br;q=0, gzip ; q=1.0"])
def test_who_takes_it_may_say_so_in_any_way(taken: str) -> None:
    pack()
    assert asked(taken).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("taken", ["gzip", "identity"])
def test_what_a_browser_has_in_the_same_form_is_not_sent_again(taken: str) -> None:
    pack()
    first = asked(taken)
    again = asked(taken, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["vary"] == "Accept-Encoding"
    assert asked(taken, if_none_match='"another"').content == STYLE


@pytest.mark.parametrize("taken", ["gzip", "identity"])
def test_in_either_form_it_is_kept_where_its_address_says_the_version(taken: str) -> None:
    pack()
    assert "immutable" in asked(taken, f"/{version()}").headers["cache-control"]
    assert "cache-control" not in asked(taken, "/v0123456789ab").headers
    assert "cache-control" not in asked(taken).headers


def test_before_they_are_compressed_they_are_sent_as_they_are() -> None:
    answer = asked("gzip")
    assert "content-encoding" not in answer.headers
    assert answer.content == STYLE

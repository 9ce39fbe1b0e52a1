"""The shorter way answers, limits, counts and logs as the framework's does, whatever is asked."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from config.errors import FolderUnavailable, ModelError
from config.settings import Settings
from tests.unit.web.test_predict import Scripted
from web.addresses import Addresses
from web.app import application
from web.database import WebStore
from web.front import Front
from web.limits import Limits
from web.predictions import Predictor
from web.roles import Role
from web.shortcut import Application
from web.site import Site

PHOTO = {"files": {"file": ("a.jpg", b"Shirts")}}
FORM = {"content-type": "multipart/form-data; boundary=x"}
# What is another each time.
VARY = {"timestamp", "milliseconds", "request", "detail"}


async def in_parts() -> AsyncIterator[bytes]:
    yield b"--x\r\ncontent-disposition: form-data; name=file; filename=a\r\n\r\nShi"
    yield b"rts\r\n--x--\r\n"


@pytest.fixture
def judge() -> Scripted:
    return Scripted()


@pytest.fixture(params=["", "https://box.example/nightsort"], ids=["at the root", "below a path"])
def site(tmp_path: Path, judge: Scripted, request: pytest.FixtureRequest) -> Iterator[Site]:
    keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    limits = {"predictions_per_hour": 2}
    settings = Settings.model_validate(
        {key: tmp_path / key for key in keys}
        | {"api": limits, "intake": {"max_file_mb": 0.2}}
        | {"web": {"public_url": request.param or None}}
    )
    with closing(WebStore.open(tmp_path)) as store:
        made = Site.make(settings, store, Addresses.of(settings.web))
        predictor = Predictor(settings, lambda: judge, lambda: False)
        yield dataclasses.replace(made, predictor=predictor)
        predictor.stop()


def asked(site: Site, *, is_short: bool, method: str, path: str, **options: Any) -> dict[str, Any]:
    """All that can be seen of a request by a key of its own."""
    site = dataclasses.replace(site, limits=Limits(site.settings.api, lambda: 0.0))
    app = application(site)
    assert isinstance(app, Application)
    if not is_short:
        app.shorten(())
    key = site.store.keys.add("short" if is_short else "long", Role.READER)
    headers = {"x-api-key": key, **options.pop("headers", {})}

    async def ask() -> httpx.Response:
        front = Front(app, site, only_proxies=False)
        transport = httpx.ASGITransport(front, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers, **options)

    with structlog.testing.capture_logs() as said:
        answer = asyncio.run(ask())
    return {
        "status": answer.status_code,
        "headers": {
            name: value
            for name, value in answer.headers.multi_items()
            if name not in ("x-request-id", "content-length")
        },
        "body": {name: one for name, one in answer.json().items() if name not in VARY}
        if answer.content
        else None,
        "log": [
            {name: one for name, one in line.items() if name not in ("milliseconds", "caller")}
            for line in said
        ],
        "held": (site.predictor.in_hand, site.memory.in_hand, site.spool.in_hand),
    }


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/predict", PHOTO),
        ("POST", "/predict?x=1#y", PHOTO),
        ("POST", "/%70redict", PHOTO),
        ("POST", "/predict/", PHOTO),
        ("POST", "http://localhost//predict", PHOTO),
        ("POST", "/PREDICT", PHOTO),
        ("POST", "/nightsort/predict", PHOTO),
        ("POST", "/nightsortpredict", PHOTO),
        ("GET", "/predict", {}),
        ("HEAD", "/predict", {}),
        ("OPTIONS", "/predict", {"headers": {"origin": "https://evil.example"}}),
        ("POST", "/predict", {**PHOTO, "headers": {"x-api-key": "wrong"}}),
        ("POST", "/predict", {**PHOTO, "headers": {"x-api-key": ""}}),
        ("POST", "/predict", {**PHOTO, "headers": {"host": "evil.example"}}),
        ("POST", "/predict", {**PHOTO, "headers": {"origin": "https://evil.example"}}),
        ("POST", "/predict", {**PHOTO, "headers": {"x-forwarded-for": "192.0.2.1"}}),
        ("POST", "/predict", {**PHOTO, "headers": {"expect": "100-continue"}}),
        ("POST", "/predict", {}),
        ("POST", "/predict", {"json": {"file": "x"}}),
        ("POST", "/predict", {"content": b"x", "headers": FORM}),
        ("POST", "/predict", {"content": in_parts, "headers": FORM}),
        ("POST", "/predict", {"content": b"x" * 300_000, "headers": FORM}),
        ("POST", "/predict", {"content": b"x", "headers": {**FORM, "content-length": "nine"}}),
        ("POST", "/predict", {"files": {"file": ("a.jpg", b"Shirts" + bytes(210_000))}}),
        ("POST", "/predict", {"files": {"file": ("a.jpg", b"text")}}),
        ("POST", "/predict", {"files": {"other": ("a.jpg", b"Shirts")}}),
    ],
)
def test_both_ways_are_alike(site: Site, method: str, path: str, options: dict[str, Any]) -> None:
    options = dict(options)
    make = options.pop("content", None)
    content = [{"content": make() if callable(make) else make} if make else {} for _ in range(2)]
    short, long = (
        asked(site, is_short=is_short, method=method, path=path, **options, **content[is_short])
        for is_short in (True, False)
    )
    assert short == long
    assert short["held"] == (0, 0, 0)


@pytest.mark.parametrize(
    "error",
    [ModelError("x: y"), FolderUnavailable("x: y"), ZeroDivisionError("x"), OSError(5, "x")],
)
def test_both_ways_tell_alike_of_what_fails(
    site: Site, judge: Scripted, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(_photos: object) -> None:
        raise error

    monkeypatch.setattr(judge, "judge", fails)
    short, long = (
        asked(site, is_short=is_short, method="POST", path="/predict", **PHOTO)
        for is_short in (True, False)
    )
    assert short == long
    assert short["held"] == (0, 0, 0)

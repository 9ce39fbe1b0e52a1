"""What every caller of the API may rely on, whatever the address: methods, errors, what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from starlette.types import Message

from classifier.bundle import load_bundle
from config.errors import ModelError
from config.settings import Settings
from tests.support.photos import photo_bytes
from web.access import open_to_all
from web.addresses import Addresses
from web.app import application
from web.database import WebStore
from web.front import CALLER_GONE, Front
from web.paths import is_page
from web.problems import CONTENT_TYPE
from web.roles import Role
from web.routes import router
from web.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    folders: dict[str, Any] = {key: tmp_path / key for key in keys}
    settings = Settings.model_validate({**folders, "api": {"reads_per_minute": 3}})
    with closing(WebStore.open(tmp_path)) as store:
        yield Site.make(settings, store, Addresses.of(settings.web))


@pytest.fixture
def app(site: Site) -> FastAPI:
    return application(site)


@pytest.fixture
def key(site: Site) -> str:
    return site.store.keys.add("shop", Role.CLERK)


def asked(app: FastAPI, method: str, *paths: str, **options: Any) -> list[httpx.Response]:
    """Answers to requests, one after the other."""

    async def ask() -> list[httpx.Response]:
        front = Front(app, app.state.site, only_proxies=False)
        transport = httpx.ASGITransport(front, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.request(method, path, **options) for path in paths]

    return asyncio.run(ask())


def operations(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of everything that is described, with something in place of each name."""
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path.replace("{id}", "7").replace("{", "").replace("}", "")


# Addresses and methods


def test_no_address_of_the_api_is_another_with_a_slash_behind_it(app: FastAPI) -> None:
    for method, path in operations(app):
        (answer,) = asked(app, method, f"{path}/")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert answer.headers["content-type"] == CONTENT_TYPE


def test_people_who_type_a_slash_behind_a_page_get_there(app: FastAPI) -> None:
    answers = asked(app, "GET", "/review/?photo=7", "/docs/", "/page/people/")
    assert [(one.status_code, one.headers["location"]) for one in answers] == [
        (307, "/review?photo=7"), (307, "/docs"), (307, "/page/people"),
    ]  # fmt: skip
    (answer,) = asked(app, "GET", "/page/static/")
    assert answer.status_code == 404


def test_head_is_answered_as_get_is(app: FastAPI, key: str) -> None:
    for path in ("/health", "/health/live", "/runs", "/docs", "/nothing"):
        got, head = (
            asked(app, method, path, headers={"x-api-key": key})[0] for method in ("GET", "HEAD")
        )
        assert (head.status_code, head.headers["content-type"]) == (
            got.status_code, got.headers["content-type"],
        )  # fmt: skip


def test_another_method_is_told_all_those_that_there_are(app: FastAPI) -> None:
    expected = {"/health": "GET, HEAD", "/jobs/7": "DELETE, GET, HEAD", "/predict": "POST",
                "/upload": "GET, HEAD, POST"}  # fmt: skip
    for path, allowed in expected.items():
        (answer,) = asked(app, "PUT", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.json()["code"] == "method_not_allowed"


def test_a_defect_is_told_as_every_other_problem_is(app: FastAPI) -> None:
    routes = router()

    @routes.get("/broken")
    @routes.get("/page/broken")
    @open_to_all()
    def broken() -> None:
        raise ZeroDivisionError("a secret detail")

    app.include_router(routes)
    with structlog.testing.capture_logs() as said:
        api, page = asked(app, "GET", "/broken", "/page/broken")
    assert (api.status_code, api.headers["content-type"]) == (500, CONTENT_TYPE)
    assert (api.json()["code"], api.json()["request"]) == ("failed", api.headers["x-request-id"])
    assert (page.status_code, "<!doctype html>" in page.text) == (500, True)
    assert "secret" not in api.text + page.text
    assert [one["log_level"] for one in said if one["event"] == "request_failed"] == ["error"] * 2


# Who asks


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_what_needs_no_key_is_answered_whatever_key_is_sent(app: FastAPI, header: str) -> None:
    wrong = {header: "Bearer guessed"}
    for path in ("/health", "/health/live", "/login", "/docs"):
        without, (answer,) = asked(app, "GET", path), asked(app, "GET", path, headers=wrong)
        assert answer.status_code == without[0].status_code, path
    (answer,) = asked(app, "GET", "/health", headers=wrong)
    assert list(answer.json()) == ["status", "model_loaded", "model", "timestamp"]
    (answer,) = asked(app, "GET", "/runs", headers=wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")


def test_a_key_that_is_used_up_may_ask_how_it_is(app: FastAPI, key: str) -> None:
    said = asked(app, "GET", *["/runs"] * 4, *["/health"] * 5, headers={"x-api-key": key})
    assert said[3].status_code == 429
    assert {one.status_code for one in said[4:]} == {503}  # as the daemon is down
    assert all("version" in one.json() for one in said[4:])


def test_whoever_is_not_signed_in_is_led_back_to_where_they_wanted(app: FastAPI) -> None:
    answers = asked(app, "GET", "/", "/?a=b", "/review?photo=7")
    assert [(one.status_code, one.headers["location"]) for one in answers] == [
        (303, "/login?next=/"),
        (303, "/login?next=/%3Fa%3Db"),
        (303, "/login?next=/review%3Fphoto%3D7"),
    ]


# How it is


def health(site: Site) -> dict[str, Any]:
    (answer,) = asked(application(site), "GET", "/health")
    said: dict[str, Any] = answer.json()
    return said


def test_predictions_can_be_made_while_the_daemon_is_down_and_it_is_said(site: Site) -> None:
    said = health(site)
    assert (said["status"], said["model_loaded"]) == ("down", True)
    assert not site.predictor.is_begun  # nothing is loaded to say so
    assert said["model"] == site.predictor.facts().title
    assert health(site)["model"] == said["model"]


def test_without_a_model_that_can_be_trusted_it_is_said(site: Site, tmp_path: Path) -> None:
    settings = site.settings.model_copy(update={"model_dir": tmp_path / "none"})
    without = Site.make(settings, site.store, site.addresses)
    before = health(without)
    with pytest.raises(ModelError):
        without.predictor.facts()
    for said in (before, health(without)):
        assert (said["model_loaded"], said["model"]) == (False, None)


def test_the_version_that_comes_with_nightsort_is_shown_by_its_name(
    site: Site, app: FastAPI, key: str
) -> None:
    (answer,) = asked(app, "GET", "/models/shipped", headers={"x-api-key": key})
    card, said = load_bundle(site.settings.model_dir).card, answer.json()
    assert answer.status_code == 200, said
    assert said["name"] == "shipped"
    assert f"{said['base']['name']} {said['base']['version']}" == card.title
    assert said["categories"] == [*card.categories]


# What is left


def test_what_is_left_stands_in_each_answer_to_a_call_that_was_counted(
    app: FastAPI, key: str
) -> None:
    def left(method: str, path: str, **options: Any) -> tuple[int, str | None]:
        (answer,) = asked(app, method, path, headers={"x-api-key": key}, **options)
        return answer.status_code, answer.headers.get("ratelimit-remaining")

    assert left("POST", "/predict", files={"photo": b"x"}) == (400, "99")
    assert left("POST", "/predict", json={}) == (415, "98")
    assert left("POST", "/predict", content=b"x" * 41_000_000) == (413, "97")
    assert left("GET", "/photos/zero") == (400, "2")
    assert left("GET", "/jobs/7") == (403, None)  # who may not is not counted
    assert left("POST", "/photos/7/undo") == (503, "1")
    assert left("GET", "/health") == (503, None)


def test_a_prediction_that_cannot_be_had_now_costs_nothing_of_the_hours(
    site: Site, tmp_path: Path
) -> None:
    settings = site.settings.model_copy(update={"model_dir": tmp_path / "none"})
    app = application(Site.make(settings, site.store, site.addresses))
    key = site.store.keys.add("shop", Role.READER)
    files = {"file": photo_bytes(size=(60, 80))}
    said = asked(app, "POST", *["/predict"] * 3, headers={"x-api-key": key}, files=files)
    assert [one.json()["code"] for one in said] == ["no_model"] * 3
    assert [one.headers["ratelimit-remaining"] for one in said] == ["100"] * 3


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"decision":', "the body is no JSON: Expecting value at character 12"),
        (b'{"decision": "agree", "colour": 1}', "colour: Extra inputs are not permitted"),
        (b"[]", "body: "),
        (b"", "body: Field required"),
    ],
)
def test_what_is_no_order_is_told_where_and_why(
    app: FastAPI, key: str, body: bytes, detail: str
) -> None:
    headers = {"x-api-key": key, "content-type": "application/json"}
    (answer,) = asked(app, "POST", "/photos/7/decision", headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["detail"].startswith(detail)


# Who goes away


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/predict", "multipart/form-data; boundary=x"),
        ("/predict_batch", "multipart/form-data; boundary=x"),
        ("/decisions", "application/json"),
    ],
)
def test_who_goes_before_all_is_sent_is_no_failure_of_ours(
    app: FastAPI, key: str, path: str, kind: str
) -> None:
    site: Site = app.state.site
    come: list[Message] = [
        {"type": "http.request", "body": b"--x\r\n", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return come.pop(0)

    async def send(_message: Message) -> None:
        """Nobody is there to hear it."""

    headers = {"host": "localhost", "x-api-key": key, "content-type": kind}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    with structlog.testing.capture_logs() as said:
        asyncio.run(Front(app, site, only_proxies=False)(scope, receive, send))
    site.recorder.write()
    assert [(one.path, one.status) for one in site.store.calls.since(0)] == [(path, CALLER_GONE)]
    assert [one["status"] for one in said if one["event"] == "request_served"] == [CALLER_GONE]
    assert [one for one in said if one["log_level"] == "error"] == []


def test_nothing_but_pages_answers_anything_but_json(app: FastAPI) -> None:
    paths = {path for _, path in operations(app)} | {"/nothing", "/photos", "/models/a/b"}
    for path in paths:
        (answer,) = asked(app, "PATCH", path)
        assert answer.headers["content-type"] == CONTENT_TYPE, path
        assert not is_page(path, "PATCH")

"""The whole description against a page at work: no call fails, each answer is as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.openapi import Schema, likely, misfits
from tests.support.photos import photo_bytes, write_photo
from tests.support.web import Page
from web.problems import CONTENT_TYPE

UNLIMITED = "[api]\npredictions_per_hour = 1000000\nbatches_per_hour = 1000000\n"
UNLIMITED += "reads_per_minute = 1000000\nat_once = 60\n"
METHODS = ("get", "post", "put", "patch", "delete")
PHOTO = photo_bytes(size=(60, 80))
FILES = st.sampled_from([PHOTO, PHOTO[:500], b"", b"text", b"PK\3\4 no archive", b"\xff" * 3000])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A site with a run in its history, whose daemon is at work."""
    page = Page.make(tmp_path_factory.mktemp("web"), settings=UNLIMITED)
    for n in range(6):
        write_photo(page.site.incoming / f"return-{n}_front.jpg", seed=n, size=(90, 120))
    assert page.site.nightsort("now").returncode == 0
    with page.site.daemon(), page.serving():
        yield page


@pytest.fixture(scope="module")
def clients(page: Page) -> Iterator[list[httpx.Client]]:
    """Who may do everything, who may look only, and nobody."""
    keys = [page.add_key("admin", "admin"), page.add_key("reader"), ""]
    found = [page.client(headers={"x-api-key": key} if key else {}) for key in keys]
    yield found
    for client in found:
        client.close()


@pytest.fixture(scope="module")
def described(clients: list[httpx.Client]) -> Schema:
    document: Schema = clients[-1].get("/openapi.json").json()
    return document


def test_no_call_fails_and_no_answer_is_another_than_it_says(
    clients: list[httpx.Client], described: Schema
) -> None:
    tried = 0
    for path, operations in described["paths"].items():
        for method in METHODS:
            if method in operations:
                _try(clients, described, method, path)
                tried += 1
    assert tried >= 8


def _try(clients: list[httpx.Client], described: Schema, method: str, path: str) -> None:
    operation = described["paths"][path][method]

    @given(data=st.data())
    @settings(
        max_examples=25, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def call(data: st.DataObject) -> None:
        client = data.draw(st.sampled_from([clients[0], *clients]))
        url, query = path, {}
        for one in operation.get("parameters", ()):
            value = _text(data.draw(likely(one["schema"], described)))
            if one["in"] == "path":
                url = url.replace(f"{{{one['name']}}}", quote(value, safe="") or "x")
            elif one["in"] == "query" and data.draw(st.booleans()):
                query[one["name"]] = value
        body = _body(data, operation, described)
        answer = client.request(method, url, params=query, **body)
        _check(answer, operation, described)

    call()


def _body(data: st.DataObject, operation: Schema, described: Schema) -> dict[str, Any]:
    """What to send: as it is described, mostly; or something broken, or nothing."""
    content = operation.get("requestBody", {}).get("content", {})
    how = data.draw(st.integers(0, 9))
    if not content or how == 0:
        return {}
    kind = next(iter(content))
    if how == 1:
        return {"content": b"{", "headers": {"content-type": kind}}
    schema = content[kind]["schema"]
    if kind == "application/json":
        sent = json.dumps(data.draw(likely(schema, described)))
        return {"content": sent.encode(), "headers": {"content-type": kind}}
    names = st.sampled_from(sorted(schema["properties"]))
    called = st.sampled_from(["a.jpg", '../ü"x', "a" * 300])
    parts = data.draw(st.lists(st.tuples(names, st.tuples(called, FILES)), max_size=3))
    return {"files": parts}


def _check(answer: httpx.Response, operation: Schema, described: Schema) -> None:
    said = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code != 500, said
    # What is no address of the API any more, as a slash or a dot in it made another of it.
    if answer.status_code == 404 and answer.json()["code"] == "not_found":
        return
    if answer.status_code in (405, 408):
        return
    assert str(answer.status_code) in operation["responses"], said
    kinds = operation["responses"][str(answer.status_code)].get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in kinds or (kind == CONTENT_TYPE and answer.status_code >= 400), said
    if "json" not in kind:
        return
    schema = kinds.get(kind, {}).get("schema") or {"$ref": "#/components/schemas/Problem"}
    assert list(misfits(answer.json(), schema, described)) == [], said
    if kind == CONTENT_TYPE:
        assert answer.json()["status"] == answer.status_code
        assert ("retry-after" in answer.headers) == (answer.status_code in (429, 503)), said


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()

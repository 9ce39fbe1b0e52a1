"""What uploads are answered with, whatever they hold; a scripted judge says what photos show."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import pytest
import structlog
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message

from config.errors import ModelError, PhotoError, PhotoProblem
from config.settings import Settings
from tests.support.classifiers import verdict
from tests.support.waiting import DEADLINE_SECONDS
from web.addresses import Addresses
from web.api.predict import Prediction
from web.app import application
from web.database import WebStore
from web.front import Front
from web.predictions import Judged, ModelFacts, Predictor
from web.predictions.alone import Decoder
from web.roles import Role
from web.site import Site
from web.uploads import form_of

JSON_PROBLEM = "application/problem+json"


class Scripted:
    """A photo is what its bytes say; `is_well`: whether there is a model."""

    def __init__(self) -> None:
        self.is_well = True
        self.seen: list[BinaryIO] = []

    def facts(self) -> ModelFacts:
        if not self.is_well:
            raise ModelError("model /secret/place: is damaged")
        return ModelFacts("scripted 2", "scripted 1", ("Shirts", "Tops"))

    def judge(self, photos: Sequence[BinaryIO]) -> list[Judged | Exception]:
        self.facts()
        self.seen += photos
        return [self._one(photo.read()) for photo in photos]

    def judge_alone(self, photo: BinaryIO, _: Decoder) -> Judged:
        raise AssertionError("no photo is large")

    def _one(self, data: bytes) -> Judged | Exception:
        if data.startswith(b"Shirts"):
            return Judged(verdict("Shirts", 0.91234), "scripted 2")
        return PhotoError(PhotoProblem.NOT_AN_IMAGE, "not a photo")


@pytest.fixture
def judge() -> Scripted:
    return Scripted()


@pytest.fixture
def site(tmp_path: Path, judge: Scripted) -> Iterator[Site]:
    keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    limits = {"predictions_per_hour": 100_000, "batches_per_hour": 100_000, "batch_photos": 3}
    settings = Settings.model_validate(
        {key: tmp_path / key for key in keys} | {"api": limits, "intake": {"max_file_mb": 0.2}}
    )
    with closing(WebStore.open(tmp_path)) as store:
        made = Site.make(settings, store, Addresses.of(settings.web))
        predictor = Predictor(settings, lambda: judge, lambda: False)
        yield dataclasses.replace(made, predictor=predictor)
        predictor.stop()


@pytest.fixture
def key(site: Site) -> str:
    return site.store.keys.add("shop", Role.READER)


def asked(site: Site, key: str, method: str, path: str, **options: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = Front(application(site), site, only_proxies=False)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"x-api-key": key, **options.pop("headers", {})}
            return await client.request(method, path, headers=headers, **options)

    return asyncio.run(ask())


def test_a_photo_is_judged_and_what_was_sent_is_closed(
    site: Site, key: str, judge: Scripted
) -> None:
    answer = asked(site, key, "POST", "/predict", files={"file": ("a.jpg", b"Shirts")})
    said = answer.json()
    assert answer.status_code == 200
    assert (said["category"], said["confidence"], said["band"]) == ("Shirts", 0.9123, "auto")
    assert list(said["all_predictions"]) == ["Shirts", "Tops"]
    assert (said["reason"], said["model"]) == (None, "scripted 2")
    assert all(photo.closed for photo in judge.seen)
    assert site.predictor.in_hand == 0


PHOTO, FORM = ("a.jpg", b"Shirts"), "multipart/form-data"
FORM_FIELDS = b"application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "no_file"),
        ({"files": {"other": PHOTO}}, 400, "no_file"),
        ({"files": {"file": ("", b"")}}, 400, "no_file"),
        ({"files": [("file", PHOTO), ("file", PHOTO)]}, 400, "too_many_files"),
        ({"files": [("file", PHOTO), ("more", PHOTO)]}, 400, "too_many_files"),
        ({"json": {"file": "x"}}, 415, "wrong_type"),
        ({"data": {"file": "x"}}, 415, "wrong_type"),
        ({"content": b"x", "headers": {"content-type": FORM}}, 400, "malformed"),
        (
            {"content": b"--x\r\n\r\n", "headers": {"content-type": f"{FORM}; boundary=x"}},
            400,
            "malformed",
        ),
        ({"files": {"file": ("a.jpg", b"Shirts" + bytes(200_000))}}, 413, "too_large"),
        ({"files": {"file": ("a.jpg", b"Shirts" + bytes(300_000))}}, 413, "too_large"),
        ({"files": {"file": ("a.jpg", b"text")}}, 422, "not_an_image"),
        ({"files": {"file": ("a.jpg", b"")}}, 422, "not_an_image"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_plain_code(
    site: Site, key: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = asked(site, key, "POST", "/predict", **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == JSON_PROBLEM
    assert site.predictor.in_hand == 0


def test_a_batch_that_is_being_received_holds_one_place(site: Site, key: str) -> None:
    held: list[int] = []
    part = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a"\r\n\r\nShirts\r\n'

    async def body() -> AsyncIterator[bytes]:
        for piece in (part, part, b"--x--\r\n"):
            held.append(site.predictor.in_hand)
            yield piece

    headers = {"content-type": f"{FORM}; boundary=x"}
    answer = asked(site, key, "POST", "/predict_batch", content=body(), headers=headers)
    assert (answer.status_code, held) == (200, [1, 1, 1]), answer.text
    assert answer.json()["successful"] == 2
    assert site.predictor.in_hand == 0


def test_of_several_photos_one_that_is_none_is_told_in_its_place(site: Site, key: str) -> None:
    files = [("files", (name, data)) for name, data in (("a", b"Shirts"), ("b", b"text"))]
    said = asked(site, key, "POST", "/predict_batch", files=files).json()
    assert (said["total"], said["successful"], said["failed"]) == (2, 1, 1)
    assert (said["predictions"][0]["filename"], said["predictions"][0]["category"]) == (
        "a", "Shirts",
    )  # fmt: skip
    assert said["predictions"][1] == {
        "filename": "b", "error": "not a photo", "code": "not_an_image",
    }  # fmt: skip


def test_of_several_photos_one_that_is_too_large_is_told_in_its_place(site: Site, key: str) -> None:
    large = b"Shirts" + bytes(210_000)
    files = [("files", ("a", b"Shirts")), ("files", ("b", large))]
    said = asked(site, key, "POST", "/predict_batch", files=files).json()
    assert [one.get("code") for one in said["predictions"]] == [None, "too_large"]


@pytest.mark.parametrize("count", [4, 5, 900])
def test_too_many_photos_at_once_are_refused(site: Site, key: str, count: int) -> None:
    files = [("files", ("a", b"x"))] * count
    answer = asked(site, key, "POST", "/predict_batch", files=files)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    assert answer.json()["limit"] == 3


def test_without_a_model_it_says_so_and_not_where_it_lies(
    site: Site, key: str, judge: Scripted
) -> None:
    judge.is_well = False
    photo = {"file": ("a.jpg", b"Shirts")}
    for answer in (
        asked(site, key, "POST", "/predict", files=photo),
        asked(site, key, "POST", "/predict_batch", files={"files": photo["file"]}),
        asked(site, key, "GET", "/classes"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "no_model")
        assert "secret" not in answer.text
        assert int(answer.headers["retry-after"]) >= 1
    version = asked(site, key, "GET", "/version")
    assert (version.status_code, version.json()["model"]) == (200, None)
    judge.is_well = True
    assert asked(site, key, "GET", "/classes").json() == {"classes": ["Shirts", "Tops"]}
    assert asked(site, key, "GET", "/version").json()["base"] == "scripted 1"


def full(_file: object, _data: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_while_the_disk_refuses_what_is_sent_it_says_so(
    site: Site, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadFile, "write", full)
    site.memory.most_bytes = 100
    answer = asked(site, key, "POST", "/predict", files={"file": ("a.jpg", b"Shirts")})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_a_photo_alone_is_judged_from_memory_and_of_memory_only_so_much_is_taken(
    site: Site, key: str, judge: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UploadFile, "write", full)
    photo = b"Shirts" + bytes(100_000)
    answers = [
        asked(site, key, "POST", "/predict", files={"file": ("a.jpg", photo)}) for _ in range(3)
    ]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert all(one.closed for one in judge.seen)
    assert site.memory.in_hand == 0
    site.memory.in_hand = site.memory.most_bytes - 50_000
    refused = asked(site, key, "POST", "/predict", files={"file": ("a.jpg", photo)})
    assert refused.json()["code"] == "unavailable"  # it would have gone to the disk, which is full


@pytest.mark.parametrize("path", ["/predict", "/page/try"])
def test_who_would_wait_too_long_is_told_to_come_again(
    site: Site, key: str, judge: Scripted, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def painted(*_: object) -> bytes:
        return b""

    monkeypatch.setattr("web.pages.sending.picture", painted)
    monkeypatch.setattr("web.predictions.predictor.MOST_SECONDS", 0.1)
    going_on = threading.Event()
    monkeypatch.setattr(judge, "judge", lambda _: going_on.wait(DEADLINE_SECONDS) and [])
    try:
        answer = asked(site, key, "POST", path, files={"file": ("a.jpg", b"Shirts")})
    finally:
        going_on.set()
    assert answer.status_code == 503
    if path == "/predict":
        assert answer.json()["code"] == "busy"
        assert int(answer.headers["retry-after"]) >= 1
    assert site.predictor.in_hand == 0


@pytest.mark.parametrize("charset", ["idna", "raw_unicode_escape", "base64", "utf-7", "x" * 5000])
def test_names_in_any_character_set_are_answered(site: Site, key: str, charset: str) -> None:
    name = rb'"\ud800\xff' + "é/../ü".encode() + b'"'
    body = (
        b"--x\r\ncontent-disposition: form-data; name=files; filename=" + name
        + b"\r\n\r\nShirts\r\n--x--\r\n"
    )  # fmt: skip
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    answer = asked(
        site, key, "POST", "/predict_batch", content=body, headers={"content-type": kind}
    )
    assert answer.status_code in (200, 400)


def test_a_form_of_a_page_may_name_many_photos() -> None:
    kind = {"type": "http", "method": "POST", "headers": [(b"content-type", FORM_FIELDS)]}
    body = "&".join(f"photos={n}" for n in range(500)).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    form = asyncio.run(form_of(Request(kind, receive)))
    assert len(form.getlist("photos")) == 500


@pytest.mark.parametrize("more", [b"", b'; filename="a"'], ids=["fields", "files"])
def test_ten_thousand_parts_are_not_read_to_their_end(site: Site, key: str, more: bytes) -> None:
    part = b'--x\r\ncontent-disposition: form-data; name="a"' + more + b"\r\n\r\n\r\n"
    kind = {"content-type": "multipart/form-data; boundary=x"}
    content = (3000 * part, 10_000 * part)[more == b""]
    answer = asked(site, key, "POST", "/predict_batch", content=content, headers=kind)
    assert answer.status_code in (400, 413)
    assert answer.json()["code"] in ("malformed", "too_many_files")


PIECES = st.sampled_from(
    [
        b"--x", b"--x--", b"\r\n", b"\n", b"content-disposition: form-data; name=file", b"\0",
        b'; filename="a.jpg"', b"; filename*=utf-8''%ff", b"content-type: image/jpeg", b"Shirts",
        b"content-disposition:", b"; name=", b'"', b":", b"\xff\xfe", b"x" * 3000,
    ]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=14))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_body_whatever_it_is_makes_it_fail(site: Site, key: str, pieces: list[bytes]) -> None:
    kind = {"content-type": "multipart/form-data; boundary=x"}
    content = BytesIO(b"".join(pieces)).getvalue()
    answer = asked(site, key, "POST", "/predict", content=content, headers=kind)
    assert answer.status_code in (200, 400, 413, 422)
    assert site.predictor.in_hand == 0


def test_a_prediction_is_as_it_is_described(site: Site, key: str) -> None:
    said = asked(site, key, "POST", "/predict", files={"file": PHOTO}).json()
    assert list(said) == list(Prediction.model_fields)
    assert Prediction.model_validate(said).timestamp.tzinfo is not None


def test_moments_end_in_their_offset_also_in_utc(
    site: Site, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as utc:
        utc.setenv("TZ", "UTC")
        time.tzset()
        one = asked(site, key, "POST", "/predict", files={"file": PHOTO}).json()
        many = asked(site, key, "POST", "/predict_batch", files={"files": PHOTO}).json()
        health = asked(site, key, "GET", "/health").json()
    time.tzset()
    for said in (one, *many["predictions"], health):
        assert said["timestamp"].endswith("+00:00")


def test_a_defect_behind_the_shorter_way_is_logged_and_told_without_its_words(
    site: Site, key: str, judge: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(_photos: object) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(judge, "judge", defect)
    with structlog.testing.capture_logs() as said:
        answer = asked(site, key, "POST", "/predict", files={"file": PHOTO})
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "secret" not in answer.text
    (told,) = [one for one in said if one["event"] == "request_failed"]
    assert told["path"] == "/predict"
    assert site.predictor.in_hand == 0


@pytest.mark.parametrize("path", ["/predict", "/predict/", "/predicts"])
def test_the_shorter_way_is_for_that_address_and_method_alone(
    site: Site, key: str, path: str
) -> None:
    answers = [asked(site, key, method, path) for method in ("GET", "HEAD", "PUT", "DELETE")]
    expected = 405 if path == "/predict" else 404
    assert [one.status_code for one in answers] == [expected] * 4
    assert all(one.headers.get("allow") == ("POST" if expected == 405 else None) for one in answers)


def test_below_a_path_of_its_own_predictions_take_the_shorter_way_too(
    site: Site, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = site.settings.web.model_copy(update={"public_url": "http://localhost/photos"})
    below = dataclasses.replace(site, settings=site.settings.model_copy(update={"web": web}))
    ways: list[str] = []
    monkeypatch.setattr(FastAPI, "__call__", lambda *_: ways.append("longer"))
    for path in ("/predict", "/photos/predict"):
        answer = asked(below, key, "POST", path, files={"file": PHOTO})
        assert (answer.status_code, answer.json()["category"]) == (200, "Shirts")
    assert not ways

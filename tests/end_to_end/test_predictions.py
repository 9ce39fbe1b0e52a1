"""Predictions by HTTP: what `classify` says, whatever is sent, and nothing of it left."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import ImageOps

from tests.end_to_end.test_web import TwoUsers
from tests.support.bundles import copy_of_real_bundle, flip_a_byte
from tests.support.photos import draw_photo, photo_bytes, samples
from tests.support.processes import clean_environment, command
from tests.support.two_users import DAEMON, ROOT, WEB, as_user, shared_folder
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import Page, sign_in

LIMITS = "[api]\npredictions_per_hour = 100000\nbatches_per_hour = 1000\nat_once = 60\n"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = Page.make(tmp_path_factory.mktemp("web"), settings=LIMITS)
    page.add_user("rita")
    with page.serving():
        yield page


@pytest.fixture(scope="module")
def client(page: Page) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": page.add_key("shop")}) as client:
        yield client


def predict(client: httpx.Client, data: bytes, name: str = "a.jpg") -> httpx.Response:
    return client.post("/predict", files={"file": (name, data, "text/plain")})


def test_verdicts_are_those_of_classify(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    photos = samples() | {f"drawn {n}": photo_bytes(seed=n) for n in range(5)}
    photos |= {"dark": photo_bytes(seed=1, size=(40, 53)), "text": b"this is no photo at all"}
    photos |= {"cut": photo_bytes(seed=2)[:9000], "empty": b""}
    for name, data in photos.items():
        (tmp_path / f"{name}.jpg").write_bytes(data)
    done = page.site.nightsort("classify", str(tmp_path), "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(photos)
    for line in lines:
        answer = predict(client, photos[Path(line["path"]).stem])
        if line["category"] is None:
            assert (answer.status_code, answer.json()["code"]) == (422, line["reason"])
            assert answer.json()["detail"] == line["reason_text"]
            continue
        assert answer.status_code == 200
        same(answer.json(), line)


def same(said: dict[str, Any], line: dict[str, Any]) -> None:
    for key in ("category", "confidence", "band", "reason", "reason_text", "model"):
        assert said[key] == line[key]
    best = [{"category": name, "confidence": said["all_predictions"][name]} for name in
            list(said["all_predictions"])[1:3]]  # fmt: skip
    assert best == line["alternatives"]
    assert len(said["all_predictions"]) == 5


def test_many_at_once_and_batches_get_each_their_own_verdict(page: Page) -> None:
    photos = [photo_bytes(seed=n, size=(200, 267)) for n in range(24)]
    with page.client(headers={"x-api-key": page.add_key("many")}) as client:
        one_by_one = [predict(client, data).json() for data in photos]
        with ThreadPoolExecutor(12) as pool:
            again = list(pool.map(lambda data: predict(client, data + b"x").json(), photos))
        files = [("files", (f"{n}.jpg", data + b"y")) for n, data in enumerate(photos)]
        batch = client.post("/predict_batch", files=files).json()
    assert (batch["total"], batch["successful"], batch["failed"]) == (24, 24, 0)
    assert [one["filename"] for one in batch["predictions"]] == [f"{n}.jpg" for n in range(24)]
    for found in (again, batch["predictions"]):
        assert [(one["category"], one["band"]) for one in found] == [
            (one["category"], one["band"]) for one in one_by_one
        ]


def test_nothing_of_an_upload_is_left_nor_kept_for_long(page: Page, client: httpx.Client) -> None:
    spool = page.site.state / "web" / "spool"
    large = photo_bytes(seed=8, size=(1600, 2133), quality=95)
    assert len(large) > 500_000
    assert predict(client, large).status_code == 200
    assert predict(client, large[:400_000]).status_code == 422
    files = [("files", (f"{n}", large)) for n in range(3)]
    assert client.post("/predict_batch", files=files).json()["successful"] == 3
    assert list(spool.iterdir()) == []
    assert page.process is not None
    open_files = Path(f"/proc/{page.process.pid}/fd").iterdir()
    assert not [one for one in open_files if "spool" in str(one.readlink())]


def test_two_gigabytes_are_refused_before_they_are_read_or_at_the_limit(
    tmp_path: Path,
) -> None:
    page = Page.make(tmp_path / "web")
    file = page.site.folder / "nightsort.toml"
    file.write_text(file.read_text().replace("[intake]\n", "[intake]\nmax_file_mb = 1\n"))
    key = page.add_key("shop").encode()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + key + b"\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n"
    part = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    with page.serving():
        said = page.raw(head + b"Content-Length: 2000000000\r\n\r\n" + part)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b'"too_large"' in said
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        first = b"%x\r\n" % len(part) + part + b"\r\n"
        said = page.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + first + 20 * chunk)
        assert said.startswith(b"HTTP/1.1 413 ")


def test_a_person_may_ask_with_the_token_of_a_page(page: Page) -> None:
    with page.client() as client:
        assert predict(client, photo_bytes()).status_code == 401
        assert sign_in(client, "rita").status_code == 303
        assert predict(client, photo_bytes()).json()["code"] == "stale_form"


def test_allowances_are_of_predictions_and_of_batches(tmp_path: Path) -> None:
    limits = "[api]\npredictions_per_hour = 2\nbatches_per_hour = 1\n"
    page = Page.make(tmp_path / "web", settings=limits)
    photo = photo_bytes(size=(60, 80))
    with page.serving(), page.client(headers={"x-api-key": page.add_key("shop")}) as client:
        answers = [predict(client, photo) for _ in range(3)]
        batches = [client.post("/predict_batch", files={"files": ("a", photo)}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.status_code for one in batches] == [200, 429]
    assert answers[0].headers["ratelimit-limit"] == "2"
    assert "predictions an hour" in answers[2].json()["detail"]


def test_with_a_bad_model_predictions_say_so_and_the_page_goes_on(tmp_path: Path) -> None:
    bundle = copy_of_real_bundle(tmp_path / "bundle")
    flip_a_byte(bundle / "model.tflite")
    page = Page.make(tmp_path / "web")
    settings = page.site.folder / "nightsort.toml"
    settings.write_text(f'model_dir = "{bundle}"\n' + settings.read_text())
    page.add_user("rita")
    with page.serving(), page.client(headers={"x-api-key": page.add_key("shop")}) as client:
        answer = predict(client, photo_bytes())
        assert (answer.status_code, answer.json()["code"]) == (503, "no_model")
        assert str(tmp_path) not in answer.text
        assert client.get("/version").json()["model"] is None
        with page.signed_in("rita") as person:
            assert person.get("/").status_code == 200
    assert page.events("predictions_without_model")


def test_as_another_user_it_predicts_with_the_version_that_the_daemons_user_adopted() -> None:
    """As nightsort-web, who may only read what the group of nightsort may."""
    with shared_folder() as folder:
        users = TwoUsers(folder)
        site = users.page.site
        for label, invert in (("Boxes", False), ("Spectacles", True)):
            kind = site.folder / "labelled" / label
            kind.mkdir(parents=True)
            for seed in range(24):
                picture = draw_photo(seed + 100 * invert)
                (ImageOps.invert(picture) if invert else picture).save(kind / f"x{seed}x.jpg")
        learn = ("learn", str(site.folder / "labelled"), "--only", "--adopt")
        assert users.start(DAEMON, *learn).wait(DEADLINE_SECONDS) == 0, (
            users.page.log_file.read_text()
        )
        made = subprocess.run(
            [*as_user(WEB), *command("--config", str(site.folder / "nightsort.toml"), "web", "key",
             "add", "shop")], capture_output=True, text=True, check=True,
            env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        served = users.start(WEB, "web")
        try:
            (started,) = eventually(lambda: users.page.events("web_started"))
            users.page.url = started["url"].rstrip("/")
            with users.page.client(headers={"x-api-key": made.stdout.strip()}) as client:
                assert predict(client, photo_bytes(seed=3)).json()["category"] == "Boxes"
                assert client.get("/classes").json() == {"classes": ["Boxes", "Spectacles"]}
        finally:
            served.terminate()
            assert served.wait(DEADLINE_SECONDS) == 0

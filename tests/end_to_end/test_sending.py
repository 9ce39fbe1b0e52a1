"""Photos and examples that are sent through page and API, to the real daemon; nothing is left."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.test_web import TwoUsers
from tests.support.photos import photo_bytes
from tests.support.two_users import DAEMON, WEB, shared_folder
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import Page, hidden_fields
from tests.unit.daemon.sorting.test_zips import with_entries

LIMITS = "[api]\nreads_per_minute = 100000\nat_once = 60\n"
TEXT = b"this is no photo, only what somebody noted"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    page = Page.make(tmp_path_factory.mktemp("web"), settings=LIMITS)
    for name, role in (("carl", "clerk"), ("lena", "lead"), ("rita", "reader")):
        page.add_user(name, role)
    with page.site.daemon(), page.serving():
        page.await_daemon()
        yield page


@pytest.fixture(scope="module")
def clerk(page: Page) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": page.add_key("shop", "clerk")}) as client:
        yield client


@pytest.fixture(scope="module")
def lead(page: Page) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": page.add_key("teacher", "lead")}) as client:
        yield client


def send(client: httpx.Client, *files: tuple[str, bytes], to: str = "/incoming") -> httpx.Response:
    return client.post(to, files=[("files", (name, data, "text/plain")) for name, data in files])


def spooled(page: Page) -> list[Path]:
    return [*(page.site.state / "web" / "spool").rglob("*")]


def zipped(**photos: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in photos.items():
            archive.writestr(name.replace("__", "/") + ".jpg", data)
    return file.getvalue()


# --- into incoming -------------------------------------------------------------------------------


def test_photos_go_into_incoming_are_sorted_and_say_who_sent_them(
    page: Page, clerk: httpx.Client
) -> None:
    photos = [photo_bytes(seed=n, size=(300, 400)) for n in range(3)]
    answer = send(clerk, ("return_70001_a.jpg", photos[0]), ("note.jpg", TEXT),
                  ("return_70001_a.jpg", photos[1]), ("../b.jpg", photos[2]))  # fmt: skip
    assert answer.status_code == 200, answer.text
    said = answer.json()
    names = [one["as"] for one in said["received"]]
    assert names == ["return_70001_a.jpg", "return_70001_a (2).jpg", "b.jpg"]
    assert [one["filename"] for one in said["received"]][2] == "../b.jpg"
    assert [(one["filename"], one["code"]) for one in said["refused"]] == [
        ("note.jpg", "not_an_image")
    ]
    assert [(page.site.incoming / name).read_bytes() for name in names] == photos
    assert page.site.nightsort("now").returncode == 0
    found = clerk.get("/returns/70001").json()["photos"]
    assert {one["sent_by"] for one in found} == {"shop"}
    assert len(found) == 2
    words = page.site.nightsort("find", "b.jpg").stdout
    assert "sent by shop" in words
    assert spooled(page) == []


def test_what_cannot_be_read_is_refused_with_the_codes_of_predictions(
    page: Page, clerk: httpx.Client
) -> None:
    photo = photo_bytes(seed=5, size=(600, 800))
    answer = send(clerk, ("cut.jpg", photo[: len(photo) // 2]), ("empty.jpg", b""), ("n.png", TEXT))
    assert answer.json()["received"] == []
    codes = {one["filename"]: one["code"] for one in answer.json()["refused"]}
    assert codes == {"cut.jpg": "truncated", "empty.jpg": "truncated", "n.png": "not_an_image"}
    for name in ("cut.jpg", "n.png"):
        data = photo[: len(photo) // 2] if name == "cut.jpg" else TEXT
        alone = clerk.post("/predict", files={"file": (name, data)}).json()
        assert alone["code"] == codes[name]
    assert not [one for one in page.site.photos("incoming") if one.name in codes]
    assert spooled(page) == []


def test_a_body_without_files_or_with_too_many_is_refused(clerk: httpx.Client) -> None:
    assert clerk.post("/incoming", files={"other": ("a", b"x")}).json()["code"] == "no_file"
    answer = send(clerk, *((f"{n}.jpg", b"x") for n in range(51)))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    assert clerk.post("/incoming", json={}).json()["code"] == "wrong_type"
    broken = clerk.post(
        "/incoming", content=b"--x", headers={"content-type": "multipart/form-data"}
    )
    assert (broken.status_code, broken.json()["code"]) == (400, "malformed")


def test_readers_send_nothing_and_clerks_no_examples(page: Page, clerk: httpx.Client) -> None:
    with page.client(headers={"x-api-key": page.add_key("looks")}) as reader:
        for path in ("/incoming", "/upload"):
            answer = send(reader, ("a.jpg", photo_bytes()), to=path)
            assert (answer.status_code, answer.json()["code"]) == (403, "role_too_weak")
    assert send(clerk, ("a.jpg", photo_bytes()), to="/upload").json()["needed"] == "lead"
    with page.client() as nobody:
        for path in ("/incoming", "/upload"):
            answer = send(nobody, ("a.jpg", photo_bytes()), to=path)
            assert (answer.status_code, answer.json()["code"]) == (401, "no_credentials")


def test_two_gigabytes_are_refused_before_they_are_read_or_at_the_limit(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", settings="max_file_mb = 1\n[api]\nbatch_photos = 2\n")
    key = page.add_key("shop", "clerk").encode()
    head = b"POST /incoming HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + key + b"\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n"
    part = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a"\r\n\r\n'
    with page.site.daemon(), page.serving():
        page.await_daemon()
        said = page.raw(head + b"Content-Length: 2000000000\r\n\r\n" + part)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b'"too_large"' in said
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        first = b"%x\r\n" % len(part) + part + b"\r\n"
        said = page.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + first + 40 * chunk)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert page.site.photos("incoming") == []
        assert spooled(page) == []


def test_while_the_daemon_is_down_nothing_is_taken_and_nothing_kept(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web")
    page.add_user("lena", "lead")
    with page.serving(), page.client(headers={"x-api-key": page.add_key("l", "lead")}) as client:
        for path, more in (("/incoming", {}), ("/upload", {"label": "Shirts"})):
            answer = client.post(path, files={"files": ("a.jpg", photo_bytes())}, data=more)
            assert (answer.status_code, answer.json()["code"]) == (503, "daemon_down")
            assert int(answer.headers["retry-after"]) > 0
        with page.signed_in("lena") as person:
            shown = person.get("/upload")
            assert "not sorting" in shown.text
            form = hidden_fields(shown.text)
            files = {"files": ("a.jpg", photo_bytes())}
            assert person.post("/page/upload", data=form, files=files).status_code == 503
        assert page.site.photos("incoming") == []
        assert spooled(page) == []


def test_a_page_that_is_killed_in_the_middle_leaves_nothing_and_no_half_photo(
    tmp_path: Path,
) -> None:
    page = Page.make(tmp_path / "web", settings=LIMITS)
    key = page.add_key("shop", "clerk")
    go_on = tmp_path / "go on"  # after the first photo the daemon waits for that
    held = f"""
import pathlib, time, daemon.intake.arrivals as a
real, seen, until = a.copy_bytes, [], time.monotonic() + {DEADLINE_SECONDS}
def copy(*given):
    seen.append(1)
    while len(seen) > 1 and time.monotonic() < until and not pathlib.Path({str(go_on)!r}).exists():
        time.sleep(0.01)
    return real(*given)
a.copy_bytes = copy"""
    photos = [photo_bytes(seed=n, size=(300, 400)) for n in range(12)]
    with page.site.daemon(held), page.serving():
        page.await_daemon()
        sender = threading.Thread(target=_send_in_vain, args=(page, key, photos))
        sender.start()
        eventually(lambda: page.site.photos("incoming"))
        assert page.process is not None
        page.process.kill()
        page.process.wait()
        sender.join()
        assert spooled(page) != []
        page.start()
        assert spooled(page) == []
        go_on.touch()
        assert page.site.nightsort("now").returncode == 0  # whose turn is after that order
        assert [*page.site.incoming.glob(".nightsort-sent-*")] == []
    arrived = [*page.site.photos("incoming"), *page.site.photos("sorted")]
    found = [one.read_bytes() for one in arrived if one.suffix == ".jpg"]
    assert 1 <= len(found) <= len(photos)
    assert all(one in photos for one in found)


def _send_in_vain(page: Page, key: str, photos: list[bytes]) -> None:
    with page.client(headers={"x-api-key": key}) as client, suppress(httpx.HTTPError):
        send(client, *((f"{n}.jpg", data) for n, data in enumerate(photos)))


def test_as_two_users_the_daemon_takes_what_the_page_may_not_write() -> None:
    with shared_folder() as folder:
        users = TwoUsers(folder)
        page, site = users.page, users.page.site
        daemon = users.start(DAEMON, "run")
        try:
            eventually((site.state / "control.sock").exists)
            key = users.key("shop", "clerk")
            served = users.start(WEB, "web")
            try:
                (started,) = eventually(lambda: page.events("web_started"))
                page.url = started["url"].rstrip("/")
                with page.client(headers={"x-api-key": key}) as client:
                    page.await_daemon()
                    photo = photo_bytes(seed=3)
                    said = send(client, ("a.jpg", photo))
                    assert said.status_code == 200, said.text
                    assert [one["as"] for one in said.json()["received"]] == ["a.jpg"], said.text
                file = site.incoming / "a.jpg"
                assert (file.read_bytes(), file.stat().st_uid) == (photo, DAEMON)
                assert spooled(page) == []
            finally:
                served.terminate()
                served.wait(DEADLINE_SECONDS)
        finally:
            daemon.terminate()
            daemon.wait(DEADLINE_SECONDS)


# --- examples ------------------------------------------------------------------------------------


def test_photos_with_a_label_become_examples_once(page: Page, lead: httpx.Client) -> None:
    photos = [("files", (f"{n}.jpg", photo_bytes(seed=100 + n))) for n in range(3)]
    label = {"label": "Sandals"}
    first = lead.post("/upload", files=[*photos, ("files", ("n.jpg", TEXT))], data=label)
    assert first.status_code == 200, first.text
    assert (first.json()["added"], first.json()["double"]) == (3, 0)
    (refused,) = first.json()["refused"]
    assert refused["filename"] == "n.jpg"
    assert refused["error"].startswith("not a photo")
    again = lead.post("/upload", files=[*photos, photos[0]], data=label).json()
    assert again == {"added": 0, "double": 4, "refused": []}
    kept = page.site.nightsort("learn", "list").stdout
    assert re.search(r"Sandals\s+3\s+3 by upload", kept)
    assert spooled(page) == []
    assert not [one for one in page.site.photos("incoming") if one.name.startswith("100")]


def test_a_zip_of_labelled_folders_becomes_examples(page: Page, lead: httpx.Client) -> None:
    photo = photo_bytes(seed=200)
    archive = zipped(
        Boots__a=photo, Boots__b=photo_bytes(seed=201), Clogs__c=photo_bytes(seed=202),
        Clogs__bad=TEXT, _later__d=photo_bytes(seed=203), Clogs__double=photo_bytes(seed=202),
    )  # fmt: skip
    answer = lead.post("/upload", files={"archive": ("shoes.zip", archive)})
    said = answer.json()
    assert (said["added"], said["double"]) == (3, 1), said
    why = {one["filename"]: one["error"] for one in said["refused"]}
    assert sorted(why) == ["Clogs/bad.jpg", "_later/d.jpg"]
    assert "begin with _ are skipped" in why["_later/d.jpg"]


def test_one_photo_that_is_said_to_be_two_things_is_refused(lead: httpx.Client) -> None:
    photo = photo_bytes(seed=250)
    archive = zipped(Boots__a=photo, Clogs__b=photo, Clogs__c=photo_bytes(seed=251))
    said = lead.post("/upload", files={"archive": ("a.zip", archive)}).json()
    assert (said["added"], said["double"]) == (1, 0)
    (refused,) = said["refused"]
    assert refused["error"] == "one photo, said to be Boots and Clogs"


@pytest.mark.parametrize(
    ("files", "data", "status", "code"),
    [
        ({}, {"label": "Boots"}, 400, "no_file"),
        ({"files": ("a.jpg", b"x")}, {}, 400, "malformed"),
        ({"files": ("a.jpg", b"x")}, {"label": ["Shirts", "Tops"]}, 400, "malformed"),
        ({"files": ("a.jpg", b"x")}, {"label": "_later"}, 400, "malformed"),
        ({"files": ("a.jpg", b"x")}, {"label": "../Shirts"}, 400, "malformed"),
        ({"files": ("a.jpg", b"x")}, {"label": "x" * 101}, 400, "malformed"),
        ({"files": ("a.jpg", b"x"), "archive": ("a.zip", b"x")}, {"label": "B"}, 400, "malformed"),
        ({"archive": ("a.zip", b"x")}, {"label": "Boots"}, 400, "malformed"),
        ({"archive": ("a.zip", TEXT)}, {}, 422, "bad_archive"),
        ({"archive": ("a.zip", zipped(loose=b"x"))}, {}, 422, "bad_archive"),
    ],
)
def test_examples_that_nobody_can_understand_are_refused(
    lead: httpx.Client, files: dict[str, Any], data: dict[str, Any], status: int, code: str
) -> None:
    files = files or {"other": ("a.jpg", b"x")}
    answer = lead.post("/upload", files=files, data=data)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_archives_that_would_do_harm_are_refused_and_the_daemon_goes_on(
    page: Page, lead: httpx.Client
) -> None:
    many = lead.post("/upload", files={"archive": ("many.zip", with_entries(100_000))})
    assert (many.status_code, many.json()["code"]) == (422, "bad_archive")
    assert "lists too many files" in many.json()["detail"]
    file = io.BytesIO()
    link = zipfile.ZipInfo("Boots/link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Boots/bomb.jpg", bytes(60_000_000))
        archive.writestr("../../Boots/out.jpg", photo_bytes(seed=260))
        archive.writestr(link, "/etc/passwd")
        archive.writestr("Boots/good.jpg", photo_bytes(seed=261))
    said = lead.post("/upload", files={"archive": ("odd.zip", file.getvalue())}).json()
    why = {one["filename"]: one["error"] for one in said["refused"]}
    assert said["added"] == 1, said
    assert "larger than the 40 MB" in why["Boots/bomb.jpg"]
    assert "leads out of the archive" in why["../../Boots/out.jpg"]
    assert "link" in why["Boots/link.jpg"]
    assert page.site.nightsort("status").returncode in (0, 1)


def test_two_archives_are_one_too_many(lead: httpx.Client) -> None:
    two = [("archive", ("a.zip", b"x")), ("archive", ("b.zip", b"x"))]
    answer = lead.post("/upload", files=two)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_files")


# --- the page ------------------------------------------------------------------------------------


def test_a_clerk_sends_by_the_form_and_sees_what_became_of_each(page: Page) -> None:
    with page.signed_in("carl") as client:
        shown = client.get("/upload")
        assert shown.status_code == 200
        assert "examples" not in shown.text.lower()
        files = [("files", ("c.jpg", photo_bytes(seed=300))), ("files", ("note.jpg", TEXT))]
        done = client.post("/page/upload", data=hidden_fields(shown.text), files=files)
        assert done.status_code == 200
        assert "1 received, 1 not taken." in done.text
        assert "It is no photo that can be read." in done.text
        assert client.post("/page/upload", files=files).status_code == 403  # without the token
        nothing = client.post("/page/upload", data=hidden_fields(shown.text),
                              files={"files": ("", b"")})  # fmt: skip
        assert (nothing.status_code, "Choose photos first." in nothing.text) == (400, True)
    story = page.site.nightsort("find", "c.jpg").stdout
    assert "sent by carl" in story


def test_a_lead_says_of_what_photos_are_examples(page: Page) -> None:
    with page.signed_in("lena", headers={"accept-language": "de"}) as client:
        shown = client.get("/upload").text
        assert "Das sind Beispiele für" in shown
        form = hidden_fields(shown)
        done = client.post("/page/upload/examples", data={**form, "label": "Belts"},
                           files={"files": ("d.jpg", photo_bytes(seed=301))})  # fmt: skip
        assert "Neue Beispiele: 1. Schon bekannt: 0, nicht angenommen: 0." in done.text
    with page.signed_in("carl") as client:
        form = hidden_fields(client.get("/upload").text)
        refused = client.post("/page/upload/examples", data={**form, "label": "Belts"},
                              files={"files": ("d.jpg", photo_bytes(seed=301))})  # fmt: skip
        assert refused.status_code == 403


def test_a_photo_is_tried_shown_and_not_kept(page: Page) -> None:
    before = page.site.photos("incoming")
    photo = photo_bytes(seed=310, size=(1200, 1600))
    with page.signed_in("rita") as client:
        shown = client.get("/page/try").text
        assert 'href="/upload"' not in shown  # a reader has no link to where it may not go
        assert client.get("/upload").status_code == 403
        form = hidden_fields(shown)
        said = client.post(
            "/predict", files={"file": photo}, headers={"x-csrf-token": form["token"]}
        )
        done = client.post("/page/try", data=form, files={"file": ("x.jpg", photo)})
        assert done.status_code == 200
        assert f'<h2 id="verdict">{said.json()["category"]}</h2>' in done.text
        assert "data:image/jpeg;base64," in done.text
        bad = client.post("/page/try", data=form, files={"file": ("x.jpg", TEXT)})
        assert (bad.status_code, "no photo that can be read" in bad.text) == (422, True)
        none = client.post("/page/try", data=form, files={"file": ("", b"")})
        assert (none.status_code, "Choose a photo first." in none.text) == (400, True)
    assert page.site.photos("incoming") == before
    assert spooled(page) == []


def test_pages_of_uploads_need_a_sign_in(page: Page) -> None:
    with page.client() as client:
        for path in ("/upload", "/page/try"):
            assert client.get(path).headers["location"].startswith("/login?next=")

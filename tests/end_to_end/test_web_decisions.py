"""Decisions through the API: done by the daemon, recorded with who said so; or said why not."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.domain.orders import Correct, Undo
from daemon.service.control_client import NoAnswer, give_order
from daemon.store import DATABASE
from tests.end_to_end.test_web import ROOT, TwoUsers
from tests.support.processes import clean_environment, command
from tests.support.review_site import draw, stop_daemon, with_photos
from tests.support.two_users import DAEMON, WEB, as_user, shared_folder
from tests.support.waiting import DEADLINE_SECONDS, eventually
from tests.support.web import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("review") / "web", 16) as page:
        yield page


@pytest.fixture(scope="module")
def keys(page: Page) -> dict[str, str]:
    return {
        "anna": page.add_key("anna", "clerk"),
        "bob": page.add_key("bob", "clerk"),
        "shop": page.add_key("shop"),
    }


@pytest.fixture
def anna(page: Page, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": keys["anna"]}) as client:
        yield client


@pytest.fixture
def bob(page: Page, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": keys["bob"]}) as client:
        yield client


@pytest.fixture
def photo(anna: httpx.Client) -> dict[str, Any]:
    """The one that has waited for longest."""
    waiting = anna.get("/reviews?limit=1").json()["photos"][0]
    found: dict[str, Any] = anna.get(f"/photos/{waiting['id']}").json()
    return found


def decide(client: httpx.Client, photo: dict[str, Any], **word: Any) -> httpx.Response:
    return client.post(f"/photos/{photo['id']}/decision", json=word)


def undo(client: httpx.Client, photo: dict[str, Any], **upon: Any) -> httpx.Response:
    return client.post(f"/photos/{photo['id']}/undo", json=upon)


def test_a_decision_is_done_recorded_and_shown(
    page: Page, anna: httpx.Client, photo: dict[str, Any]
) -> None:
    before = anna.get("/reviews").json()["total"]
    answer = decide(anna, photo, decision="category", category="Watches", upon=photo["said"])
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["state"], done["category_now"]) == ("filed", "Watches")
    assert (page.site.sorted / "Watches" / photo["filename"]).is_file()
    assert (done["words"][-1]["person"], done["words"][-1]["via"]) == ("anna", "api")
    assert done == anna.get(f"/photos/{photo['id']}").json()
    assert anna.get("/reviews").json()["total"] == before - 1


def test_agreed_is_filed_where_it_was_guessed_to_belong_and_taken_back_waits_again(
    page: Page, anna: httpx.Client, bob: httpx.Client, photo: dict[str, Any]
) -> None:
    agreed = decide(anna, photo, decision="agree").json()
    assert agreed["path_now"] == f"{photo['category']}/{photo['filename']}"
    back = undo(bob, photo)
    assert (back.status_code, back.json()["state"]) == (200, "review")
    assert [one["person"] for one in back.json()["words"]][-2:] == ["anna", "bob"]
    assert photo["id"] in [one["id"] for one in anna.get("/reviews").json()["photos"]]
    again = undo(anna, photo)
    assert (again.status_code, again.json()["code"]) == (409, "already")


def test_a_photo_to_be_taken_again_lies_in_retake(
    page: Page, anna: httpx.Client, photo: dict[str, Any]
) -> None:
    assert decide(anna, photo, decision="retake").json()["state"] == "retake"
    assert (page.site.sorted / "_retake" / photo["filename"]).is_file()
    assert undo(anna, photo).status_code == 200


def test_who_comes_second_is_told_who_decided_and_what(
    anna: httpx.Client, bob: httpx.Client, photo: dict[str, Any]
) -> None:
    decide(anna, photo, decision="category", category="Shirts")
    second = decide(bob, photo, decision="agree")
    assert (second.status_code, second.headers["content-type"]) == (409, "application/problem+json")
    told = second.json()
    assert (told["code"], told["by"], told["category"]) == ("decided", "anna", "Shirts")
    assert "anna decided" in told["detail"]
    # Her own word once more, as after an answer that was lost, does no harm.
    assert decide(anna, photo, decision="category", category="Shirts").status_code == 200


def test_of_two_at_once_one_decides_and_the_other_is_told(
    anna: httpx.Client, bob: httpx.Client, photo: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(
                decide, client, photo, decision="category", category=name, upon=photo["said"]
            )
            for client, name in ((anna, "Shirts"), (bob, "Watches"))
        ]
        assert sorted(one.result().status_code for one in answers) == [200, 409]


def test_who_saw_another_state_neither_decides_nor_takes_back_unknowingly(
    anna: httpx.Client, bob: httpx.Client, photo: dict[str, Any]
) -> None:
    hers = decide(anna, photo, decision="agree", upon=photo["said"]).json()["said"]
    undo(bob, photo)
    assert decide(anna, photo, decision="agree", upon=photo["said"]).json()["by"] == "bob"
    decide(bob, photo, decision="category", category="Shirts")
    late = undo(anna, photo, upon=hers)
    assert (late.status_code, late.json()["by"], late.json()["category"]) == (409, "bob", "Shirts")


def test_many_are_decided_in_one_stroke_and_each_that_is_left_is_named(
    anna: httpx.Client, bob: httpx.Client
) -> None:
    waiting = [one["id"] for one in anna.get("/reviews?limit=3").json()["photos"]]
    decide(bob, {"id": waiting[0]}, decision="retake")
    asked = {"photos": [*waiting, 4711], "decision": "category", "category": "shirts"}
    answer = anna.post("/decisions", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["done"] == waiting[1:]
    left = {one["id"]: one["code"] for one in answer.json()["failed"]}
    assert left == {waiting[0]: "decided", 4711: "not_found"}


@pytest.mark.parametrize(
    ("word", "status", "code"),
    [
        ({"decision": "category", "category": "Hats"}, 422, "unknown_category"),
        ({"decision": "category"}, 400, "malformed"),
        ({"decision": "agree", "category": "Tops"}, 400, "malformed"),
        ({"decision": "burn"}, 400, "malformed"),
        ({"decision": "agree", "upon": -1}, 400, "malformed"),
        ({"decision": "agree", "upon": False}, 400, "malformed"),
        ({"decision": "agree", "seconds": True}, 400, "malformed"),
        ({"decision": "agree", "person": "somebody else"}, 400, "malformed"),
        ({}, 400, "malformed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    anna: httpx.Client, photo: dict[str, Any], word: dict[str, Any], status: int, code: str
) -> None:
    answer = decide(anna, photo, **word)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert anna.get(f"/photos/{photo['id']}").json()["state"] == "review"


def test_a_boolean_is_no_photo_and_no_word(anna: httpx.Client, photo: dict[str, Any]) -> None:
    for path, asked in (
        ("/decisions", {"photos": [True], "decision": "agree"}),
        (f"/photos/{photo['id']}/undo", {"upon": True}),
    ):
        answer = anna.post(path, json=asked)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
        assert answer.json()["detail"].endswith(": a number is wanted, not a boolean")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_in_our_words(
    anna: httpx.Client, photo: dict[str, Any], number: str
) -> None:
    for path, asked in (
        (f"/photos/{photo['id']}/decision", f'{{"decision": "agree", "seconds": {number}}}'),
        ("/decisions", f'{{"decision": "agree", "photos": [{number}]}}'),
    ):
        answer = anna.post(path, content=asked, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
        assert answer.json()["detail"].endswith(": a number is wanted, not NaN or Infinity")


@pytest.mark.parametrize("new", [1, "yes", "true", None])
def test_only_true_says_that_a_category_may_be_new(
    anna: httpx.Client, photo: dict[str, Any], new: object
) -> None:
    answer = decide(anna, photo, decision="category", category="Hats", new=new)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
    assert answer.json()["field"] == "new"
    assert anna.get(f"/photos/{photo['id']}").json()["state"] == "review"


def test_where_nothing_is_to_be_measured_a_program_measures_nothing(tmp_path: Path) -> None:
    for measure, measured in (("true", 1), ("false", 0)):
        folder = tmp_path / measure
        with with_photos(folder, 1, f"[value]\nmeasure = {measure}") as page:
            key = page.add_key("anna", "clerk")
            with page.client(headers={"x-api-key": key}) as anna:
                (photo,) = anna.get("/reviews").json()["photos"]
                answer = decide(anna, photo, decision="agree", seconds=8)
                assert answer.status_code == 200, answer.text
            with closing(sqlite3.connect(page.site.state / DATABASE)) as db:
                assert len(db.execute("SELECT * FROM looks").fetchall()) == measured


def test_a_photo_that_there_is_not_is_not_found(anna: httpx.Client) -> None:
    for path in ("decision", "undo"):
        answer = anna.post(
            f"/photos/4711/{path}", json={"decision": "agree"} if path[0] == "d" else {}
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_reader_decides_nothing(page: Page, keys: dict[str, str], photo: dict[str, Any]) -> None:
    with page.client(headers={"x-api-key": keys["shop"]}) as shop:
        assert shop.get("/reviews").status_code == 200
        for answer in (
            decide(shop, photo, decision="agree"),
            undo(shop, photo),
            shop.post("/decisions", json={"photos": [photo["id"]], "decision": "agree"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "role_too_weak")


def test_while_the_daemon_is_down_what_there_is_is_shown_and_nothing_decided(
    tmp_path: Path,
) -> None:
    with with_photos(tmp_path / "web", 2) as page:
        key = page.add_key("anna", "clerk")
        with page.client(headers={"x-api-key": key}) as anna:
            number = anna.get("/reviews").json()["photos"][0]["id"]
            picture = anna.get(f"/photos/{number}/image")
            stop_daemon(page)
            answer = decide(anna, {"id": number}, decision="agree")
            assert (answer.status_code, answer.json()["code"]) == (503, "daemon_down")
            assert int(answer.headers["retry-after"]) >= 1
            assert anna.get("/reviews").json()["total"] == 2
            assert anna.get(f"/photos/{number}/image").content == picture.content


def test_what_a_daemon_that_stood_still_was_asked_for_in_vain_is_not_done_later(
    tmp_path: Path,
) -> None:
    page = Page.make(tmp_path / "web")
    draw(page.site.incoming, 1)
    assert page.site.nightsort("now").returncode == 0
    with page.site.daemon() as daemon:
        page.await_daemon()
        give_order(page.site.state, Correct(("#1",), "Tops"), None, DEADLINE_SECONDS)
        daemon.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(NoAnswer) as told:
                give_order(page.site.state, Correct(("#1",), "Shirts"), None, 0.5)
        finally:
            daemon.send_signal(signal.SIGCONT)
        assert told.value.code == "no_answer"
        events = page.site.events
        eventually(lambda: [one for one in events() if one["event"] == "order_dropped"])
        undone = give_order(page.site.state, Undo(("#1",)), None, DEADLINE_SECONDS)
        assert [one.source.partition("/")[0] for one in undone.done] == ["Tops"]


def test_a_page_of_another_user_shows_photos_whatever_became_of_the_daemon() -> None:
    """As nightsort-web in the group of nightsort: it reads what the daemon filed, and asks it."""
    with shared_folder() as folder:
        users = TwoUsers(folder)
        draw(users.page.site.incoming, 2)
        served, daemon = users.start(WEB, "web"), users.start(DAEMON, "run")
        try:
            (started,) = eventually(lambda: users.page.events("web_started"))
            users.page.url = started["url"].rstrip("/")
            users.page.await_daemon()
            assert users.start(DAEMON, "now").wait(DEADLINE_SECONDS) == 0
            with users.page.client(headers={"x-api-key": key_of(users)}) as anna:

                def shows(side: int) -> bool:
                    """On a busy machine it asks to be asked again first."""
                    return anna.get(f"/photos/1/image?side={side}").status_code == 200

                for end, side in ((signal.SIGTERM, 100), (signal.SIGKILL, 200)):
                    assert eventually(partial(shows, side))
                    answer = decide(anna, {"id": 1}, decision="retake")
                    assert answer.status_code == 200, answer.text
                    daemon.send_signal(end)
                    daemon.wait(DEADLINE_SECONDS)
                    assert anna.get("/photos/1").json()["state"] == "retake"
                    assert eventually(partial(shows, side + 1))
                    daemon = users.start(DAEMON, "run")
                    users.page.await_daemon()
                    assert undo(anna, {"id": 1}).status_code == 200
        finally:
            for process in (served, daemon):
                process.terminate()
                process.wait(DEADLINE_SECONDS)


def key_of(users: TwoUsers) -> str:
    """A key that nightsort-web makes."""
    settings = str(users.page.site.folder / "nightsort.toml")
    arguments = ("--config", settings, "web", "key", "add", "anna", "--role", "clerk")
    done = subprocess.run(
        [*as_user(WEB), *command(*arguments)], capture_output=True, text=True, check=True,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stdout.strip()

"""The review in groups: decided in one stroke, by a form and by two keys, and taken back in one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from daemon.store import DATABASE
from tests.support.chromium import chromium
from tests.support.review_site import stop_daemon, with_photos
from tests.support.waiting import eventually
from tests.support.web import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("groups") / "web", 14) as page:
        yield page


@pytest.fixture
def carl(page: Page) -> Iterator[httpx.Client]:
    with page.signed_in("carl") as client:
        yield client


def first_group(text: str) -> list[str]:
    """What the boxes of the largest group stand for."""
    fieldset = text.partition("<fieldset")[2].partition("</fieldset>")[0]
    return re.findall(r'name="photo" value="(\d+:\d+)"', fieldset)


def token(text: str) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', text)[0])


def total(client: httpx.Client) -> int:
    return int(client.get("/reviews").json()["total"])


def test_a_group_is_decided_and_taken_back_in_one_stroke_each(carl: httpx.Client) -> None:
    before, text = total(carl), carl.get("/page/groups").text
    group = first_group(text)
    assert len(group) > 1
    form = {"token": token(text), "decision": "other", "other": "Kurtas"}
    answer = carl.post("/page/groups/decision", data={**form, "photo": group})
    assert f"{len(group)} decided" in answer.text
    assert total(carl) == before - len(group)
    numbers = [one.partition(":")[0] for one in group]
    assert {carl.get(f"/photos/{one}").json()["category_now"] for one in numbers} == {"Kurtas"}
    undo = answer.text.partition('id="undo"')[2].partition("</form>")[0]
    taken = re.findall(r'name="photo" value="(\d+:\d+)"', undo)
    assert [one.partition(":")[0] for one in taken] == numbers
    back = carl.post("/page/groups/undo", data={"token": token(text), "photo": taken})
    assert f"{len(group)} to decide again" in back.text
    assert total(carl) == before


def test_what_somebody_decided_meanwhile_is_left_and_named(page: Page, carl: httpx.Client) -> None:
    text = carl.get("/page/groups").text
    group = first_group(text)[:2]
    number = group[0].partition(":")[0]
    with page.client(headers={"x-api-key": page.add_key("gerd", "clerk")}) as gerd:
        gerd.post(f"/photos/{number}/decision", json={"decision": "retake"})
    form = {"token": token(text), "decision": "agree", "photo": group}
    answer = carl.post("/page/groups/decision", data=form)
    assert "1 decided" in answer.text
    assert re.search(r"\.jpg</a>: gerd decided, .*: photograph it again\.", answer.text)
    german = {"accept-language": "de"}
    form["photo"] = [group[0], "999999:0"]
    text = carl.post("/page/groups/decision", data=form, headers=german).text
    assert re.search(r"\.jpg</a>: gerd hat entschieden, .*: neu fotografieren\.", text)
    assert "Vielleicht ist die Adresse vertippt" in text
    assert carl.get(f"/photos/{number}").json()["words"][-1]["person"] == "gerd"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"photo": ["1"]}, 400),
        ({"photo": ["1:0", "1:0"]}, 400),
        ({"photo": ["../1:0"]}, 400),
        ({"photo": [f"{n}:0" for n in range(1, 200)]}, 400),
        ({"photo": ["1:0"], "decision": "burn"}, 400),
        ({"photo": ["1:0"], "decision": "other"}, 422),
        ({}, 422),
        ({"photo": ["1:0"], "token": "forged"}, 403),
    ],
)
def test_what_makes_no_sense_is_refused(
    carl: httpx.Client, form: dict[str, str | list[str]], status: int
) -> None:
    fields = {"token": token(carl.get("/page/groups").text), **form}
    assert carl.post("/page/groups/decision", data=fields).status_code == status


def checked(text: str) -> list[str]:
    """The boxes that are ticked."""
    return re.findall(r'name="photo" value="(\d+:\d+)"[^>]* checked>', text)


def to_undo(text: str) -> list[str]:
    undo = text.partition('id="undo"')[2].partition("</form>")[0]
    return re.findall(r'name="photo" value="(\d+:\d+)"', undo)


def test_whoever_chose_no_category_has_all_the_rest_still_chosen(carl: httpx.Client) -> None:
    text = carl.get("/page/groups").text
    group = first_group(text)
    form = {"token": token(text), "photo": group[:2], "decision": "other", "other": ""}
    answer = carl.post("/page/groups/decision", data=form)
    assert (answer.status_code, checked(answer.text)) == (422, group[:2])
    assert "Choose the category first." in answer.text
    answer = carl.post("/page/groups/decision", data=form | {"other": "Hats"})
    assert (answer.status_code, checked(answer.text)) == (422, group[:2])
    assert "There is no such category" in answer.text


def test_while_the_daemon_is_down_a_stroke_comes_back_whole_with_the_reason(
    tmp_path: Path,
) -> None:
    with with_photos(tmp_path / "web", 6) as page, page.signed_in("carl") as carl:
        text = carl.get("/page/groups").text
        form: dict[str, str | list[str]] = {"token": token(text), "queue": "review"}
        photos = re.findall(r'name="photo" value="(\d+:\d+)"', text)
        done = carl.post("/page/groups/decision", data=form | {"photo": photos[:2]})
        undoable = to_undo(done.text)
        assert len(undoable) == 2
        stop_daemon(page)
        choice = form | {"photo": photos[3:5], "decision": "other", "other": "Kurtas"}
        answer = carl.post("/page/groups/decision", data=choice)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert sorted(checked(answer.text)) == sorted(photos[3:5])
        assert "<option selected>Kurtas</option>" in answer.text
        assert answer.text.count("nightsort is not sorting at the moment.") == 1
        assert 'role="alert"' in answer.text
        answer = carl.post("/page/groups/undo", data=form | {"photo": undoable})
        assert (answer.status_code, to_undo(answer.text)) == (503, undoable)
        with page.site.daemon():
            page.await_daemon()
            answer = carl.post("/page/groups/decision", data=choice)
            assert (answer.status_code, checked(answer.text)) == (200, [])
            answer = carl.post("/page/groups/undo", data=form | {"photo": undoable})
            assert (answer.status_code, to_undo(answer.text)) == (200, [])
            assert "2 to decide again" in answer.text


def test_by_keys_a_stroke_comes_back_whole_too_and_goes_through_later(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        with_photos(tmp_path / "web", 4) as page,
        page.signed_in("carl") as carl,
        chromium(tmp_path_factory.mktemp("chromium")) as browser,
    ):
        tab = browser.tab(390)
        tab.carry(carl)
        tab.open(f"{page.url}/page/groups")
        stop_daemon(page)
        tab.evaluate("document.querySelector('.whole').click()")
        count = "document.querySelector('#count')?.textContent ?? ''"
        chosen = tab.evaluate(count)
        tab.press("Enter")
        why = "document.querySelector('[role=alert]')?.innerText ?? ''"
        eventually(lambda: "Try again when it does." in tab.evaluate(why))
        eventually(lambda: tab.evaluate(count) == chosen)
        assert tab.too_wide_px == 0
        with page.site.daemon():
            page.await_daemon()
            before = total(carl)
            tab.press("Enter")
            eventually(lambda: total(carl) == before - int(chosen.split()[0]))


def test_a_reader_looks_only(page: Page) -> None:
    with page.signed_in("rita") as rita:
        text = rita.get("/page/groups").text
        assert 'class="stroke"' not in text
        form = {"token": token(text), "photo": first_group(text) or ["1:0"]}
        assert rita.post("/page/groups/decision", data=form).status_code == 403


def looked_at(page: Page) -> set[int]:
    """How many photos took as long as each other: a stroke's time is shared among all of it."""
    with closing(sqlite3.connect(page.site.state / DATABASE)) as db:
        return {photos for (photos,) in db.execute("SELECT photos FROM looks")}


def test_a_group_takes_two_keys_and_its_undo_one(
    page: Page, carl: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = total(carl)
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        tab = browser.tab(390)
        tab.carry(carl)
        tab.open(f"{page.url}/page/groups")
        assert tab.too_wide_px == 0
        size = int(tab.evaluate("document.querySelector('.group').querySelectorAll('li').length"))
        tab.evaluate("document.querySelector('.whole').click()")  # Ctrl+A, for who has keys
        assert tab.evaluate("document.querySelector('#count').textContent") == f"{size} chosen"
        tab.press("Enter")
        eventually(lambda: total(carl) == before - size)
        eventually(lambda: looked_at(page) == {size})
        eventually(lambda: tab.evaluate("document.readyState === 'complete' && !!window.undo"))
        tab.press("z")
        eventually(lambda: total(carl) == before)
        assert tab.complaints == []


# Sends twice, and comes back by Back in between; what the form says each time of seconds.
_SENT_TWICE = """(() => {
  const form = document.querySelector("#groups"), now = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => now() + ahead;
  form.addEventListener("submit", event => event.preventDefault());
  const sent = () => {
    form.requestSubmit(form.querySelector(".stroke button[value=agree]"));
    return Number(form.elements.seconds.value);
  };
  document.querySelector(".whole").click();
  ahead = 50_000;
  const first = sent();
  window.dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}));
  return [first, sent()];
})()"""


def test_seconds_that_were_sent_are_not_counted_again_after_back(
    page: Page, carl: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        tab = browser.tab(390)
        tab.carry(carl)
        tab.open(f"{page.url}/page/groups")
        first, second = tab.evaluate(_SENT_TWICE)
        assert first >= 50 > second
        assert tab.complaints == []

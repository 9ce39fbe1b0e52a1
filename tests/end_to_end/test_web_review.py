"""The review page: by forms alone, by keys in a real browser, by two clerks at once."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.store import DATABASE
from tests.support.chromium import Chromium, Tab
from tests.support.review_site import draw, sort, stop_daemon, with_photos
from tests.support.waiting import eventually
from tests.support.web import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("review") / "web", 24) as page:
        yield page


@pytest.fixture
def carl(page: Page) -> Iterator[httpx.Client]:
    with page.signed_in("carl") as client:
        yield client


def photo_shown(text: str) -> int:
    return int(re.findall(r'<article class="one" data-photo="(\d+)"', text)[0])


def fields_of(text: str, ending: str) -> tuple[str, dict[str, str]]:
    """Where the form to …/`ending` goes, and its hidden fields."""
    found = re.findall(rf'action="([^"]*/{ending})">(.*?)</form>', text, re.DOTALL)
    action, inner = found[-1]
    return action, dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', inner))


def decide(client: httpx.Client, text: str, **choice: str) -> httpx.Response:
    action, fields = fields_of(text, "decision")
    return client.post(action, data={**fields, **choice})


# By forms


def test_a_photo_is_decided_without_a_script_and_the_next_one_is_shown(
    page: Page, carl: httpx.Client
) -> None:
    before = carl.get("/review").text
    number = photo_shown(before)
    answer = decide(carl, before, decision="agree")
    assert answer.status_code == 303, answer.text
    after = carl.get(answer.headers["location"]).text
    assert photo_shown(after) != number
    name = carl.get(f"/photos/{number}").json()["filename"]
    assert f"{name} → " in after
    action, fields = fields_of(after, "undo")
    back = carl.post(action, data=fields)
    assert (back.status_code, back.headers["location"]) == (303, f"/review?photo={number}")
    shown = carl.get(back.headers["location"]).text
    assert photo_shown(shown) == number
    assert carl.get(f"/photos/{number}").json()["state"] == "review"


@pytest.mark.parametrize(
    ("choice", "state", "category"),
    [
        ({"category": "Kurtas"}, "filed", "Kurtas"),
        ({"decision": "other", "other": "Watches"}, "filed", "Watches"),
        ({"decision": "retake"}, "retake", None),
    ],
)
def test_each_button_does_what_it_says(
    carl: httpx.Client, choice: dict[str, str], state: str, category: str | None
) -> None:
    before = carl.get("/review").text
    assert decide(carl, before, **choice).status_code == 303
    done = carl.get(f"/photos/{photo_shown(before)}").json()
    assert (done["state"], done["words"][-1]["category"]) == (state, category or done["category"])
    assert (done["words"][-1]["person"], done["words"][-1]["via"]) == ("carl", "page")


def test_who_comes_second_sees_who_decided_and_what(page: Page, carl: httpx.Client) -> None:
    key = page.add_key(f"bob {time.monotonic_ns()}", "clerk")
    before = carl.get("/review").text
    number = photo_shown(before)
    done = carl.post(
        f"/photos/{number}/decision",
        json={"decision": "category", "category": "Kurtas"},
        headers={"x-api-key": key},
    )
    assert done.status_code == 200, done.text
    answer = decide(carl, before, decision="agree")
    assert answer.status_code == 409
    assert photo_shown(answer.text) == number
    assert "Somebody decided meanwhile" in answer.text
    assert re.search(r"bob \d+ decided, .*: Kurtas", answer.text)


def test_a_word_that_is_none_is_refused(carl: httpx.Client) -> None:
    text = carl.get("/review").text
    assert decide(carl, text, decision="burn").status_code == 400
    unknown = decide(carl, text, category="Hats")
    assert (unknown.status_code, "There is no such category" in unknown.text) == (422, True)
    action, fields = fields_of(text, "decision")
    forged = carl.post(action, data={**fields, "token": "x", "decision": "agree"})
    assert forged.status_code == 403
    assert carl.get(f"/photos/{photo_shown(text)}").json()["state"] == "review"


def test_while_the_daemon_is_down_a_choice_is_shown_again_with_the_reason(tmp_path: Path) -> None:
    with with_photos(tmp_path / "web", 2) as page, page.signed_in("carl") as carl:
        text = carl.get("/review").text
        stop_daemon(page)
        answer = decide(carl, text, decision="other", other="Kurtas")
        assert (answer.status_code, photo_shown(answer.text)) == (503, photo_shown(text))
        assert "Try again when it does." in answer.text
        assert "<option selected>Kurtas</option>" in answer.text
        action, fields = fields_of(text, "new")
        answer = carl.post(action, data={**fields, "category": "Capes & hoods"})
        assert (answer.status_code, photo_shown(answer.text)) == (503, photo_shown(text))
        assert 'value="Capes &amp; hoods"' in answer.text


def test_a_reader_may_look_and_nothing_else(page: Page) -> None:
    with page.signed_in("rita") as rita:
        text = rita.get("/review").text
        assert "Clerks decide" in text
        assert "/decision" not in text
        number = photo_shown(text)
        fields = dict(re.findall(r'name="(token)" value="([^"]+)"', text))
        answer = rita.post(f"/page/review/{number}/decision", data={**fields, "decision": "agree"})
        assert answer.status_code == 403
        assert rita.get(f"/photos/{number}/image").status_code == 200


def test_a_photo_that_there_is_not_is_not_found(carl: httpx.Client) -> None:
    assert carl.get("/review?photo=99999").status_code == 404
    assert carl.get("/page/review/99999").status_code == 404
    assert carl.get("/page/review/1?code=<script>").status_code == 400


def test_nobody_sees_it_who_has_not_signed_in(page: Page) -> None:
    with page.client() as client:
        for path in ("/review", "/page/review/1"):
            assert client.get(path).headers["location"].startswith("/login?next=")
        for path in ("/reviews", "/photos/1", "/photos/1/image"):
            assert client.get(path).status_code == 401


def test_it_is_small_has_no_script_in_it_and_speaks_german(carl: httpx.Client) -> None:
    answer = carl.get("/review", headers={"accept-language": "de"})
    assert "zu entscheiden" in answer.text
    assert len(answer.content) < 100_000
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", answer.text)


# By keys, in a browser


@contextmanager
def review(page: Page, browser: Chromium, who: str = "carl", width: int = 1280) -> Iterator[Tab]:
    """The page in a tab of its own, with its picture."""
    tab = browser.tab(width)
    with page.signed_in(who) as client:
        tab.carry(client)
        tab.open(f"{page.url}/review")
        ready(tab)
        yield tab
    assert tab.complaints == []


def looks(page: Page) -> dict[int, int]:
    """Photos, by the tenths of a second that they took."""
    with closing(sqlite3.connect(page.site.state / DATABASE)) as db:
        return dict(db.execute("SELECT tenths, sum(photos) FROM looks GROUP BY tenths").fetchall())


def test_how_long_a_decision_takes_is_measured_and_a_break_counts_as_a_minute(
    page: Page, browser: Chromium
) -> None:
    with review(page, browser) as tab:
        before, number = looks(page), shown(tab)
        # Four hours later; nobody moved anything.
        tab.evaluate(
            "(now => { performance.now = () => now() + 4 * 3_600_000; })"
            "(performance.now.bind(performance))"
        )
        tab.press("Enter")
        gone_on(tab, number)
        a_minute = range(600, 1800)  # and what came before it
        eventually(
            lambda: any(
                photos > before.get(tenths, 0)
                for tenths, photos in looks(page).items()
                if tenths in a_minute
            )
        )


def ready(tab: Tab, not_photo: int | None = None) -> int:
    """Which photo is shown, once it can be seen."""

    def seen() -> bool:
        # In one question: between two, the next photo may come. A picture has a width before all
        # of it is there, and until then keys decide nothing.
        photo, is_whole = tab.evaluate(
            "(big => [Number(document.querySelector('article')?.dataset.photo ?? 0),"
            " Boolean(big?.complete && big.naturalWidth)])(document.querySelector('#big'))"
        )
        return photo not in (0, not_photo) and is_whole

    eventually(seen)
    return shown(tab)


def show_again(tab: Tab, number: int) -> None:
    eventually(lambda: shown(tab) == number)
    ready(tab)


def gone_on(tab: Tab, number: int) -> int:
    """The next photo, once it can be seen; 0 where there is none left."""
    eventually(lambda: shown(tab) != number)
    return ready(tab) if shown(tab) else 0


def shown(tab: Tab) -> int:
    return int(tab.evaluate("document.querySelector('article')?.dataset.photo ?? 0"))


def said(tab: Tab) -> str:
    return str(tab.evaluate("document.querySelector('#said').innerText"))


def left(tab: Tab) -> int:
    """How many wait, as the heading says it and the name of the queue."""
    heading, queue = tab.evaluate(
        "['#left', '.queues [aria-current] .quiet'].map(one =>"
        " document.querySelector(one).innerText)"
    )
    assert heading == queue
    return int(heading)


def document_of(page: Page, number: int) -> dict[str, Any]:
    with page.signed_in("rita") as client:
        found: dict[str, Any] = client.get(f"/photos/{number}").json()
        return found


def test_keys_decide_and_undo_in_the_background(page: Page, browser: Chromium) -> None:
    with review(page, browser) as tab:
        first, waiting = shown(tab), left(tab)
        tab.press("Enter")
        second = ready(tab, first)
        eventually(lambda: "Undo" in said(tab))
        assert left(tab) == waiting - 1
        assert document_of(page, first)["words"][-1]["word"] == "agreed"
        for letter in "kur":
            tab.press(letter)
        assert (
            tab.evaluate("document.querySelector('[aria-selected=true]').textContent") == "Kurtas"
        )
        tab.press("Enter")
        third = ready(tab, second)
        eventually(lambda: document_of(page, second)["category_now"] == "Kurtas")
        tab.press("r")
        ready(tab, third)
        eventually(lambda: document_of(page, third)["state"] == "retake")
        for number in (third, second, first):
            tab.press("z")
            show_again(tab, number)
        assert left(tab) == waiting
        for number in (first, second, third):
            assert document_of(page, number)["state"] == "review"


def test_a_decision_can_be_undone_after_the_page_was_loaded_again(
    page: Page, browser: Chromium
) -> None:
    with review(page, browser) as tab:
        first = shown(tab)
        tab.press("Enter")
        ready(tab, first)
        eventually(lambda: "Undo" in said(tab))
        tab.open(f"{page.url}/review")
        ready(tab, first)
        tab.press("z")
        show_again(tab, first)
        assert document_of(page, first)["state"] == "review"


def test_nobody_takes_back_unseen_what_somebody_else_decided_in_the_same_tab(
    page: Page, browser: Chromium
) -> None:
    page.add_user("cora", "clerk")
    with review(page, browser) as tab:
        first = shown(tab)
        tab.press("Enter")
        ready(tab, first)
        eventually(lambda: "Undo" in said(tab))
        with page.signed_in("cora") as cora:
            tab.carry(cora)
        tab.open(f"{page.url}/review")
        ready(tab, first)
        tab.press("z")
        eventually(lambda: "nothing to undo" in said(tab))
        assert document_of(page, first)["words"][-1]["word"] == "agreed"


def test_a_number_is_the_category_beside_it_and_arrows_decide_nothing(
    page: Page, browser: Chromium
) -> None:
    with review(page, browser) as tab:
        first = shown(tab)
        tab.press("ArrowRight")
        second = ready(tab, first)
        tab.press("ArrowLeft")
        assert ready(tab, second) == first
        assert document_of(page, first)["state"] == "review"
        second_guess = document_of(page, first)["alternatives"][0]["category"]
        tab.press("2")
        ready(tab, first)
        eventually(lambda: document_of(page, first)["category_now"] == second_guess)


def test_a_failure_comes_back_to_its_photo_with_the_reason(page: Page, browser: Chromium) -> None:
    with review(page, browser) as tab:
        number = shown(tab)
        key = page.add_key(f"eva {time.monotonic_ns()}", "clerk")
        with page.client(headers={"x-api-key": key}) as eva:
            eva.post(
                f"/photos/{number}/decision", json={"decision": "category", "category": "Kurtas"}
            )
        tab.press("Enter")
        alert = "document.querySelector('#alert').innerText"
        eventually(lambda: "eva" in tab.evaluate(alert))
        assert "Kurtas" in tab.evaluate(alert)
        assert document_of(page, number)["words"][-1]["person"].startswith("eva")
        tab.evaluate(f"document.querySelector('#queue .failed[data-photo=\"{number}\"] a').click()")
        eventually(lambda: shown(tab) == number)
        text = tab.evaluate("document.querySelector('.choose').innerText")
        assert "Somebody decided meanwhile" in text
        tab.complaints.clear()  # browsers note each answer that is an error


def test_why_it_was_not_done_is_said_in_the_language_of_the_browser(
    page: Page, browser: Chromium
) -> None:
    with review(page, browser) as tab:
        number = shown(tab)
        tab.do("Network.setExtraHTTPHeaders", headers={"Accept-Language": "de"})
        tab.open(f"{page.url}/review?photo={number}")
        ready(tab)
        key = page.add_key(f"ida {time.monotonic_ns()}", "clerk")
        with page.client(headers={"x-api-key": key}) as ida:
            ida.post(f"/photos/{number}/decision", json={"decision": "retake"})
        tab.press("Enter")
        alert = "document.querySelector('#alert').innerText"
        eventually(lambda: "ida" in tab.evaluate(alert))
        assert "hat inzwischen entschieden: neu fotografieren." in tab.evaluate(alert)
        tab.evaluate("document.querySelector('#review').dataset.token = 'of another session'")
        before = shown(tab)
        tab.press("Enter")
        gone_on(tab, before)
        eventually(lambda: "Die Seite war zu lange offen" in tab.evaluate(alert))
        tab.complaints.clear()  # browsers note each answer that is an error


def test_what_nobody_answered_is_not_said_to_be_undone(page: Page, browser: Chromium) -> None:
    with review(page, browser) as tab:
        number = shown(tab)
        tab.evaluate(
            "window.fetch = (ask => (...what) => ask(...what).then(() => { throw 0; }))(fetch)"
        )
        tab.press("Enter")
        alert = "document.querySelector('#alert').innerText"
        eventually(lambda: "whether it was done, the photo says" in tab.evaluate(alert))
        assert document_of(page, number)["words"][-1]["word"] == "agreed"
        tab.open(f"{page.url}/review?photo={number}")
        assert "carl decided" in tab.evaluate("document.querySelector('.choose').innerText")


def test_keys_can_be_switched_off_and_a_reader_decides_nothing_by_them(
    page: Page, browser: Chromium
) -> None:
    with review(page, browser) as tab:
        number = shown(tab)
        tab.press("?")
        assert tab.evaluate("document.querySelector('#help').open")
        tab.evaluate("document.querySelector('#with-keys').click()")
        tab.press("Escape")
        tab.press("Enter")
        tab.press("r")
        assert shown(tab) == number
    with review(page, browser, "rita") as tab:
        number = shown(tab)
        for key in ("Enter", "1", "r", "z"):
            tab.press(key)
        assert shown(tab) == number
    assert document_of(page, number)["state"] == "review"


@pytest.mark.parametrize("width", [390, 768, 1280, 2560])
def test_nobody_scrolls_sideways(page: Page, browser: Chromium, width: int) -> None:
    with review(page, browser, width=width) as tab:
        assert tab.too_wide_px == 0


def test_thirty_photos_are_decided_in_under_thirty_seconds(
    tmp_path: Path, browser: Chromium
) -> None:
    with with_photos(tmp_path / "web", 2) as page:
        draw(page.site.incoming, 30, 100)
        sort(page)
        with review(page, browser) as tab:
            began = time.monotonic()
            number = shown(tab)
            for _ in range(30):
                tab.press("Enter")
                number = ready(tab, number)
            eventually(lambda: page_total(page) == 2)
            assert time.monotonic() - began < 30
            for _ in range(2):
                tab.press("Enter")
                number = gone_on(tab, number)
            eventually(lambda: page_total(page) == 0)
            assert "All decided" in tab.evaluate("document.querySelector('#panel').innerText")


NEWS = "document.querySelector('main .all-done .news')?.innerText ?? ''"


def test_a_tab_left_at_all_decided_tells_of_new_photos_and_goes_on_by_enter(
    tmp_path: Path, browser: Chromium
) -> None:
    with with_photos(tmp_path / "web", 2) as page, review(page, browser) as tab:
        number = shown(tab)
        for _ in range(2):
            tab.press("Enter")
            number = gone_on(tab, number)
        eventually(lambda: page_total(page) == 0)
        tab.press("Enter")  # nothing to go on to yet
        draw(page.site.incoming, 3, 100)
        sort(page)
        eventually(lambda: tab.evaluate(NEWS) == "3 new photos wait.")
        assert (shown(tab), left(tab)) == (0, 3)
        assert "Undo" in said(tab)  # what was told before stays
        assert "All decided" in tab.evaluate("document.querySelector('#panel').innerText")
        tab.press("Enter")
        ready(tab)
        assert left(tab) == 3
        tab.press("z")  # what was decided before can still be taken back
        eventually(lambda: left(tab) == 4)


def test_who_only_looks_hears_of_new_photos_in_groups_too_on_a_telephone(
    tmp_path: Path, browser: Chromium
) -> None:
    with with_photos(tmp_path / "web", 0) as page, page.signed_in("rita") as rita:
        tab = browser.tab(390)
        tab.carry(rita)
        tab.open(f"{page.url}/page/groups")
        assert "All decided" in tab.evaluate("document.querySelector('main').innerText")
        draw(page.site.incoming, 1)
        sort(page)
        eventually(lambda: tab.evaluate(NEWS) == "1 new photo waits.")
        assert tab.evaluate("document.querySelector('h1').innerText").startswith("1 ")
        assert tab.too_wide_px == 0
        tab.evaluate("document.querySelector('.all-done a').click()")
        ready(tab)
        assert tab.complaints == []


def page_total(page: Page) -> int:
    with page.signed_in("rita") as client:
        return int(client.get("/reviews").json()["total"])

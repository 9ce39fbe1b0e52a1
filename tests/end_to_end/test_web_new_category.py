"""A category that there is not yet: named by a clerk or by a folder, and known from then on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest

from tests.end_to_end.test_web_review import decide, fields_of, photo_shown
from tests.support.chromium import Chromium
from tests.support.review_site import with_photos
from tests.support.waiting import eventually
from tests.support.web import Page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("new") / "web", 10) as page:
        yield page


@pytest.fixture
def carl(page: Page) -> Iterator[httpx.Client]:
    with page.signed_in("carl") as client:
        yield client


@pytest.fixture(scope="module")
def key(page: Page) -> str:
    return page.add_key("shop", "clerk")


def waiting(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/reviews").json()["photos"]
    return found


def test_a_clerk_names_one_without_a_script_and_it_can_be_chosen_from_then_on(
    page: Page, carl: httpx.Client
) -> None:
    shown = carl.get("/review").text
    name = unescape(shown.partition('data-name="')[2].partition('"')[0])
    action, fields = fields_of(shown, "new")
    answer = carl.post(action, data={**fields, "category": "Flip Flops"})
    assert answer.status_code == 303, answer.text
    assert (page.site.sorted / "Flip Flops" / name).is_file()
    after = carl.get(answer.headers["location"]).text
    assert "<option>Flip Flops</option>" in after
    again = decide(carl, after, decision="other", other="Flip Flops")
    assert again.status_code == 303, again.text
    groups = carl.get("/page/groups").text
    assert "Flip Flops" in groups


@pytest.mark.parametrize("name", ["_review", "a/b", ".hidden", "x" * 101])
def test_what_names_no_folder_is_refused_and_the_photo_shown_again(
    carl: httpx.Client, name: str
) -> None:
    shown = carl.get("/review").text
    action, fields = fields_of(shown, "new")
    answer = carl.post(action, data={**fields, "category": name})
    assert answer.status_code == 422
    assert photo_shown(answer.text) == photo_shown(shown)


def test_programs_name_one_too_and_only_where_they_say_so(page: Page, key: str) -> None:
    with page.client(headers={"x-api-key": key}) as shop:
        photo = waiting(shop)[0]
        path, word = f"/photos/{photo['id']}/decision", {"decision": "category", "category": "Mugs"}
        assert shop.post(path, json=word).json()["code"] == "unknown_category"
        assert shop.post(path, json={"decision": "agree", "new": True}).status_code == 400
        assert shop.post(path, json=word | {"new": True}).json()["path_now"].startswith("Mugs/")
        other = f"/photos/{waiting(shop)[0]['id']}/decision"
        assert shop.post(other, json=word | {"category": "mugs"}).json()["category_now"] == "Mugs"


def test_a_folder_that_somebody_makes_and_drags_photos_into_is_one(page: Page, key: str) -> None:
    with page.client(headers={"x-api-key": key}) as shop:
        first, second = waiting(shop)[:2]
        lies = page.site.sorted / shop.get(f"/photos/{first['id']}").json()["path_now"]
        (page.site.sorted / "Vases").mkdir()
        shutil.move(lies, page.site.sorted / "Vases" / lies.name)
        assert page.site.nightsort("report").returncode == 0  # has the daemon look at once
        eventually(lambda: shop.get(f"/photos/{first['id']}").json()["category_now"] == "Vases")
        word = {"decision": "category", "category": "vases"}
        done = shop.post(f"/photos/{second['id']}/decision", json=word)
        assert done.json()["category_now"] == "Vases", done.text


def test_the_search_offers_one_that_there_is_not_last_and_never_by_enter_alone(
    page: Page, carl: httpx.Client, browser: Chromium
) -> None:
    tab = browser.tab(1280, 900)
    tab.carry(carl)
    tab.open(f"{page.url}/review")
    assert tab.evaluate("document.querySelector('.new-category')") is None
    name = tab.evaluate("document.querySelector('article').dataset.name")
    type_in = """(words => {
        const input = document.querySelector('#search');
        input.focus(); input.value = words; input.dispatchEvent(new Event('input'));
        return [...document.querySelectorAll('#found li')].map(one => one.textContent);
    })"""
    assert tab.evaluate(f"{type_in}('Boots')") == [
        "No category is called so.",
        "New category: Boots",
    ]
    press = """(key => document.querySelector('#search').dispatchEvent(
        new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})))"""
    tab.evaluate(f"{press}('Enter')")
    assert tab.evaluate("document.querySelector('article').dataset.name") == name
    tab.evaluate(f"{press}('ArrowDown')")
    tab.evaluate(f"{press}('Enter')")
    eventually((page.site.sorted / "Boots" / name).is_file)


def test_how_far_it_is_stands_on_the_page_of_learning(page: Page, key: str) -> None:
    with page.client(headers={"x-api-key": key}) as shop, page.signed_in("rita") as rita:
        path = f"/photos/{waiting(shop)[0]['id']}/decision"
        word = {"decision": "category", "category": "Kites", "new": True}
        assert shop.post(path, json=word).status_code == 200
        shown = eventually(lambda: _row_of(rita, "Kites"), every_s=0.5)
        assert "new: 20 examples are needed" in shown


def _row_of(client: httpx.Client, label: str) -> str:
    """What the page says of a category, once the network has looked at its photo."""
    found = client.get("/page/learning").text.partition(f'<th scope="row">{label}</th>')
    return found[2].partition("</tr>")[0]

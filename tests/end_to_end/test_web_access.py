"""Everyone can use the page: axe-core finds nothing on any, and the keyboard alone suffices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.axe import TAGS, script, violations
from tests.support.chromium import Chromium, Tab
from tests.support.review_site import with_photos
from tests.support.waiting import eventually
from tests.support.web import PASSWORD, Page
from web.app import ROUTERS
from web.paths import is_page

# Between them every width, language and colour: what one depends on rarely depends on another.
LOOKS = (
    (1280, "en", False),
    (390, "en", True),
    (1280, "de", True),
    (390, "de", False),
)
# Where a page's address needs one of something: one that there is, or what it comes from.
ONE_OF = {"id": "1", "photo": "1", "secret": "guessed"}
QUEUES = ("/review?queue=looks", "/page/groups?queue=looks", "/review?queue=spots")
# What is seen without a session, or with too weak a role, or of nothing that there is.
FOR_ANYBODY = ("/login", "/page/link/guessed")
REFUSED = ("/page/people", "/page/nothing", "/review?photo=99999", "/page/runs/20010101_000000")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("access") / "web", 8) as page:
        page.add_user("anna", "admin")
        yield page


def shown_paths(client: httpx.Client) -> list[str]:
    """The address of each page that there is, by its route; a new one is among them by itself."""
    runs = client.get("/runs").json()["runs"]
    one_of = {**ONE_OF, "run": runs[0]["run"]}
    found = ["/find?q=60501", "/?days=90", *QUEUES]
    for route in (route for router in ROUTERS for route in router.routes):
        path = getattr(route, "path", "")
        if "GET" in getattr(route, "methods", ()) and is_page(path):
            found.append(re.sub(r"\{(\w+)\}", lambda name: one_of.get(name[1], "1"), path))
    return [path for path in found if is_whole_page(client, path)]


def is_whole_page(client: httpx.Client, path: str) -> bool:
    """Whether people open it; parts of pages, tables and streams are seen elsewhere."""
    with client.stream("GET", path) as answer:
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        return is_html and b"<!doctype html" in next(answer.iter_bytes(), b"")


def look(tab: Tab, url: str) -> list[str]:
    """What is wrong there."""
    tab.open(url)
    eventually(lambda: tab.evaluate(DRAWN))
    wrong = violations(tab)
    if tab.too_wide_px > 0:
        wrong.append(f"scrolls sideways by {tab.too_wide_px} px")
    return [f"{url}: {one}" for one in wrong]


# Of Swagger UI, which comes after the page.
DRAWN = "!document.querySelector('#description') || !!document.querySelector('.opblock')"


def speak(tab: Tab, language: str) -> None:
    tab.do("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})


def test_axe_is_the_one_that_knows_wcag_2_2() -> None:
    version = re.search(r"axe v(\d+)\.(\d+)", script())
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (4, 8)
    assert "wcag22aa" in TAGS


def test_axe_finds_what_is_wrong_where_something_is(browser: Chromium, tmp_path: Path) -> None:
    """Else all the others could not fail."""
    wrong = tmp_path / "wrong.html"
    wrong.write_text(
        '<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>'
        '<p style="color:#aaa;background:#fff">pale</p><img src="x.png"><button></button>'
        '<a href="#" style="display:inline-block;width:9px;height:9px">.</a>'
        '<a href="#" style="display:inline-block;width:9px;height:9px">.</a></main>',
        encoding="utf-8",
    )
    tab = browser.tab()
    found = {one.partition(" ")[0] for one in look_at(tab, wrong)}
    assert {"color-contrast", "image-alt", "button-name", "target-size"} <= found


def look_at(tab: Tab, file: Path) -> list[str]:
    tab.open(file.as_uri())
    return violations(tab)


@pytest.mark.parametrize(("width", "language", "dark"), LOOKS)
def test_axe_finds_nothing_on_any_page(
    page: Page, browser: Chromium, width: int, language: str, dark: bool
) -> None:
    tab = browser.tab(width, 900, dark=dark)
    speak(tab, language)
    wrong = [one for path in FOR_ANYBODY for one in look(tab, f"{page.url}{path}")]
    with page.signed_in("rita") as rita:
        tab.carry(rita)
        wrong += [one for path in (*REFUSED, "/review") for one in look(tab, f"{page.url}{path}")]
    with page.signed_in("anna") as anna:
        tab.carry(anna)
        paths = shown_paths(anna)
        assert len(paths) > 10
        wrong += [one for path in paths for one in look(tab, f"{page.url}{path}")]
    assert wrong == [], "\n".join(wrong)


def test_axe_finds_nothing_while_things_are_open(page: Page, browser: Chromium) -> None:
    """The help, what a search found, the tables below charts, a form that was refused."""
    with page.signed_in("anna") as anna:
        tab = browser.tab(dark=True)
        tab.carry(anna)
        tab.open(f"{page.url}/review")
        tab.press("?")
        eventually(lambda: tab.evaluate("document.querySelector('#help').open"))
        wrong = violations(tab)
        tab.press("Escape")
        tab.press("s")
        eventually(lambda: tab.evaluate("!!document.querySelector('#found [aria-selected=true]')"))
        wrong += violations(tab)
        tab.open(f"{page.url}/")
        tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        wrong += violations(tab)
        tab.open(f"{page.url}/page/groups")
        tab.evaluate("document.querySelector('.whole').click()")
        wrong += violations(tab)
        tab.open(f"{page.url}/page/password")
        tab.evaluate("document.querySelector('main form').submit()")
        eventually(lambda: tab.evaluate("!!document.querySelector('.notice.bad')"))
        wrong += violations(tab)
    assert wrong == [], "\n".join(wrong)


# The keyboard alone

# Where the focus is, whether that can be seen, and the place in the document's order.
FOCUS = """
(() => {
  const on = document.activeElement;
  if (!on || on === document.body) return null;
  const labels = [...(on.labels ?? [])];
  const seen = [on, ...labels, ...labels.flatMap(one => [...one.children])];
  const ring = one => {
    const style = getComputedStyle(one);
    const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return outline || style.boxShadow !== "none";
  };
  const box = on.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return {
    what: `${on.tagName} #${on.id} ${on.textContent.trim().slice(0, 40)}`,
    order: [...document.querySelectorAll("*")].indexOf(on),
    isSeen: seen.some(ring) && inside,
  };
})()
"""
# Where Tab begins is the place of what had the focus last, also once that is gone.
FROM_THE_TOP = """
(() => {
  const top = document.createElement("span");
  top.tabIndex = -1;
  document.body.prepend(top);
  top.focus();
  top.remove();
})()
"""
# What one must reach by Tab, by its place in the document's order.
REACHABLE = """
[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled)
  .filter(one => one.tabIndex >= 0 && !one.closest("dialog:not([open])"))
  .map(one => [...document.querySelectorAll("*")].indexOf(one))
"""


@pytest.mark.parametrize("path", ["/review", "/page/groups", "/", "/find?q=60501", "/page/people"])
def test_tab_walks_through_all_of_a_page_in_its_order_and_out_again(
    page: Page, browser: Chromium, path: str
) -> None:
    with page.signed_in("anna") as anna:
        tab = browser.tab()
        tab.carry(anna)
        tab.open(f"{page.url}{path}")
        reachable = tab.evaluate(REACHABLE)
        tab.evaluate(FROM_THE_TOP)
        stops: list[dict[str, Any]] = []
        for _ in range(2 * len(reachable) + 10):  # a date has several, a table that scrolls is one
            tab.press("Tab")
            stop = tab.evaluate(FOCUS)
            if stop is None:
                break
            stops.append(stop)
        else:
            raise AssertionError("Tab does not lead out again")
    assert [stop["what"] for stop in stops if not stop["isSeen"]] == []
    order = [stop["order"] for stop in stops]
    assert order == sorted(order), [stop["what"] for stop in stops]
    assert set(reachable) - set(order) == set(), [stop["what"] for stop in stops]


def test_a_clerk_signs_in_decides_and_undoes_without_a_mouse(page: Page, browser: Chromium) -> None:
    tab = browser.tab()
    tab.open(f"{page.url}/login")
    type_in(tab, "carl")
    tab.press("Tab")
    type_in(tab, PASSWORD)
    tab.press("Enter")
    eventually(lambda: tab.evaluate("location.pathname") == "/")
    eventually(lambda: tab.evaluate("document.readyState") == "complete")
    reach(tab, "a[href='/review']")
    tab.press("Enter")
    eventually(lambda: tab.evaluate("!!document.querySelector('.with-script #big')?.naturalWidth"))
    before = tab.evaluate("document.querySelector('article').dataset.photo")
    reach(tab, ".agree")
    tab.press("Enter")
    eventually(lambda: tab.evaluate("document.querySelector('article').dataset.photo") != before)
    eventually(lambda: tab.evaluate("!!document.querySelector('#said button')"))
    reach(tab, "#said button")
    tab.press("Enter")
    eventually(lambda: tab.evaluate("document.querySelector('article').dataset.photo") == before)
    tab.press("?")
    eventually(lambda: tab.evaluate("document.querySelector('#help').open"))
    for _ in range(4):  # nothing behind it, though the browser's own frame may have a turn
        assert tab.evaluate("document.activeElement.closest('#help, body') !== document.body")
        tab.press("Tab")
        if tab.evaluate("document.activeElement === document.body"):
            tab.press("Tab")
    tab.press("Escape")
    assert not tab.evaluate("document.querySelector('#help').open")
    assert tab.complaints == []


def type_in(tab: Tab, text: str) -> None:
    for letter in text:
        tab.press(letter)


def reach(tab: Tab, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(60):
        if tab.evaluate(f"document.activeElement?.matches({selector!r}) ?? false"):
            return
        tab.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")

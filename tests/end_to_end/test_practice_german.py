"""A new clerk practises in German: the half hour of docs/training.md, by keys in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from config import catalogue
from tests.end_to_end.test_practice import practising
from tests.support.chromium import Tab, chromium
from tests.support.german import WORDS
from tests.support.waiting import eventually
from web.templating import TEXTS

CATALOGUES = catalogue.read(TEXTS)
GERMAN = {*CATALOGUES["de"].catalogue.values()}
ENGLISH = {*CATALOGUES["en"].catalogue.values()} - GERMAN
_READ = """(() => {
  const texts = [document.title], walk = document.createTreeWalker(document.body, 4);
  while (walk.nextNode())
    if (!walk.currentNode.parentElement.closest("script, style"))
      texts.push(walk.currentNode.data);
  for (const one of document.querySelectorAll("*"))
    for (const { name, value } of one.attributes)
      if (/^(aria-label|title|placeholder|alt|data-says-.*|data-undo)$/.test(name))
        texts.push(value);
  return texts.map(text => text.trim().replace(/\\s+/g, " ")).filter(text => text);
})()"""
# Keys decide only what is to be seen.
_SEEN = """document.body.classList.contains("with-script")
  && [...document.querySelectorAll("article.one img")].some(one => one.naturalWidth > 0)"""


class Clerk:
    """Who practises, and reads every page that she comes to."""

    def __init__(self, tab: Tab, url: str) -> None:
        self.tab = tab
        self.url = url
        self.pages: set[str] = set()

    def go(self, path: str) -> None:
        self.tab.open(f"{self.url}{path}")
        self.read()

    def read(self) -> None:
        """See that all of a page is German."""
        assert self.tab.evaluate("document.documentElement.lang") == "de"
        texts = self.tab.evaluate(_READ)
        foreign = [text for text in texts if text in ENGLISH or WORDS.search(text.lower())]
        assert foreign == [], self.tab.evaluate("location.href")
        self.pages.add(self.tab.evaluate("location.pathname"))

    def click(self, what: str) -> None:
        """Click on something that leads to another page, and read that."""
        before = self.tab.evaluate("performance.timeOrigin")
        self.tab.evaluate(f"document.querySelector('{what}').click()")
        eventually(
            lambda: (
                self.tab.evaluate("performance.timeOrigin") != before
                and self.tab.evaluate("document.readyState") == "complete"
            )
        )
        self.read()

    def left(self) -> list[str]:
        """The tasks that are not done."""
        self.go("page/practice")
        return list(self.tab.evaluate("[...document.querySelectorAll('.tasks li:not(.done)')]"
                                      ".map(task => task.id)"))  # fmt: skip

    def go_to_task(self, key: str) -> None:
        """By its button; the photo is then large on the page."""
        self.go("page/practice")
        self.click(f"#{key} a.button")
        eventually(partial(self.tab.evaluate, _SEEN))

    def press(self, keys: str, said: str) -> None:
        """Press keys, and wait until the page says that it is done."""
        for key in keys.split():
            self.tab.press(key)
        eventually(lambda: said in (told := self.said()) and "…" not in told)
        self.read()

    def said(self) -> str:
        return str(self.tab.evaluate("document.querySelector('#said').innerText"))


@pytest.fixture(scope="module")
def clerk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clerk]:
    """In a browser that asks for neither language."""
    folder = tmp_path_factory.mktemp("practice")
    with (
        practising(folder / "here", "--language", "de") as said,
        chromium(folder / "browser") as browser,
    ):
        tab = browser.tab(1280, 900)
        tab.do("Network.setExtraHTTPHeaders", headers={"Accept-Language": "fr"})
        clerk = Clerk(tab, said["url"])
        clerk.go("page/practice")  # as the terminal says: leads to the sign-in
        for name in ("name", "password"):
            tab.evaluate(f"document.querySelector('[name={name}]').value = '{said[name]}'")
        clerk.click("main form button")
        yield clerk
        assert tab.complaints == []
        assert (folder / "here" / "nightsort.toml").read_text("utf-8").count('"de"') == 2


def test_the_half_hour_is_german_and_the_five_tasks_are_done_by_keys(clerk: Clerk) -> None:
    assert clerk.tab.evaluate("location.pathname") == "/page/practice"
    assert clerk.left() == ["right", "wrong", "dark", "undo", "broken"]
    clerk.go("")  # 0-5: what the night did
    clerk.go_to_task("right")  # 5-10
    clerk.press("Enter", "return-70101_front.jpg")
    clerk.tab.press("?")
    eventually(partial(clerk.tab.evaluate, "document.querySelector('#help').open"))
    clerk.go_to_task("wrong")  # 10-15
    clerk.press("d r Enter", "return-70102_front.jpg → Dresses")
    clerk.go_to_task("dark")  # 15-18
    clerk.press("r", "return-70103_front.jpg")
    assert clerk.left() == ["undo", "broken"]
    clerk.go_to_task("undo")  # 18-21: of any photo
    clerk.press("Enter", "→")
    clerk.press("z", CATALOGUES["de"]("review.back").partition("{name}")[2])
    assert clerk.left() == ["broken"]
    clerk.go("page/runs")  # 21-25
    clerk.click("main tbody a")
    clerk.click('main dl a[href*="quarantined"]')
    assert any("70104" in text for text in clerk.tab.evaluate(_READ))
    clerk.go("page/practice")
    for number, left in (("70105", ["broken"]), ("70104", [])):
        clerk.tab.evaluate(f"document.querySelector('#number').value = '{number}'")
        clerk.click("form.answer button")
        assert clerk.left() == left
    assert "Gut gemacht!" in clerk.tab.evaluate(_READ)
    clerk.go("find?q=70106")  # 25-28
    assert any("return-70106_back.jpg" in text for text in clerk.tab.evaluate(_READ))
    clerk.go("page/reports")
    clerk.go("page/pick-lists")
    clerk.go("upload")
    assert len(clerk.pages) >= 9

"""Printing pick lists in a browser: its Print opens once, and everybody can use the pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.axe import violations
from tests.support.chromium import chromium
from tests.support.review_site import with_photos
from tests.support.waiting import eventually
from tests.support.web import Page

_COUNT_PRINTS = """
window.print = () => sessionStorage.setItem("prints", +sessionStorage.getItem("prints") + 1);
"""
_PRINTS = "+sessionStorage.getItem('prints')"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("picks") / "web", 8) as page:
        done = page.site.nightsort("correct", "return_60500_front.jpg", "Tshirts")
        assert done.returncode == 0, done.stderr
        yield page


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_clerk_prints_what_changed_by_one_button(page: Page, tmp_path: Path, width: int) -> None:
    with page.signed_in("carl") as carl, chromium(tmp_path / "browser") as browser:
        tab = browser.tab(width, 900, dark=width == 768)
        tab.do("Page.enable")
        tab.do("Page.addScriptToEvaluateOnNewDocument", source=_COUNT_PRINTS)
        tab.carry(carl)
        tab.open(f"{page.url}/page/pick-lists")
        wrong = violations(tab)
        assert tab.too_wide_px <= 0
        tab.evaluate("[...document.querySelectorAll('main [name=what]')].at(-1).click()")
        eventually(partial(tab.evaluate, f"{_PRINTS} === 1"))
        assert tab.evaluate("location.hash") == ""
        assert tab.evaluate("document.querySelectorAll('.sheet').length") >= 2
        wrong += violations(tab)
        assert tab.too_wide_px <= 0
        tab.open(tab.evaluate("location.href"))  # again, as who reloads it
        eventually(partial(tab.evaluate, "!document.querySelector('#print').hidden"))
        assert tab.evaluate(_PRINTS) == 1
        tab.evaluate("document.querySelector('#print').click()")
        assert tab.evaluate(_PRINTS) == 2
        assert wrong == []
        assert tab.complaints == []

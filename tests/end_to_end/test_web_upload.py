"""Photos are dropped on the page in a real browser, and one is tried."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.support.chromium import Chromium, Tab
from tests.support.photos import photo_bytes
from tests.support.review_site import with_photos
from tests.support.waiting import eventually
from tests.support.web import Page

WIDTHS = (390, 768, 1280)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with with_photos(tmp_path_factory.mktemp("web") / "site", 2) as page:
        page.add_user("lena", "lead")
        yield page


def opened(page: Page, browser: Chromium, name: str, path: str, width: int = 1280) -> Tab:
    with page.signed_in(name) as client:
        tab = browser.tab(width, 900)
        tab.carry(client)
        tab.open(f"{page.url}{path}")
    return tab


def drop(tab: Tab, **files: bytes) -> None:
    """Let go of files over the page, as a file manager's are."""
    given = {
        name.replace("__", "."): base64.b64encode(data).decode() for name, data in files.items()
    }
    tab.evaluate(
        "(() => { const carried = new DataTransfer();"
        f"for (const [name, data] of Object.entries({json.dumps(given)})) {{"
        "  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));"
        "  carried.items.add(new File([bytes], name)); }"
        "document.dispatchEvent(new DragEvent('drop', {dataTransfer: carried, cancelable: true}));"
        "})()"
    )


def lines(tab: Tab) -> list[list[str]]:
    """What the page says of each file that is over, the newest first."""
    found: list[list[str]] = tab.evaluate(
        "[...document.querySelectorAll('#sent li[class]')].map("
        "one => [one.querySelector('strong').textContent, one.querySelector('span').textContent])"
    )
    return found


def test_dropped_photos_are_in_incoming_and_each_says_what_became_of_it(
    page: Page, browser: Chromium
) -> None:
    tab = opened(page, browser, "carl", "/upload")
    photos = {f"d{n}__jpg": photo_bytes(seed=900 + n) for n in range(5)}
    drop(tab, **photos, notes__jpg=b"only what somebody noted")
    eventually(lambda: len(lines(tab)) == 6)
    said = dict(lines(tab))
    assert said.pop("notes.jpg") == "It is no photo that can be read."
    assert said == dict.fromkeys((f"d{n}.jpg" for n in range(5)), "received")
    assert tab.evaluate("document.querySelector('#sum').textContent") == "5 received, 1 not taken."
    for n in range(5):
        assert (page.site.incoming / f"d{n}.jpg").read_bytes() == photos[f"d{n}__jpg"]
    drop(tab, d0__jpg=photo_bytes(seed=950))
    eventually(lambda: ["d0.jpg", "received as d0 (2).jpg"] in lines(tab))
    assert "find?q=d0%20(2).jpg" in tab.evaluate("document.querySelector('#sent a').href")
    assert tab.complaints == []


def test_whoever_was_signed_out_meanwhile_is_told_so(page: Page, browser: Chromium) -> None:
    tab = opened(page, browser, "carl", "/upload")
    tab.do("Network.clearBrowserCookies")
    drop(tab, gone__jpg=photo_bytes(seed=960))
    eventually(lambda: "signed out" in dict(lines(tab)).get("gone.jpg", ""))
    assert not (page.site.incoming / "gone.jpg").exists()


def test_a_photo_that_is_dropped_on_try_is_judged_and_shown(page: Page, browser: Chromium) -> None:
    tab = opened(page, browser, "rita", "/page/try")
    drop(tab, x__jpg=photo_bytes(seed=970, size=(900, 1200)))
    eventually(lambda: tab.evaluate("document.querySelector('#verdict')?.textContent"))
    shown = "(() => { const it = document.querySelector('.tried img'); return it.naturalWidth })()"
    assert tab.evaluate(shown) == 480
    assert tab.evaluate("document.querySelectorAll('.likely tr').length") == 5
    assert tab.complaints == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/upload", "/page/try"])
def test_at_every_width_nothing_is_cut_off_and_the_keyboard_reaches_the_field(
    page: Page, browser: Chromium, path: str, width: int
) -> None:
    tab = opened(page, browser, "lena", path, width)
    assert tab.too_wide_px == 0
    name = "file" if path == "/page/try" else "files"
    tab.evaluate(f"document.querySelector('#{name}').focus()")
    assert tab.evaluate("document.activeElement.id") == name
    assert tab.complaints == []

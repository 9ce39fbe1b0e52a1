"""The pictures of the page in docs/pictures: drawn photos, the real daemon, a real browser.

python -m tests.page_screenshots docs/pictures
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from PIL import Image

from daemon.cli.samples import draw_item
from tests.support.chromium import Tab, chromium
from tests.support.review_site import with_photos
from tests.support.waiting import eventually
from tests.support.web import Page, hidden_fields

_PHOTOS = 21
_DECIDED = 12
_STATION = 'station_addresses = ["127.0.0.1"]'
_SEEN = "[...document.images].every(image => image.loading === 'lazy' || image.naturalWidth > 0)"


@dataclass(frozen=True, slots=True)
class _Shot:
    """A page as somebody sees it."""

    name: str
    path: str
    width: int
    height: int
    dark: bool = False
    first: str = ""  # what is done there before
    who: str = "carl"  # empty: nobody signed in


_SHOTS = (
    _Shot("review-desktop", "/review?photo=5", 1280, 800),
    _Shot("review-phone-dark", "/review?photo=9", 390, 844, dark=True),
    _Shot(
        "groups-desktop",
        "/page/groups",
        1280,
        800,
        first="document.querySelector('.whole').click()",
    ),
    _Shot("station-tablet", "/station", 1280, 800, who=""),
)
# Once some were decided, so that they lie in categories.
_LATER = (
    _Shot("picks-desktop", "/page/pick-lists", 1280, 800),
    _Shot("reports-phone-dark", "/page/reports", 390, 844, dark=True),
    _Shot("doctor-desktop", "/page/doctor", 1280, 800, who="ada"),
    _Shot("settings-desktop-dark", "/page/settings", 1280, 800, dark=True, who="ada"),
)


def main() -> None:
    """Write the pictures into the folder that the command line names."""
    target = Path(sys.argv[1])
    with (
        tempfile.TemporaryDirectory() as folder,
        with_photos(Path(folder) / "web", _PHOTOS, _STATION) as page,
        chromium(Path(folder) / "browser") as browser,
    ):
        page.add_user("ada", "admin")
        with page.signed_in("carl") as carl, page.signed_in("ada") as ada:
            people = {"carl": carl, "ada": ada}

            def take(shots: Sequence[_Shot]) -> None:
                for shot in shots:
                    tab = browser.tab(shot.width, shot.height, dark=shot.dark)
                    if shot.who:
                        tab.carry(people[shot.who])
                    tab.open(f"{page.url}{shot.path}")
                    _take(tab, shot, Path(folder), target)

            _come_in(page, carl)
            take(_SHOTS)
            _decide(carl)
            _have_it_looked_at(ada)
            take(_LATER)


def _decide(client: httpx.Client) -> None:
    """The first photos, as they were guessed, as somebody does who signed in."""
    text = client.get("/page/groups").text
    waiting = re.findall(r'name="photo" value="(\d+):0"', text)[:_DECIDED]
    token = {"X-CSRF-Token": hidden_fields(text)["token"], "Origin": str(client.base_url)}
    body = {"photos": [*map(int, waiting)], "decision": "agree"}
    done = client.post("/decisions", json=body, headers=token)
    assert len(done.json()["done"]) == _DECIDED, done.text


def _have_it_looked_at(client: httpx.Client) -> None:
    """By the doctor."""
    fields = hidden_fields(client.get("/page/doctor").text)
    client.post("/page/doctor", data=fields)
    eventually(lambda: 'class="findings' in client.get("/page/doctor").text)


def _come_in(page: Page, client: httpx.Client) -> None:
    """A few photos that wait for the night, one of them too dark."""
    for number, item in enumerate(("handbag", "shoe", "dress", "watch", "shirt", "tshirt")):
        image = draw_item(item, random.Random(1000 + number), (600, 800))
        if item == "watch":
            image = image.point(lambda value: value // 16)
        image.save(page.site.incoming / f"return_{60600 + number}_front.jpg", quality=85)
        eventually(partial(_is_judged, client, str(60600 + number)))


def _is_judged(client: httpx.Client, named: str) -> bool:
    text = client.get("/page/station").text
    return named in text and "arrival received" not in text


def _take(tab: Tab, shot: _Shot, folder: Path, target: Path) -> None:
    if shot.first:
        tab.evaluate(shot.first)
    eventually(lambda: tab.evaluate(_SEEN))
    tab.evaluate("new Promise(resolve => setTimeout(resolve, 1500))")  # those that load when seen
    raw = folder / f"{shot.name}.png"
    tab.picture(raw)
    with Image.open(raw) as image:
        image.convert("RGB").save(target / f"{shot.name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()

"""Quick looks and spot checks by keys, in groups and by forms, beside the real daemon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.test_web_review import fields_of, ready, said
from tests.support.axe import violations
from tests.support.chromium import Tab, chromium
from tests.support.review_site import draw, sort
from tests.support.waiting import eventually
from tests.support.web import Page

# The model is sure of drawings: by these bounds what it says is worth a quick look, or is not.
LOOKS = "[bands]\nauto = 0.99999\nreview = 0.3\n"
SPOTS = "[bands]\nauto = 0.3\nreview = 0.2\n[reports]\nspot_checks = 1.0\n"
PHOTOS = 8


@contextmanager
def sorted_by(folder: Path, bands: str) -> Iterator[tuple[Page, httpx.Client]]:
    """A page with a daemon that has sorted some photos by these bounds, and a clerk before it."""
    page = Page.make(folder, bands)
    draw(page.site.incoming, PHOTOS)
    page.add_user("carl", "clerk")
    with page.site.daemon(), page.serving(), page.signed_in("carl") as carl:
        page.await_daemon()
        sort(page)
        yield page, carl


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with chromium(tmp_path / "chromium") as browser:
        yield browser.tab(1280)


def queue(client: httpx.Client, name: str) -> list[int]:
    text = client.get(f"/review?queue={name}").text
    return [int(one) for one in re.findall(r'<li data-photo="(\d+)"', text)]


def word(client: httpx.Client, photo: int) -> str:
    words = client.get(f"/photos/{photo}").json()["words"]
    return str(words[-1]["word"]) if words else ""


def test_spot_checks_are_answered_by_keys_and_counted(tmp_path: Path, tab: Tab) -> None:
    with sorted_by(tmp_path / "web", SPOTS) as (page, carl):
        eventually(lambda: queue(carl, "spots"))
        before = queue(carl, "spots")
        tab.carry(carl)
        tab.open(f"{page.url}/review?queue=spots")
        first = ready(tab)
        assert violations(tab) == []
        tab.press("Enter")
        second = ready(tab, first)
        eventually(lambda: word(carl, first) == "checked")
        eventually(lambda: "Undo" in said(tab))
        tab.press("z")
        eventually(lambda: word(carl, first) == "taken_back")
        eventually(lambda: ready(tab) == first)
        assert queue(carl, "spots") == before
        tab.press("Enter")
        eventually(lambda: word(carl, first) == "agreed")
        assert queue(carl, "spots") == [one for one in before if one != first]
        assert second in before
        assert "1 of" in carl.get("/").text
        assert tab.too_wide_px == 0
        assert tab.complaints == []


def test_quick_looks_are_taken_in_groups_and_by_forms(tmp_path: Path) -> None:
    with sorted_by(tmp_path / "web", LOOKS) as (_, carl):
        before = queue(carl, "looks")
        assert len(before) > 2
        shown = carl.get("/review?queue=looks").text
        action, fields = fields_of(shown, "decision")
        answer = carl.post(action, data={**fields, "decision": "agree"})
        assert answer.headers["location"].startswith("/review?queue=looks&photo=")
        after = carl.get(answer.headers["location"]).text
        assert "looks" in fields_of(after, "undo")[1]["queue"]
        assert queue(carl, "looks") == before[1:]
        text = carl.get("/page/groups?queue=looks").text
        some = re.findall(r'name="photo" value="(\d+:\d+)"', text)
        token = re.findall(r'name="token" value="([^"]+)"', text)[0]
        form = {"token": token, "queue": "looks", "decision": "agree", "photo": some}
        done = carl.post("/page/groups/decision", data=form)
        assert f"{len(some)} decided" in done.text
        assert "All looked at" in done.text
        assert {word(carl, photo) for photo in before} == {"checked"}

"""The first page beside the real daemon: alerts that somebody knows of."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from tests.support.waiting import eventually
from tests.support.web import Page

NEARLY_FULL = "[alerts]\nlow_disk_gb = 1_000_000_000\n"


def button(text: str) -> tuple[str, str] | None:
    """Where the form goes that says that one knows, and its token."""
    form = re.search(
        r'<form method="post" action="(/page/alerts/\d+/acknowledge)">'
        r'<input type="hidden" name="token" value="([^"]+)">',
        text,
    )
    return None if form is None else (form[1], form[2])


def token(client: httpx.Client) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', client.get("/").text)[0])


def test_a_clerk_says_that_an_alert_is_known_and_a_reader_may_not(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web", NEARLY_FULL)
    for name, role in (("carl", "clerk"), ("lea", "lead"), ("rita", "reader")):
        page.add_user(name, role)
    with page.serving(), page.signed_in("carl") as carl, page.signed_in("rita") as rita:
        with page.site.daemon():
            eventually(lambda: "A disk is nearly full" in carl.get("/").text)
            action, secret = button(carl.get("/").text) or ("", "")
            assert button(rita.get("/").text) is None
            assert rita.post(action, data={"token": token(rita)}).status_code == 403
            assert carl.post(action, data={"token": "forged"}).status_code == 403
            assert (
                carl.post("/page/alerts/999/acknowledge", data={"token": secret}).status_code == 404
            )
            answer = carl.post(action, data={"token": secret})
            assert (answer.status_code, answer.headers["location"]) == (303, "/#alerts")
            text = carl.get("/").text
            assert button(text) is None
            assert re.search(r"A disk is nearly full.*<td>carl</td>", text, re.DOTALL)
            with page.signed_in("lea") as lea:
                assert button(lea.get("/").text) is None
            (one,) = (one for one in page.site.events() if one["event"] == "alert_acknowledged")
            assert (one["person"], one["via"]) == ("carl", "page")
        assert carl.post(action, data={"token": secret}).status_code == 503

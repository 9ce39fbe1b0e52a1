"""Settings and the doctor's findings on the page, beside a real daemon and without it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.support.axe import violations
from tests.support.chromium import chromium
from tests.support.waiting import eventually
from tests.support.web import Page, hidden_fields

_SECRETS = """
[results]
return_id = '(\\d{5})'
[handover]
webhook = "https://user:hunter2@shop.example.com/hook"
secret = "0123456789abcdef0123456789abcdef"
[[alerts.targets]]
name = "the pager"
url = "json://hunter2@127.0.0.1:9/x"
"""
# Whoever sees all pages has their names below: who they are stands beside the name of the page.
_IN_ONE_ROW = (
    "(([one, other]) => Math.abs(one.y + one.height / 2 - other.y - other.height / 2) < 5)"
    "(['.brand', '.me'].map(name => document.querySelector(name).getBoundingClientRect()))"
)
# On a phone the names are a row that is pushed aside: it begins where one is.
_HERE_IS_SEEN = (
    "(({left, right}) => left >= 0 && right <= innerWidth)"
    "(document.querySelector('nav [aria-current]').getBoundingClientRect())"
)
_OVER = "!!document.querySelector('.findings') && !document.querySelector('#found[hx-get]')"
_KEY = re.compile(
    r'<div(?P<said> class="said")?><dt>(?P<key>\w+)</dt>\s*<dd><code>(?P<value>.*?)</code> '
    r'<span class="state">(?P<origin>[^<]*)</span>(?P<changed> <strong>)?',
    re.DOTALL,
)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page.make(tmp_path / "web", _SECRETS)
    page.add_user("anna", "admin")
    page.add_user("lea", "lead")
    page.add_user("carl", "clerk")
    with page.serving():
        yield page


def keys(text: str) -> dict[str, tuple[str, str, bool]]:
    """Value, origin and whether it has changed, by table and key."""
    found = {}
    for table, part in re.findall(r"(?s)<h2>(.*?)</h2>\s*<dl(.*?)</dl>", text):
        for one in _KEY.finditer(part):
            name = f"{table.strip('[]')}.{one['key']}" if table.startswith("[") else one["key"]
            found[name] = (unescape(one["value"]), one["origin"], bool(one["changed"]))
    return found


def look_again(client: httpx.Client) -> httpx.Response:
    shown = client.get("/page/doctor").text
    return client.post("/page/doctor", data=hidden_fields(shown))


def findings(client: httpx.Client) -> str:
    """The page once a look is over."""

    def over() -> str:
        text = client.get("/page/doctor").text
        return "" if "hx-get=" in text.partition("<main")[2] else text

    return eventually(over)


def test_settings_are_the_daemons_with_their_origins_and_without_secrets(page: Page) -> None:
    own = "NIGHTSORT_INTAKE__SETTLE_SECONDS"
    with page.signed_in("anna") as anna, page.site.daemon(**{own: "0.4"}):
        page.await_daemon()
        text = anna.get("/page/settings").text
        found = keys(text)
        assert found["intake.settle_seconds"] == ("0.4", f"environment {own}", False)
        assert found["window.mode"] == ('"manual"', "file", False)
        assert found["window.start"][1:] == ("default", False)
        assert found["returns.pattern"] == ('"(\\\\d{5})"', "file", False)
        assert "results.return_id is called returns.pattern today" in text
        assert found["handover.webhook"] == found["handover.secret"] == ("set", "file", False)
        assert '"the pager"' in found["alerts.targets"][0]
        assert "hunter2" not in text
        assert "0123456789abcdef" not in text
        assert "Seconds a file must stay unchanged" in text
        assert len(text.encode()) < 100_000
        assert len(found) > 100
        german = anna.get("/page/settings", headers={"accept-language": "de"}).text
        assert "gesetzt" in german
        assert "Vorgabe" in german
        assert "Sekunden, die eine Datei unverändert bleiben muss" in german
        assert "Seconds a file must stay unchanged" not in german
        assert "results.return_id heißt heute returns.pattern" in german
        assert len(german.encode()) < 100_000


def test_what_the_file_says_otherwise_by_now_is_told(page: Page) -> None:
    file = page.site.folder / "nightsort.toml"
    text = file.read_text(encoding="utf-8")
    with page.signed_in("anna") as anna:
        with page.site.daemon():
            page.await_daemon()
            assert "say otherwise" not in anna.get("/page/settings").text
            file.write_text(
                text.replace("settle_seconds = 0.3", "settle_seconds = 0.7").replace(
                    'listen = "127.0.0.1:0"', 'listen = "127.0.0.1:0"\nsession_hours = 3'
                ),
                encoding="utf-8",
            )
            found = keys(anna.get("/page/settings").text)
            assert found["intake.settle_seconds"] == ("0.3", "file", True)
            assert found["web.session_hours"] == ("12.0", "default", True)  # of the page itself
            assert [key for key, (_, _, changed) in found.items() if changed] == [
                "intake.settle_seconds",
                "web.session_hours",
            ]
            file.write_text("nonsense = 1\n" + text, encoding="utf-8")
            refused = anna.get("/page/settings").text
            assert "cannot be used" in refused
            assert "nonsense" in refused
            file.write_text(text, encoding="utf-8")
        down = anna.get("/page/settings")
        assert (down.status_code, "not running" in down.text) == (200, True)
        assert keys(down.text)["intake.settle_seconds"][0] == "0.3"


def test_the_doctor_looks_when_it_is_asked_and_what_it_found_stays(page: Page) -> None:
    with page.signed_in("lea") as lea:
        assert "Nobody has had it looked at" in lea.get("/page/doctor").text
        refused = look_again(lea)
        assert refused.status_code == 503
        assert "not running" in refused.text
        with page.site.daemon():
            page.await_daemon()
            asked = look_again(lea)
            assert (asked.status_code, asked.headers["location"]) == (303, "/page/doctor")
            look_again(lea)  # joins the one that is under way
            text = findings(lea)
            assert "lea asked for it" in text
            assert "Apprise cannot" not in text
            assert "In order" in text
            assert "<strong>settings</strong> read, and every key is known" in text
            assert "passes its self-test" in text
            assert "results.return_id is called returns.pattern" in text
            assert "hunter2" not in text
            assert not [one for one in page.site.events() if one["level"] in ("error", "critical")]
            assert len([one for one in page.site.events() if one["event"] == "examined"]) == 1
        after = lea.get("/page/doctor", headers={"accept-language": "de"}).text
        assert "besteht die Selbstprüfung" in after
        assert "<strong>Einstellungen</strong> gelesen, und jeder Schlüssel ist bekannt" in after
        assert "passes its self-test" not in after
        assert "angefordert von lea" in after


def test_a_look_that_comes_to_nothing_says_so_and_leaves_what_was_found(page: Page) -> None:
    file = page.site.folder / "nightsort.toml"
    text = file.read_text(encoding="utf-8")
    with page.signed_in("lea") as lea, page.site.daemon():
        page.await_daemon()
        look_again(lea)
        findings(lea)
        file.write_text("nonsense = 1\n" + text, encoding="utf-8")
        look_again(lea)
        after = findings(lea)
        assert "no such setting" in after
        assert "passes its self-test" in after


def test_who_may_not_is_refused(page: Page) -> None:
    for name, paths in (
        ("lea", ("/page/settings",)),
        ("carl", ("/page/settings", "/page/doctor", "/page/doctor/now")),
    ):
        with page.signed_in(name) as client:
            home = client.get("/").text
            for path in paths:
                assert client.get(path).status_code == 403
                assert f'href="{path}"' not in home
    with page.signed_in("carl") as carl:
        token = hidden_fields(carl.get("/page/password").text)
        assert carl.post("/page/doctor", data=token).status_code == 403


def test_the_page_of_findings_renews_itself_and_is_for_everybody(
    page: Page, tmp_path: Path
) -> None:
    with (
        page.site.daemon(),
        page.signed_in("anna") as anna,
        chromium(tmp_path / "browser") as browser,
    ):
        page.await_daemon()
        for width, dark in ((390, True), (768, False), (1280, False)):
            tab = browser.tab(width, 900, dark=dark)
            tab.carry(anna)
            tab.open(f"{page.url}/page/doctor")
            tab.evaluate("document.querySelector('main form button').click()")
            eventually(partial(tab.evaluate, _OVER))
            wrong = violations(tab)
            assert tab.too_wide_px <= 0
            tab.open(f"{page.url}/page/settings")
            wrong += violations(tab)
            assert wrong == []
            assert tab.evaluate(_IN_ONE_ROW)
            assert tab.evaluate(_HERE_IS_SEEN)
            assert tab.too_wide_px <= 0
            assert tab.complaints == []


def test_the_doctor_as_one_document(page: Page) -> None:
    done = page.site.nightsort("doctor", "--json")
    document = json.loads(done.stdout)
    assert set(document) == {"at", "findings"}
    assert all(set(one) == {"area", "state", "what", "what_to_do"} for one in document["findings"])
    states = {one["state"] for one in document["findings"]}
    assert states <= {"ok", "warning", "wrong"}
    assert done.returncode == ("wrong" in states)
    told = page.site.nightsort("doctor").stdout
    assert all(f"{one['area']}: " in told for one in document["findings"])

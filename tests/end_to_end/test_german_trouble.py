"""Every page of a browser that asks for German is German, above all when something is wrong."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.support.german import english_in
from tests.support.photos import drop_photos
from tests.support.waiting import eventually
from tests.support.web import Page, hidden_fields

TROUBLE = """
[alerts]
targets = [{{ name = "Pager", url = "json://127.0.0.1:9/x", severities = ["info", "error"] }}]
undeliverable_minutes = 0.001
[backups]
folder = "{away}"
[handover]
webhook = "http://127.0.0.1:9/hook"
[mirror]
station = "berlin"
postgres = "postgresql://berlin@127.0.0.1:9/returns"
"""
# A backup is thought of, and a photo is held, after a minute.
SOON = """
from daemon.health import status_document as document
from daemon.maintenance import nightly_backup
from daemon.service import status_notes
nightly_backup.TURN_SECONDS = status_notes.HELD_SECONDS = 0.2
document.StatusGatherer._held = lambda self, moment: document.problems_of(
    document.from_json(moment.left_alone))
"""
PAGES = (
    "/", "/page/now", "/review", "/review?queue=spots", "/find", "/find?q=return", "/station",
    "/page/runs", "/page/pick-lists", "/page/reports", "/page/learning", "/upload", "/page/try",
    "/page/doctor", "/page/settings", "/page/people", "/page/password", "/page/nowhere",
)  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page.make(tmp_path / "web", TROUBLE.format(away=tmp_path / "away"))
    page.add_user("anna", "admin")
    with page.serving():
        yield page


def test_no_page_says_a_word_of_english(page: Page) -> None:
    german = {"accept-language": "de"}
    drop_photos(page.site.incoming, 3)
    with ExitStack() as stack:
        anna = stack.enter_context(page.signed_in("anna", headers=german))
        daemon = stack.enter_context(page.site.daemon(SOON))
        page.await_daemon()
        assert page.site.nightsort("now").returncode == 0
        settings = page.site.folder / "nightsort.toml"
        right = settings.read_text("utf-8")
        settings.write_text(right.replace("settle_seconds = 0.3", 'settle_seconds = "long"'))
        daemon.send_signal(signal.SIGHUP)
        shutil.rmtree(page.site.sorted)
        held = stack.enter_context((page.site.incoming / "held.jpg").open("wb", buffering=0))
        held.write(b"\xff\xd8\xff")
        for said in (
            "1 Foto wird noch geschrieben oder ist in einem anderen Programm offen: held.jpg",
            "sorted gibt es nicht; die Freigabe einhängen",
            "es gibt keine neue Sicherung",
            "die neuen Einstellungen gelten nicht: intake.settle_seconds",
            "[handover] hat einen Webhook und kein Geheimnis",
            "Meldungen erreichen Pager nicht",
        ):
            eventually(partial(_says, anna, said))
        found = {path: english_in(anna.get(path).text) for path in PAGES}
        # A key of the settings, [mirror] photos, is called so in any language.
        assert {path: english for path, english in found.items() if {*english} - {"photos"}} == {}
        settings.write_text(right)
        answer = anna.post("/page/doctor", data=hidden_fields(anna.get("/page/doctor").text))
        assert answer.status_code == 303
        looked = english_in(eventually(partial(_looked, anna)))
        # What a server's library said is quoted.
        assert [text.partition(": ")[0] for text in looked] == ["PostgreSQL meldet"]
    with page.signed_in("anna", headers=german) as anna:
        assert english_in(anna.get("/").text) == []


def _says(client: httpx.Client, problem: str) -> bool:
    return problem in client.get("/page/now").text


def _looked(client: httpx.Client) -> str:
    text = client.get("/page/doctor").text
    return "" if "hx-get=" in text.partition("<main")[2] else text

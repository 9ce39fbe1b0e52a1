"""The fleet's page in a process of its own, beside real daemons and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.axe import violations
from tests.support.chromium import chromium
from tests.support.photos import write_photo
from tests.support.postgres import Cluster, cluster
from tests.support.processes import Site
from tests.support.waiting import eventually
from tests.support.web import Page

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]
SECRET = "swordfish"


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


def station(folder: Path, name: str, address: str) -> Site:
    text = f'[mirror]\nstation = "{name}"\npostgres = "{address} password={SECRET}"\n'
    return Site.make(folder / name, settings=text)


def office(folder: Path, address: str) -> Page:
    made = Page.make(folder / "office", f'[fleet]\npostgres = "{address} password={SECRET}"\n')
    made.options = ("--fleet",)
    return made


def test_head_office_sees_what_a_daemon_does_as_it_does_it(tmp_path: Path, server: Cluster) -> None:
    address = server.new_database("fleet")
    berlin, page = station(tmp_path, "berlin", address), office(tmp_path, address)
    page.add_user("anna", "admin")
    for number in (1, 2):
        write_photo(berlin.incoming / f"return-6000{number}_front.jpg", seed=number)
    with page.serving(), page.signed_in("anna") as anna, chromium(tmp_path / "profile") as browser:
        assert anna.get("/review").status_code == 404
        with berlin.daemon():
            eventually(lambda: berlin.nightsort("status").returncode == 0, every_s=0.2)
            assert berlin.nightsort("now").returncode == 0
            eventually(lambda: '<th scope="row"><a href="/page/stations/berlin">berlin</a></th>'
                       in anna.get("/").text, every_s=0.3)  # fmt: skip
            eventually(lambda: _photos(anna.get("/fleet").json()) == [2], every_s=0.3)
        for width in (390, 1280):
            tab = browser.tab(width)
            tab.carry(anna)
            for path in ("/", "/page/stations/berlin"):
                tab.open(f"{page.url}{path}")
                assert violations(tab) == [], (width, path)
                assert tab.too_wide_px == 0, (width, path)
                assert tab.complaints == [], (width, path)
        server.stop()
        try:
            eventually(lambda: "cannot be read just now" in anna.get("/").text, every_s=0.3)
            assert "berlin" in anna.get("/").text
        finally:
            server.start()
    log = page.log_file.read_text()
    assert SECRET not in log
    assert "fleet_not_read" in log


def test_without_a_mirror_to_read_it_says_what_to_set(tmp_path: Path) -> None:
    page = Page.make(tmp_path)
    done = page.command("--fleet")
    assert done.returncode == 78
    assert "set [fleet] postgres_credential" in done.stderr


def _photos(document: dict[str, list[dict[str, int]]]) -> list[int]:
    return [one["photos"] for one in document["stations"]]

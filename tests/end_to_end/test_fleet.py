"""The fleet's page in a process of its own, beside real daemons and a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageOps

from tests.support.axe import violations
from tests.support.chromium import chromium
from tests.support.photos import draw_photo, write_photo
from tests.support.postgres import Cluster, cluster
from tests.support.processes import Site
from tests.support.waiting import eventually
from tests.support.web import Page, hidden_fields

pytestmark = [pytest.mark.servers, pytest.mark.timeout(200)]
SECRET = "swordfish"
# It adopts what is better, and learns nothing by itself meanwhile.
BY_ITSELF = '[learning]\nadopt = "auto"\nnew_examples = 100000\n'


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


def station(folder: Path, name: str, address: str, more: str = "") -> Site:
    text = f'[mirror]\nstation = "{name}"\npostgres = "{address} password={SECRET}"\n{more}'
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


def test_a_version_that_head_office_promotes_is_taken_by_another_station(
    tmp_path: Path, server: Cluster
) -> None:
    address = server.new_database("fleet")
    berlin, page = station(tmp_path, "berlin", address), office(tmp_path, address)
    more = f"fetch_versions = true\n{BY_ITSELF}"
    hamburg = station(tmp_path, "hamburg", address, more)
    for site, first in ((berlin, 0), (hamburg, 200)):
        draw(tmp_path / "labelled" / site.folder.name, first)
        labelled = str(tmp_path / "labelled" / site.folder.name)
        assert site.nightsort("learn", "add", labelled).returncode == 0
    learnt = berlin.nightsort("learn", "--json")
    assert learnt.returncode == 0, learnt.stderr
    version = json.loads(learnt.stdout)["version"]
    for name, role in (("anna", "admin"), ("rita", "reader")):
        page.add_user(name, role)
    with (
        berlin.daemon(), hamburg.daemon(), page.serving(), page.signed_in("anna") as anna,
        page.signed_in("rita") as rita, chromium(tmp_path / "profile") as browser,
    ):  # fmt: skip
        eventually(lambda: f'name="version" value="{version}"' in anna.get("/").text, every_s=0.3)
        fields = {"station": "berlin", "version": version}
        token = hidden_fields(anna.get("/").text)["token"]
        theirs = {"token": hidden_fields(rita.get("/").text)["token"], **fields}
        assert rita.post("/page/promotion", data=theirs).status_code == 403
        done = anna.post("/page/promotion", data={"token": token, **fields})
        assert (done.status_code, done.headers["location"]) == (303, "/#versions")
        assert "is offered to all stations, by anna" in anna.get("/").text
        eventually(lambda: models(hamburg)["in_use"] == f"{version}@berlin", every_s=0.5)
        eventually(lambda: "judges there now" in anna.get("/").text, every_s=0.5)
        tab = browser.tab(390)
        tab.carry(anna)
        tab.open(f"{page.url}/")
        assert violations(tab) == []
        assert tab.too_wide_px == 0
        (came,) = (one for one in models(hamburg)["versions"] if "origin" in one)
        assert (came["origin"], came["problem"]) == ("berlin", "")
        assert "from berlin" in hamburg.nightsort("models", "list").stdout
        assert hamburg.nightsort("models", "back").returncode == 0
        assert models(hamburg)["in_use"] == "shipped"
        fetched = [one for one in hamburg.events() if one["event"] == "promotion_fetched"]
        assert len(fetched) == 1
        audit = hamburg.nightsort("audit", "verify")
        assert audit.returncode == 0, audit.stderr
        again = page.site.nightsort("models", "promote", "--none", "--json")
        assert (again.returncode, json.loads(again.stdout)["version"]) == (0, None)
        eventually(lambda: "No version is offered" in anna.get("/").text, every_s=0.3)


def draw(folder: Path, first: int) -> None:
    """Two kinds that are told apart with ease; each station has photos of its own."""
    for label in ("Boxes", "Spectacles"):
        (folder / label).mkdir(parents=True)
    for seed in range(first, first + 24):
        draw_photo(seed=seed).save(folder / f"Boxes/x{seed}x.jpg")
        inverted = ImageOps.invert(draw_photo(seed=seed + 50).convert("RGB"))
        inverted.save(folder / f"Spectacles/x{seed}y.jpg")


def models(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.nightsort("models", "list", "--json").stdout)
    return found


def test_without_a_mirror_to_read_it_says_what_to_set(tmp_path: Path) -> None:
    page = Page.make(tmp_path)
    done = page.command("--fleet")
    assert done.returncode == 78
    assert "set [fleet] postgres_credential" in done.stderr


def test_commands_about_the_fleet_say_what_is_wrong(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    unnamed = site.nightsort("models", "promote")
    assert (unnamed.returncode, "name a version" in unnamed.stderr) == (2, True)
    nowhere = site.nightsort("models", "promote", "2026-11-26.1", "--station", "berlin")
    assert (nowhere.returncode, "there is no mirror" in nowhere.stderr) == (1, True)
    added = site.nightsort("mirror", "schema", "--from", "1").stdout
    assert "CREATE TABLE nightsort.states" in added
    assert "CREATE TABLE nightsort.photos" not in added
    assert site.nightsort("mirror", "schema", "--from", "99").returncode == 2


def _photos(document: dict[str, list[dict[str, int]]]) -> list[int]:
    return [one["photos"] for one in document["stations"]]

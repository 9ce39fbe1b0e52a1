"""Cards as they come out of a printer: so many sheets, and nothing cut off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.browser import printed_sheets
from tests.support.chromium import chromium
from tests.support.processes import Site

SHEETS = {"station": 1, "clerk": 1, "checklists": 3}
LONG = "Hall-12-" + "x" * 60
SETTINGS = f"""
[links]
incoming = '\\\\warehouse-server-01.example.internal\\returns\\{LONG}'
sorted = '\\\\box\\photos'
results = '\\\\box\\results'
[contact]
name = "IT service desk of the returns department in hall 12"
phone = "+49 30 1234-567"
email = "it-service-desk-of-returns@warehouse.example.internal"
[web]
public_url = "https://box.warehouse.example.internal"
""" + "".join(
    f'[categories."Category {n}"]\ncode = "C{n}"\nlocation = "Section {n}, aisle {n}"\n'
    for n in range(8)
)
# What a page on paper cannot scroll to.
CUT_OFF = """[...document.body.querySelectorAll("*")].filter(one => !one.closest("svg")
 && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
 .map(one => one.tagName + one.textContent.slice(0, 30))"""


@pytest.mark.parametrize("language", ["en", "de"])
def test_cards_are_printed_on_so_many_sheets_and_nothing_is_cut_off(
    tmp_path: Path, language: str
) -> None:
    site = Site.make(tmp_path / "site", settings=SETTINGS)
    out = tmp_path / "cards"
    done = site.nightsort("cards", "--language", language, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    files = [Path(file) for file in json.loads(done.stdout)["files"]]
    assert [file.stem for file in files] == [*SHEETS]
    for file in files:
        folder = tmp_path / file.stem
        folder.mkdir()
        assert printed_sheets(file, folder) == SHEETS[file.stem], file.stem
    with chromium(tmp_path / "browser") as browser:
        tab = browser.tab(width=688, height=1039)  # what A4 has between its margins
        for file in files:
            tab.open(file.as_uri())
            tab.do("Emulation.setEmulatedMedia", media="print")
            assert tab.evaluate(CUT_OFF) == []
            assert tab.too_wide_px == 0


def test_they_are_in_the_language_of_reports_and_replace_those_of_before(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site", settings='[reports]\nlanguage = "de"\n')
    for _ in range(2):
        done = site.nightsort("cards", "--out", str(tmp_path / "cards"))
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 3
    assert "Fotoplatz" in (tmp_path / "cards/station.html").read_text("utf-8")
    assert len([*(tmp_path / "cards").iterdir()]) == 3


def test_a_folder_that_cannot_be_written_to_is_wrong_use(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    (tmp_path / "file").write_text("")
    done = site.nightsort("cards", "--out", str(tmp_path / "file" / "cards"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1

"""One morning with `[reports] language = "de"`: all that people find is German."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
from PIL import Image

from tests.support.processes import Site
from tests.support.waiting import eventually

SETTINGS = (
    '[reports]\nlanguage = "de"\n[corrections]\nlook_minutes = 0.02\n'
    '[contact]\nname = "IT-Servicestelle"\nphone = "030 1"\n'
)
ASK = "Fragen? IT-Servicestelle, 030 1"


def test_all_that_people_find_in_the_morning_is_german(tmp_path: Path) -> None:
    site = Site.make(tmp_path, settings=SETTINGS)
    Image.new("RGB", (480, 640), (2, 2, 2)).save(site.incoming / "return-600.png")
    (site.incoming / "return-700.png").write_bytes(b"Please call back.")
    with site.daemon():
        (site.incoming / "RUN NOW").mkdir()
        note = eventually(lambda: [*site.incoming.glob("nightsort has run *.txt")])[0]
        text = eventually(lambda: note.read_text("utf-8"))
        assert text.startswith("Lauf 2")
        assert "1 in Quarantäne, 0 warten noch." in text
        eventually((site.results / "batch_results_latest.xlsx").is_file)
        (book,) = site.results.glob("batch_results_2*.xlsx")
        decide_all(book, "neu fotografieren")
        wanted = site.sorted / "_retake" / "return-600.png.reason.txt"
        eventually(wanted.is_file)
        assert "retake: Der Artikel ist neu zu fotografieren; " in wanted.read_text("utf-8")
    reason = site.sorted / "_quarantine" / "return-700.png.reason.txt"
    assert reason.read_text("utf-8").startswith("not_an_image: Das ist kein Foto; ")
    page = (site.results / "batch_report_latest.html").read_text("utf-8")
    assert '<html lang="de">' in page
    assert "ein Ordner je Kategorie" in page  # a setting
    (lists,) = (site.results / "exports").glob("pick_lists_2*.html")
    assert "Picklisten, " in lists.read_text("utf-8")
    assert ASK in lists.read_text("utf-8")
    asked = site.nightsort("report", "--from", "2020-01-01", "--to", "2020-01-31")
    assert asked.returncode == 0
    period = Path(asked.stdout.strip()).read_text("utf-8")
    assert "Es wurde nichts sortiert" in period
    assert ASK in period


def decide_all(path: Path, word: str) -> None:
    """Choose a word for all photos to decide, and save."""
    book = openpyxl.load_workbook(path)
    sheet = book["Zu entscheiden"]
    for row in range(2, sheet.max_row + 1):
        if sheet.cell(row, 8).value:
            sheet.cell(row, 7).value = word
    book.save(path)


def test_what_a_command_says_and_programs_read_is_not_german(tmp_path: Path) -> None:
    site = Site.make(tmp_path, settings=SETTINGS)
    (site.incoming / "return-700.png").write_bytes(b"Please call back.")
    done = site.nightsort("now", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    (error,) = summary["errors"]
    assert error["error"].startswith("not a photo, the content looks like text")
    (row,) = site.rows()
    assert (row["status"], row["reason"]) == ("error", "not_an_image")
    assert "To decide" in site.nightsort("status").stdout

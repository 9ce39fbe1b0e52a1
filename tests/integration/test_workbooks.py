"""What people decide in the workbook is carried out, shown as done, or told in a note."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from daemon.corrections.decisions import Decisions
from daemon.corrections.workbooks import Workbooks
from daemon.domain.accuracy import Rate, rate_of
from daemon.domain.corrections import Via, Word
from daemon.domain.orders import Decision, Speaker
from daemon.domain.photos import Story
from daemon.domain.speech import ENGLISH, Speech, speech
from daemon.folders.tree import Tree
from daemon.reporting.report_updater import ReportUpdater
from daemon.reporting.run_data import gather
from daemon.reporting.workbook import write_workbook
from tests.integration.test_pick_lists import updater
from tests.support.core import Core, tiny_photo
from tests.support.names import HOSTILE
from tests.support.rights import like_an_ordinary_user
from tests.support.waiting import DEADLINE_SECONDS

RUN = "20251013_020000"
BOOK, LATEST = f"batch_results_{RUN}.xlsx", "batch_results_latest.xlsx"
NAMES = ("return-1.png", "return-2.png", "return-3.png", "return-4.png")


class Desk:
    """A run of four photos to decide, and who reads what is saved in its workbook."""

    def __init__(self, core: Core, written: Speech = ENGLISH, read: Speech = ENGLISH) -> None:
        """written: the language of the workbook; read: that of the settings since."""
        self.core = core
        self.sheet = written("workbook.to_decide")
        self.results = core.results
        for number, name in enumerate(NAMES):
            core.drop(name, tiny_photo("review", number))
        core.drain()
        self.updater: ReportUpdater = updater(core, written)
        self.updater.make(RUN)
        self.decisions = Decisions(core.store, core.corrector, core.clock)
        self.reader = Workbooks(
            core.store, Tree(core.results), core.corrector, self.decisions, core.clock, read
        )
        assert self.reader.notice() == 0

    def path(self, name: str = BOOK) -> Path:
        return self.results / name

    def save(self, said: dict[str, str], name: str = BOOK, as_name: str = "") -> None:
        """Open the workbook, type decisions, save it."""

        def type_them(sheet: Any) -> None:
            for row in range(2, sheet.max_row + 1):
                photo = sheet.cell(row, 2).value
                if photo in said:
                    sheet.cell(row, 7).value = said[photo]

        self.edit(type_them, name, as_name)

    def edit(self, change: Callable[[Any], None], name: str = BOOK, as_name: str = "") -> None:
        book = openpyxl.load_workbook(self.path(name))
        change(book[self.sheet])
        book.save(self.path(as_name or name))

    def shown(self, name: str = BOOK) -> dict[str, str | None]:
        sheet = openpyxl.load_workbook(self.path(name))[self.sheet]
        found = {str(row[1].value): row[6].value for row in sheet.iter_rows(min_row=2)}
        return {photo: text for photo, text in found.items() if photo in NAMES}

    def story(self, name: str) -> Story:
        (found,) = self.core.store.history.stories(name)
        return found

    def now(self) -> dict[str, tuple[str, str]]:
        stories = (self.story(name) for name in NAMES)
        return {one.filename: (one.state, one.category_now) for one in stories}

    def note(self, name: str = BOOK) -> str:
        path = self.results / f"{name.removesuffix('.xlsx')}.note.txt"
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    core = Core(tmp_path, inline=True)
    yield Desk(core)
    core.stop()


def test_what_is_chosen_is_done_recorded_and_shown(desk: Desk) -> None:
    desk.save({"return-1.png": "Shirts", "return-2.png": "right", "return-3.png": " Retake "})
    assert desk.reader.notice() == 3
    assert desk.now() == {
        "return-1.png": ("filed", "Shirts"), "return-2.png": ("filed", "Tops"),
        "return-3.png": ("retake", "Tops"), "return-4.png": ("review", "Tops"),
    }  # fmt: skip
    assert (desk.core.sorted / "Shirts" / "return-1.png").is_file()
    (said,) = desk.core.store.corrections.of(desk.story("return-1.png").id)
    assert (said.person, said.via) == (BOOK, Via.WORKBOOK)
    assert desk.note() == ""
    desk.updater.catch_up()
    assert desk.shown() == {
        "return-4.png": None, "return-1.png": "✓ Shirts (here)",
        "return-2.png": "✓ Tops (here)", "return-3.png": "✓ retake (here)",
    }  # fmt: skip
    assert desk.path(LATEST).read_bytes() == desk.path().read_bytes()
    assert desk.reader.notice() == 0


GERMAN = speech("de")


@pytest.mark.parametrize("written", [ENGLISH, GERMAN])
@pytest.mark.parametrize("read", [ENGLISH, GERMAN])
@pytest.mark.parametrize("words", [("right", "retake"), ("Stimmt", "neu fotografieren")])
def test_a_workbook_of_any_language_is_read_whatever_the_settings_say_now(
    tmp_path: Path, written: Speech, read: Speech, words: tuple[str, str]
) -> None:
    desk = Desk(core := Core(tmp_path, inline=True), written, read)
    right, retake = words
    desk.save({"return-1.png": "Shirts", "return-2.png": right, "return-3.png": retake})
    assert desk.reader.notice() == 3
    assert desk.now() == {
        "return-1.png": ("filed", "Shirts"), "return-2.png": ("filed", "Tops"),
        "return-3.png": ("retake", "Tops"), "return-4.png": ("review", "Tops"),
    }  # fmt: skip
    desk.updater.catch_up()
    here, again = ("here", "retake") if written is ENGLISH else ("hier", "neu fotografieren")
    assert desk.shown() == {
        "return-4.png": None, "return-1.png": f"✓ Shirts ({here})",
        "return-2.png": f"✓ Tops ({here})", "return-3.png": f"✓ {again} ({here})",
    }  # fmt: skip
    assert desk.reader.notice() == 0
    core.stop()


def test_a_note_beside_a_german_workbook_is_german_and_names_what_stands_there(
    tmp_path: Path,
) -> None:
    desk = Desk(core := Core(tmp_path, inline=True), GERMAN, GERMAN)
    (gone,) = core.store.history.stories("return-3.png")
    (core.sorted / gone.place).unlink()
    desk.decisions.decide(
        desk.story("return-2.png").id, Decision.RETAKE, "", Speaker("kim", Via.PAGE)
    )
    desk.save({"return-1.png": "Shrits"} | dict.fromkeys(NAMES[1:3], "Shirts"))
    desk.edit(lambda sheet: sheet.cell(5, 7, "Shirts") and sheet.cell(5, 8, "?"))
    assert desk.reader.notice() == 0
    first, second, empty, *rows = desk.note().split("\n")
    assert first == f"nightsort hat {BOOK} am 13.10.2025 um 02:00 Uhr gelesen."
    assert (second, empty) == ("0 Entscheidungen übernommen. Nicht übernommen:", "")
    wrong, decided, gone_since, unknown = rows[:4]
    assert wrong == (
        "Zeile 2, return-1.png: „Shrits“ ist keine Kategorie und weder „stimmt“ noch "
        "„neu fotografieren“; bitte aus der Liste wählen."
    )
    said = "kim hat am 13.10.2025 02:00 entschieden: neu zu fotografieren."
    assert decided == f"Zeile 3, return-2.png: {said}"
    assert gone_since.startswith("Zeile 4, return-3.png: es liegt nicht mehr in _review/Tops/")
    assert unknown == "Zeile 5, return-4.png: Nr. sagt nicht, welches Foto es ist."
    core.stop()


def test_a_german_workbook_is_german_throughout(tmp_path: Path) -> None:
    desk = Desk(core := Core(tmp_path, inline=True), GERMAN, GERMAN)
    book = openpyxl.load_workbook(desk.path())
    assert book.sheetnames == ["Ergebnisse", "Zu entscheiden"]
    results, review = book["Ergebnisse"], book["Zu entscheiden"]
    assert [cell.value for cell in review[1]] == [
        "Bild", "Foto", "Vermutung", "Sicherheit", "Sonst vielleicht", "Warum",
        "Ihre Entscheidung", "Nr.",
    ]  # fmt: skip
    assert [results.cell(2, column).value for column in (4, 6)] == ["zu entscheiden", "entscheiden"]
    assert results.cell(2, 7).value.startswith("unsicher zwischen Tops und ")
    assert results.cell(2, 5).number_format == "dd.mm.yyyy hh:mm:ss"
    (rule,) = review.data_validations.dataValidation
    assert rule.formula1.startswith('"stimmt,neu fotografieren')
    assert rule.error == "Bitte wählen Sie eine Kategorie, „stimmt“ oder „neu fotografieren“."
    core.stop()


class Spots(Desk):
    """A run of photos that are filed without a look; of each spot check the workbook asks."""

    def __init__(self, core: Core, written: Speech = ENGLISH) -> None:
        for number in range(60):
            core.drop(f"shirt-{number}.png", tiny_photo("Shirts", 100 + number))
        super().__init__(core, written)
        self.sheet = written("workbook.spot_checks")
        rows = openpyxl.load_workbook(self.path())[self.sheet].iter_rows(min_row=2)
        self.names = [str(row[1].value) for row in rows]

    def answers(self) -> list[str]:
        sheet = openpyxl.load_workbook(self.path())[self.sheet]
        return [str(row[6].value) for row in sheet.iter_rows(min_row=2)]


@pytest.mark.parametrize("language", ["en", "de"])
def test_spot_checks_are_asked_in_the_workbook_and_what_is_said_there_counts(
    tmp_path: Path, language: str
) -> None:
    say = speech(language)
    desk = Spots(core := Core(tmp_path, inline=True), say)
    first, second, third = desk.names
    assert desk.answers() == ["None"] * 3
    (rule,) = openpyxl.load_workbook(desk.path())[desk.sheet].data_validations.dataValidation
    assert str(rule.sqref) == "G2:G4"
    desk.save({first: say("workbook.right"), second: "Tops"})
    assert desk.reader.notice() == 2
    rate = sum(map(rate_of, core.store.spot_checks.newest(date(2000, 1, 1))), Rate())
    assert (rate.right, rate.checked, rate.shown) == (1, 2, 3)
    assert desk.story(second).category_now == "Tops"
    assert (core.sorted / "Tops" / second).is_file()
    assert [one.word for one in core.store.corrections.of(desk.story(first).id)] == [Word.CHECKED]
    desk.updater.catch_up()
    here = say("workbook.here")
    assert desk.answers() == [f"✓ Shirts ({here})", f"✓ Tops ({here})", "None"]
    assert desk.reader.notice() == 0
    desk.save({third: say("workbook.retake")})
    assert desk.reader.notice() == 1
    assert desk.story(third).state == "retake"
    core.stop()


def test_a_workbook_without_spot_checks_has_no_sheet_of_them(desk: Desk) -> None:
    assert ENGLISH("workbook.spot_checks") not in openpyxl.load_workbook(desk.path()).sheetnames


def offered(core: Core, categories: list[str]) -> tuple[Any, Any]:
    """The rule of the cells, and the workbook."""
    file = BytesIO()
    summary = core.store.runs.summary(RUN)
    assert summary is not None
    write_workbook(file, [], gather(core.store, summary), {}, None, categories, ENGLISH)
    book = openpyxl.load_workbook(file)
    (rule,) = book["To decide"].data_validations.dataValidation
    assert (rule.type, str(rule.sqref)) == ("list", "G2:G5")
    return rule.formula1, book


def test_the_cells_offer_a_list_of_what_may_be_chosen(desk: Desk) -> None:
    assert offered(desk.core, ["Tops", "Shirts"])[0] == '"right,retake,Shirts,Tops"'


@pytest.mark.parametrize("categories", [[f"Category {n}" for n in range(30)], ["Caps, hats"]])
def test_a_list_that_is_too_long_for_a_cell_stands_on_a_hidden_sheet(
    desk: Desk, categories: list[str]
) -> None:
    source, book = offered(desk.core, categories)
    assert source == "Choices"
    listed = [cell.value for cell in book["Choices"]["A"]]
    assert listed == ["right", "retake", *sorted(categories)]
    assert book["Choices"].sheet_state == "veryHidden"
    assert book.defined_names["Choices"].attr_text == f"'Choices'!$A$1:$A${len(listed)}"


def test_many_decisions_are_carried_out_some_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.corrections.workbooks._MOST_DECISIONS", 2)
    desk.save({"return-1.png": "Shrits"} | dict.fromkeys(NAMES[1:], "Shirts"))
    assert (desk.reader.notice(), desk.reader.has_more) == (2, True)
    assert desk.note() == ""
    assert (desk.reader.notice(), desk.reader.has_more) == (1, False)
    assert "3 decisions taken over. Not taken over:" in desk.note()
    assert desk.note().count("Row ") == 1
    assert (desk.reader.notice(), desk.reader.has_more) == (0, False)


def test_rows_may_be_sorted_and_deleted_and_the_file_have_any_name(desk: Desk) -> None:
    def rearrange(sheet: Any) -> None:
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(2, 5)]
        for number, row in enumerate(reversed(rows[1:]), start=2):
            for column, value in enumerate(row, start=1):
                sheet.cell(number, column).value = value
        sheet.delete_rows(5)
        sheet.insert_cols(1)
        sheet.insert_rows(1)
        sheet.cell(3, 8).value = "Shirts"

    desk.edit(rearrange, LATEST, "decided by Kim.xlsx")
    assert desk.reader.notice() == 1
    assert desk.now()["return-4.png"] == ("filed", "Shirts")
    assert "decided by Kim.xlsx" in desk.core.store.corrections.of(4)[0].person


def test_photos_of_any_name_are_decided(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    names = [*HOSTILE, "tab\t and line\n.png", " _x0041_ .png", "a\x01.png"]
    for number, name in enumerate(names):
        core.drop(name, tiny_photo("review", number))
    core.drain()
    updater(core).make(RUN)
    decisions = Decisions(core.store, core.corrector, core.clock)
    reader = Workbooks(core.store, Tree(core.results), core.corrector, decisions, core.clock)
    book = openpyxl.load_workbook(core.results / BOOK)
    for row in range(2, len(names) + 2):
        book["To decide"].cell(row, 7).value = "Shirts"
    book.save(core.results / BOOK)
    assert reader.notice() == len(names)
    assert not list(core.results.glob("*.note.txt"))
    core.stop()


def test_what_cannot_be_read_is_told_beside_it_and_the_rest_is_done(desk: Desk) -> None:
    desk.save({"return-1.png": "Shrits", "return-2.png": "Shirts"})
    assert desk.reader.notice() == 1
    note = desk.note()
    assert "1 decision taken over. Not taken over:" in note
    assert "Row 2, return-1.png: “Shrits” is no category" in note
    assert desk.story("return-1.png").state == "review"
    desk.save({"return-1.png": "Shirts"})
    assert desk.reader.notice() == 1
    assert desk.note() == ""


def test_a_column_that_was_sorted_alone_decides_nothing(desk: Desk) -> None:
    def shift(sheet: Any) -> None:
        numbers = [sheet.cell(row, 8).value for row in range(2, 6)]
        for row, number in enumerate([*numbers[1:], numbers[0]], start=2):
            sheet.cell(row, 8).value = number
        sheet.cell(2, 7).value = "Shirts"
        sheet.cell(3, 7).value = "Shirts"
        sheet.cell(3, 8).value = "none"

    desk.edit(shift)
    assert desk.reader.notice() == 0
    assert desk.note().count("another photo's; sort whole rows only") == 1
    assert "No. does not say which photo it is" in desk.note()
    assert {state for state, _ in desk.now().values()} == {"review"}


def test_who_decided_otherwise_meanwhile_is_told_and_holds(desk: Desk) -> None:
    photo = desk.story("return-1.png").id
    kim = Speaker("kim", Via.PAGE)
    desk.decisions.decide(photo, Decision.CATEGORY, "Tshirts", kim)
    desk.decisions.decide(desk.story("return-2.png").id, Decision.CATEGORY, "Shirts", kim)
    desk.save({"return-1.png": "Shirts", "return-2.png": "Shirts"})
    assert desk.reader.notice() == 0
    assert "return-1.png: kim decided on 13 Oct 2025 02:00: Tshirts." in desk.note()
    assert "return-2.png" not in desk.note()
    assert desk.now()["return-1.png"] == ("filed", "Tshirts")


def test_whoever_thinks_better_of_it_in_the_same_file_is_heard(desk: Desk) -> None:
    for word, state in (("Shirts", "filed"), ("retake", "retake"), ("right", "filed")):
        desk.save({"return-1.png": word})
        assert desk.reader.notice() == 1
        assert desk.story("return-1.png").state == state
    assert desk.now()["return-1.png"] == ("filed", "Tops")


def test_a_photo_that_was_taken_away_is_told(desk: Desk) -> None:
    (desk.core.sorted / "_review" / "Tops" / "return-1.png").unlink()
    desk.save({"return-1.png": "Shirts"})
    assert desk.reader.notice() == 0
    assert "return-1.png: it is not at _review/Tops/return-1.png any more" in desk.note()


def test_a_half_saved_file_is_waited_for_and_a_damaged_one_told(desk: Desk) -> None:
    desk.save({"return-1.png": "Shirts"})
    whole = desk.path().read_bytes()
    desk.path().write_bytes(whole[: len(whole) // 2])
    assert desk.reader.notice() == 0
    assert desk.note() == ""
    desk.path().write_bytes(whole)
    assert desk.reader.notice() == 1
    desk.path().write_bytes(whole[: len(whole) // 2])
    os.utime(desk.path(), (time.time() - 120,) * 2)
    desk.reader.notice()
    assert "It cannot be read: it is not whole, or no workbook." in desk.note()


def test_one_that_nightsort_may_not_read_is_told(desk: Desk) -> None:
    desk.path("decided.xlsx").mkdir()  # nor is it a file
    desk.save({"return-1.png": "Shirts"}, as_name="mine.xlsx")
    desk.path("mine.xlsx").chmod(0)
    os.utime(desk.path("mine.xlsx"), (time.time() - 120,) * 2)
    with like_an_ordinary_user():
        assert desk.reader.notice() == 0
    assert "It cannot be read: The file may not be read; check its access rights." in desk.note(
        "mine.xlsx"
    )


def test_another_kind_of_spreadsheet_is_told(desk: Desk) -> None:
    desk.path(f"batch_results_{RUN}.ods").write_bytes(b"PK")
    os.utime(desk.path(f"batch_results_{RUN}.ods"), (time.time() - 120,) * 2)
    desk.reader.notice()
    assert "only .xlsx is read" in desk.note()


@pytest.mark.parametrize("mark", [f"~${BOOK}", f".~lock.{BOOK}#"])
def test_a_workbook_that_is_open_is_read_but_not_written_until_it_is_closed(
    desk: Desk, mark: str
) -> None:
    desk.save({"return-1.png": "Shirts"})
    desk.path(mark).write_bytes(b"kim")
    saved = desk.path().read_bytes()
    assert desk.reader.notice() == 1
    desk.updater.catch_up()
    assert desk.path().read_bytes() == saved
    page = desk.path(f"batch_report_{RUN}.html").read_text(encoding="utf-8")
    assert "now Shirts" in page  # only the workbook waits
    desk.updater = updater(desk.core)  # also after a restart
    desk.updater.late_workbooks()
    assert desk.path().read_bytes() == saved
    desk.path(mark).unlink()
    desk.core.clock.advance(60)
    desk.updater.late_workbooks()
    assert desk.shown()["return-1.png"] == "✓ Shirts (here)"


def test_one_that_is_open_under_its_other_name_is_not_made_again_and_again(desk: Desk) -> None:
    desk.path(f"~${LATEST}").write_bytes(b"kim")
    desk.core.corrector.correct("return-1.png", "Shirts", "kim")
    desk.updater.catch_up()
    made = desk.path().stat().st_mtime_ns
    for _ in range(3):
        desk.core.clock.advance(60)
        desk.updater.late_workbooks()
    assert desk.path().stat().st_mtime_ns == made
    assert desk.shown(LATEST)["return-1.png"] is None
    desk.path(f"~${LATEST}").unlink()
    desk.core.clock.advance(60)
    desk.updater.late_workbooks()
    assert desk.shown(LATEST)["return-1.png"] == "✓ Shirts (kim)"
    made = desk.path().stat().st_mtime_ns
    desk.core.clock.advance(60)
    desk.updater.late_workbooks()
    assert desk.path().stat().st_mtime_ns == made


def test_a_mark_that_a_killed_program_left_is_not_believed_for_ever(desk: Desk) -> None:
    desk.path(f"~${BOOK}").write_bytes(b"kim")
    os.utime(desk.path(f"~${BOOK}"), (time.time() - 86_400,) * 2)
    desk.core.corrector.correct("return-1.png", "Shirts", "kim")
    desk.updater.catch_up()
    assert desk.shown()["return-1.png"] == "✓ Shirts (kim)"


@pytest.mark.parametrize("name", [BOOK, LATEST])
def test_what_was_saved_is_never_written_over_before_it_was_read(desk: Desk, name: str) -> None:
    desk.save({"return-1.png": "Shirts"}, name)
    desk.core.corrector.correct("return-2.png", "Shirts", "kim")
    desk.updater.catch_up()
    assert desk.shown(name)["return-1.png"] == "Shirts"
    assert desk.reader.notice() == 1
    desk.core.clock.advance(60)
    desk.updater.late_workbooks()
    assert desk.shown(name)["return-1.png"] == "✓ Shirts (here)"


def test_a_workbook_of_somebody_elses_is_left_alone(desk: Desk) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Photo", "Your decision"])
    book.save(desk.path("prices.xlsx"))
    desk.path("list.ods").write_bytes(b"PK")
    assert desk.reader.notice() == 0
    assert list(desk.results.glob("*.note.txt")) == []


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_what_libreoffice_saves_is_read(desk: Desk, tmp_path: Path) -> None:
    desk.save({"return-1.png": "Shirts"}, as_name="typed.xlsx")
    typed = desk.path("typed.xlsx").rename(tmp_path / "typed.xlsx")
    home = f"-env:UserInstallation=file://{tmp_path}/office"
    subprocess.run(
        ["soffice", home, "--headless", "--convert-to", "xlsx", "--outdir", desk.results, typed],
        check=True, capture_output=True, timeout=DEADLINE_SECONDS,
    )  # fmt: skip
    assert desk.path("typed.xlsx").is_file()
    assert desk.reader.notice() == 1
    assert desk.now()["return-1.png"] == ("filed", "Shirts")

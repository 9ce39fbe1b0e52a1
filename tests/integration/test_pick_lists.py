"""Pick lists and inventory: what lies where now, for people and for the warehouse's programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from daemon.corrections import moved_photos
from daemon.corrections.folder_index import FolderIndex
from daemon.domain.photos import as_text
from daemon.domain.speech import ENGLISH, Speech
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.reporting.exports import EXPORTS, INVENTORY_COLUMNS, Exports
from daemon.reporting.periodical import Periodical
from daemon.reporting.report_updater import ReportUpdater, Writers
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.reporting.thumbnails import Thumbnails
from daemon.sorting.filer import FilingPolicy
from daemon.store.changes import LISTS, PAGES
from tests.support.browser import look_at, printed_sheets
from tests.support.core import WAREHOUSE, Core, tiny_photo
from tests.support.names import HOSTILE

RUN = "20251013_020000"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    yield core
    core.stop()


def exports(core: Core, say: Speech = ENGLISH, ask: str = "") -> Exports:
    return Exports(core.store, Tree(core.results), WAREHOUSE.codes, say, ask=ask)


def updater(core: Core, say: Speech = ENGLISH) -> ReportUpdater:
    sorted_tree, results = Tree(core.sorted), Tree(core.results)
    limits = Limits(1_000_000, 1.0)
    thumbnails = Thumbnails(sorted_tree, limits, threads=1)
    policy = ReportPolicy(None, list, limits, say=say)
    reporter = Reporter(core.store, sorted_tree, results, thumbnails, policy)
    periodical = Periodical(core.store, results, core.clock, ())
    return ReportUpdater(core.store, Writers(exports(core, say), reporter, periodical), core.clock)


class Sheets(HTMLParser):
    """What is written on each sheet of a page of pick lists, by its heading."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.tags: set[str] = set()
        self._sheet, self._in_heading = "", False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._in_heading = self._in_heading or tag == "h2"
        if tag == "h2":
            self._sheet = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2":
            self._in_heading, self._sheet = False, " ".join(self._sheet.split())

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self._sheet += data
        elif self._sheet:
            self.text[self._sheet] = f"{self.text.get(self._sheet, '')} {' '.join(data.split())}"


def sheets(core: Core) -> dict[str, str]:
    return Sheets(core.results / EXPORTS / f"pick_lists_{RUN}.html").text


def inventory(core: Core, run: str = RUN) -> list[dict[str, str]]:
    path = core.results / EXPORTS / f"inventory_{run}.csv"
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") >= 1
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def a_run(core: Core) -> None:
    core.drop("return-5001_front.png", tiny_photo("Shirts", 1))
    core.drop("return-5001_back.png", tiny_photo("Shirts", 2))
    core.drop("return-5002.png", tiny_photo("Tops", 3))
    core.drop("return-5003.png", tiny_photo("review", 4))
    core.drop("nameless.png", tiny_photo("Tops", 5))
    core.drop("return-5004.png", b"Please call back.")
    core.drop("return-5001_zwei.png", tiny_photo("Shirts", 1))
    updater(core).make(core.drain()["run"])


def test_each_category_has_a_sheet_with_its_code_and_its_place(core: Core) -> None:
    a_run(core)
    found = sheets(core)
    assert [*found] == ["Shirts SH", "Tops", "Not in the lists"]
    assert "Section A, Aisle 3" in found["Shirts SH"]
    assert "1 return, 2 photos" in found["Shirts SH"]
    assert "return-5001_back.png" in found["Shirts SH"]
    assert "no place is set for this category" in found["Tops"]
    assert found["Tops"].index("5002") < found["Tops"].index("nameless.png")


def test_photos_of_one_return_are_one_item_however_their_names_spell_it(core: Core) -> None:
    core.drop("return_20251013_001.png", tiny_photo("Shirts", 1))
    core.drop("RET-20251013-001 back.png", tiny_photo("Shirts", 2))
    core.drop("ret 20251013 1 front.png", tiny_photo("Shirts", 3))
    core.drop("IMG_20251013_101530.png", tiny_photo("Shirts", 4))
    updater(core).make(core.drain()["run"])
    assert "2 returns, 4 photos" in sheets(core)["Shirts SH"]
    found = {row["filename"]: row["return_id"] for row in inventory(core)}
    assert found.pop("IMG_20251013_101530.png") == ""
    assert {*found.values()} == {"20251013-001"}


def test_what_waits_for_a_person_is_on_a_sheet_of_its_own_and_in_no_list(core: Core) -> None:
    a_run(core)
    found = sheets(core)
    assert "return-5003.png" not in found["Tops"]
    assert "return-5003.png perhaps Tops" in " ".join(found["Not in the lists"].split())
    assert "return-5004.png" in found["Not in the lists"]
    assert "other files belong elsewhere" in found["Not in the lists"]


def test_what_waits_for_a_person_of_all_nights_is_said_in_the_lists_and_on_the_page(
    core: Core,
) -> None:
    core.drop("odd-before.png", tiny_photo("review", 900))
    core.drain()
    core.clock.advance(3 * 86400)
    a_run(core)
    assert core.store.history.undecided()["photos"] == 2
    said = "2 photos wait for a decision in all, since Mon 13 Oct"
    exports_folder = core.results / "exports"
    assert said in (exports_folder / "pick_lists_latest.html").read_text(encoding="utf-8")
    assert said in (core.results / "batch_report_latest.html").read_text(encoding="utf-8")


def test_duplicates_are_in_no_list(core: Core) -> None:
    a_run(core)
    assert "return-5001_zwei.png" not in " ".join(sheets(core).values())
    assert "return-5001_zwei.png" not in {row["filename"] for row in inventory(core)}


def test_the_very_photo_of_another_return_is_pointed_out(core: Core) -> None:
    core.drop("return-8001.png", tiny_photo("Shirts", 1))
    core.drop("return-8001_again.png", tiny_photo("Shirts", 1))
    core.drop("return-8002.png", tiny_photo("Shirts", 1))
    updater(core).make(core.drain()["run"])
    left = " ".join(sheets(core)["Not in the lists"].split())
    assert "8002 return-8002.png equals return-8001.png of 8001 , Shirts" in left
    assert "return-8001_again.png" not in left
    page = (core.results / f"batch_report_{RUN}.html").read_text(encoding="utf-8")
    assert page.count("<b>look:</b> return 8002 has the very photo of return 8001") == 1
    path = core.results / EXPORTS / f"returns_{RUN}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["return_id"]: row for row in csv.DictReader(file)}
    assert (rows["8001"]["status"], rows["8001"]["photos"]) == ("filed", "1")
    assert (rows["8002"]["status"], rows["8002"]["category"]) == ("look", "Shirts")
    assert rows["8002"]["photos"] == "1"


def test_a_return_whose_photos_lie_in_two_categories_is_pointed_out(core: Core) -> None:
    core.drop("7001 front.png", tiny_photo("Shirts", 1))
    core.drop("7001 back.png", tiny_photo("Tops", 2))
    updater(core).make(core.drain()["run"])
    assert "also in Tops" in sheets(core)["Shirts SH"]
    assert "also in Shirts" in sheets(core)["Tops"]


def test_the_inventory_is_for_programs(core: Core) -> None:
    a_run(core)
    rows = inventory(core)
    assert tuple(rows[0]) == INVENTORY_COLUMNS
    by_name = {row["filename"]: row for row in rows}
    assert set(by_name) == {
        "return-5001_front.png", "return-5001_back.png", "return-5002.png", "nameless.png",
    }  # fmt: skip
    assert by_name["return-5001_front.png"] == {
        "return_id": "5001",
        "category": "Shirts",
        "category_code": "SH",
        "confidence": "0.9876",
        "auto_classified": "true",
        "location": "Section A, Aisle 3",
        "filename": "return-5001_front.png",
        "retaken": "false",
    }
    assert by_name["nameless.png"]["return_id"] == ""


def test_the_newest_lists_have_a_name_that_does_not_change(core: Core) -> None:
    a_run(core)
    for name, latest in (
        (f"pick_lists_{RUN}.html", "pick_lists_latest.html"),
        (f"inventory_{RUN}.csv", "inventory_latest.csv"),
    ):
        folder = core.results / EXPORTS
        assert (folder / latest).read_bytes() == (folder / name).read_bytes()


# --- corrections -------------------------------------------------------------------------------


def test_lists_follow_a_persons_word(core: Core) -> None:
    a_run(core)
    core.corrector.correct("return-5003.png", "Shirts", "alice")
    core.corrector.correct("return-5002.png", "Tshirts", "alice")
    core.corrector.undo("nameless.png", "alice")
    assert updater(core).follow()
    found = sheets(core)
    assert "return-5003.png" in found["Shirts SH"]
    assert "return-5002.png" in found["Tshirts"]
    assert "Tops" not in found
    rows = {row["filename"]: row for row in inventory(core)}
    assert "nameless.png" not in rows
    corrected = rows["return-5003.png"]
    assert (corrected["category"], corrected["category_code"]) == ("Shirts", "SH")
    assert (corrected["auto_classified"], corrected["confidence"]) == ("false", "")


def test_a_confirmed_guess_keeps_its_confidence(core: Core) -> None:
    a_run(core)
    core.corrector.correct("return-5003.png", "Tops", "alice")
    updater(core).follow()
    (row,) = (row for row in inventory(core) if row["return_id"] == "5003")
    assert (row["auto_classified"], row["confidence"]) == ("false", "0.4123")


def test_lists_and_page_follow_a_guess_that_is_confirmed_where_it_lies(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True, filing=FilingPolicy(review_folder=False))
    a_run(core)
    assert [row for row in inventory(core) if row["return_id"] == "5003"] == []
    updating = updater(core)
    core.corrector.correct("return-5003.png", "Tops", "alice")
    updating.follow()
    updating.catch_up()
    assert "5003" in sheets(core)["Tops"]
    (row,) = (row for row in inventory(core) if row["return_id"] == "5003")
    assert (row["auto_classified"], row["confidence"]) == ("false", "0.4123")
    page = (core.results / f"batch_report_{RUN}.html").read_text(encoding="utf-8")
    assert "1 of 1 decided: nothing is left to do here." in page
    assert "Tops confirmed by alice" in page
    with next((core.results / EXPORTS).glob("corrections_*.csv")).open(
        encoding="utf-8-sig", newline=""
    ) as file:
        (said,) = csv.DictReader(file)
    assert (said["category_before"], said["category"], said["person"]) == ("Tops", "Tops", "alice")
    core.stop()


def test_lists_are_written_again_only_when_somebody_spoke(core: Core) -> None:
    a_run(core)
    written = [made(core)]
    updater(core).follow()
    written.append(made(core))
    core.corrector.correct("return-5003.png", "Shirts", "alice")
    updater(core).follow()
    written.append(made(core))
    core.restart()
    updater(core).follow()
    written.append(made(core))
    assert written[0] == written[1] != written[2] == written[3]


def test_a_run_that_was_just_told_of_is_not_told_of_again(core: Core) -> None:
    a_run(core)
    for follower in (LISTS, PAGES):
        assert core.store.changes.runs_touched(follower) == {}
    core.drop("return-6001.png", tiny_photo("Shirts", 77))
    core.take_in()
    core.work()  # its run is not closed
    assert core.store.changes.runs_touched(LISTS) == {}


def test_lists_follow_a_photo_that_was_taken_away(core: Core) -> None:
    a_run(core)
    core.store._db.execute("UPDATE photos SET removed_at = ?1 WHERE id = 1", ("2025-10-14",))
    assert [*core.store.changes.runs_touched(LISTS)] == [RUN]
    written = made(core)
    updater(core).follow()
    assert made(core) != written
    assert core.store.changes.runs_touched(LISTS) == {}


def test_what_was_said_before_midnight_is_in_the_file_of_that_day(core: Core) -> None:
    a_run(core)
    for name, hours in (("return-5002.png", 21), ("return-5003.png", 30)):
        core.clock.advance(hours * 3600)
        core.corrector.correct(name, "Tshirts", "alice")
    updater(core).follow()
    said = {file.name for file in (core.results / EXPORTS).glob("corrections_*.csv")}
    assert said == {"corrections_20251013.csv", "corrections_20251015.csv"}


def made(core: Core) -> int:
    """By what one tells an inventory from the one that took its place."""
    return (core.results / EXPORTS / f"inventory_{RUN}.csv").stat().st_mtime_ns


def test_lists_that_could_not_be_written_are_written_next_time(core: Core) -> None:
    a_run(core)
    core.corrector.correct("return-5003.png", "Shirts", "alice")
    away = core.results.rename(core.results.with_name("away"))
    assert not updater(core).follow()
    away.rename(core.results)
    assert "return-5003.png" not in sheets(core)["Shirts SH"]
    assert updater(core).follow()
    assert "return-5003.png" in sheets(core)["Shirts SH"]


def test_pages_follow_once_nobody_says_anything_more(core: Core) -> None:
    a_run(core)
    page = core.results / f"batch_report_{RUN}.html"
    updating = updater(core)
    core.corrector.correct("return-5003.png", "Shirts", "alice")
    updating.follow()
    assert "now Shirts" not in page.read_text(encoding="utf-8")
    updating.catch_up()
    assert "now Shirts, by alice" in page.read_text(encoding="utf-8")


def test_what_is_decided_by_dragging_is_noticed_without_a_look_at_all_photos(core: Core) -> None:
    a_run(core)
    (core.sorted / "Tshirts").mkdir()
    (waiting,) = (core.sorted / "_review").rglob("*.png")
    waiting.rename(core.sorted / "Tshirts" / waiting.name)
    (core.sorted / "Tops" / "return-5002.png").rename(core.sorted / "Tshirts" / "return-5002.png")
    assert core.corrector.notice_decided(300) == 1
    updater(core).follow()
    assert "return-5003.png" in sheets(core)["Tshirts"]
    assert core.store.history.stories("return-5002.png")[0].category_now == "Tops"


def test_a_deleted_photo_is_not_looked_for_for_ever(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(core)
    (waiting,) = (core.sorted / "_review").rglob("*.png")
    waiting.unlink()
    searched: list[Tree] = []

    def listed(tree: Tree) -> FolderIndex:
        searched.append(tree)
        return FolderIndex(tree)

    monkeypatch.setattr(moved_photos, "FolderIndex", listed)
    for _ in range(10):
        core.corrector.notice_decided(300)
    assert len(searched) == 1


def test_what_is_left_to_decide_comes_first_on_the_page(core: Core) -> None:
    for number in range(3):
        core.drop(f"odd-{number}.png", tiny_photo("review", number))
    summary = core.drain()
    core.corrector.correct("odd-0.png", "Shirts", "alice")
    page, *_ = updater(core).make(summary["run"])
    text = page.read_text(encoding="utf-8")
    assert "1 of 3 decided; those that are left come first." in text
    assert "To decide <b>2</b>" in text
    assert text.index("odd-1.png") < text.index("odd-2.png") < text.index("odd-0.png")


def test_whom_people_may_ask_stands_on_each_sheet(core: Core, tmp_path: Path) -> None:
    a_run(core)
    updating, summary = updater(core), core.store.runs.summaries()[0]
    updating.follow()
    assert "Questions?" not in str(sheets(core))
    exports(core, ask="IT <desk>, +49 30 1").write_lists(summary, core.clock.now(), is_newest=True)
    on_each = sheets(core).values()
    assert all("Questions? IT <desk>, +49 30 1" in text for text in on_each)
    page = core.results / EXPORTS / f"pick_lists_{RUN}.html"
    assert printed_sheets(page, tmp_path) == len(on_each) == 3


# --- hostile names, browsers, sizes ------------------------------------------------------------


def test_hostile_names_are_only_text_in_every_export(core: Core, tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        core.drop(name, tiny_photo("Shirts", number))
        core.drop(f"odd {name}", tiny_photo("review", 100 + number))
    updater(core).make(core.drain()["run"])
    for name in HOSTILE:
        core.corrector.correct(f"odd {name}", "Tops", "=alice")
    updater(core).follow()
    page = Sheets(core.results / EXPORTS / f"pick_lists_{RUN}.html")
    assert not page.tags & {"script", "img", "a href"}
    assert "<script>alert(1)<script> 4712.png" in page.text["Shirts SH"]
    names = {row["filename"] for row in inventory(core)}
    assert len(names) == 2 * len(HOSTILE)
    assert {name.removeprefix("'") for name in names} >= {as_text(name) for name in HOSTILE}
    (told,) = (core.results / EXPORTS).glob("corrections_*.csv")
    for path in (core.results / EXPORTS / f"inventory_{RUN}.csv", told):
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "＝"))]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_the_lists_in_its_width(core: Core, tmp_path: Path, width: int) -> None:
    for number, name in enumerate(HOSTILE):
        core.drop(name, tiny_photo("Shirts", 100 + number))
    a_run(core)
    seen = look_at(core.results / EXPORTS / f"pick_lists_{RUN}.html", width, tmp_path)
    assert (seen.too_wide_px, seen.scripts, seen.console) == (0, 0, [])
    assert "return-5001_back.png" in seen.text


def test_each_category_is_printed_on_a_sheet_of_its_own(core: Core, tmp_path: Path) -> None:
    a_run(core)
    page = core.results / EXPORTS / f"pick_lists_{RUN}.html"
    assert printed_sheets(page, tmp_path) == len(sheets(core)) == 3

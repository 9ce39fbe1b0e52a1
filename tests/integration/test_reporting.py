"""Page and workbook of a run: all that comes from outside is only text, and people can read it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
import structlog
from xlsxwriter import Workbook

from config.errors import FolderUnavailable
from config.timing import WindowSettings
from daemon.domain.links import excel_link, link, shown
from daemon.domain.summaries import RunSummary
from daemon.domain.timetable import Timetable
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.reporting.forecast_log import ForecastLog
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.reporting.run_files import summarise
from daemon.reporting.thumbnails import Thumbnails
from tests.support.browser import look_at
from tests.support.classifiers import verdict
from tests.support.core import Core, running, tiny_photo
from tests.support.names import HOSTILE
from tests.support.photos import photo_bytes

_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """A run over hostile names, all of them in review, with what else there is."""
    with structlog.testing.capture_logs():
        core = Core(tmp_path_factory.mktemp("core"), inline=True)
        for number, name in enumerate(HOSTILE):
            core.drop(name, tiny_photo("review", number))
        for number in range(30):
            core.drop(f"return-{5000 + number}.png", tiny_photo("Shirts", 100 + number))
        core.drop("twin.png", tiny_photo("Shirts", 100))
        core.drop("note <b>.png", b"Please call back.")
        core.drain()
    yield core
    core.stop()


def reporter(
    core: Core, links: str | None = None, beat: Callable[[], object] = lambda: None
) -> Reporter:
    sorted_tree = Tree(core.sorted)
    limits = Limits(1_000_000, 1.0)
    thumbnails = Thumbnails(sorted_tree, limits, 1, beat)
    policy = ReportPolicy(links, lambda: [("Mode", "window 02:00 to 06:00")], limits)
    return Reporter(core.store, sorted_tree, Tree(core.results), thumbnails, policy, beat)


def write(core: Core, links: str | None = None) -> tuple[Path, Path]:
    (summary,) = core.store.runs.summaries()
    page, book = reporter(core, links).write(summary, is_newest=True)
    return page, book


class Elements(HTMLParser):
    """What a parser makes of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


# --- the page ----------------------------------------------------------------------------------


def test_nothing_from_outside_is_more_than_text(core: Core) -> None:
    page = Elements(write(core)[0])
    assert not page.all("script")
    assert all(set(image) == {"src", "alt"} for image in page.all("img"))
    assert all((image["src"] or "").startswith("data:image/jpeg;") for image in page.all("img"))
    assert "<script>alert(1)<script> 4712.png" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page.text
    (policy,) = (m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'; img-src data:;")


def test_the_page_shows_what_needs_a_person(core: Core) -> None:
    text = " ".join(Elements(write(core)[0]).text.split())
    assert "44 photos sorted by 02:00, none left waiting." in text
    assert "To decide 12" in text
    assert "unsure between Tops and Tops" in text
    assert "other files belong elsewhere" in text
    assert "is filed as Shirts/return-5000.png" in text
    assert "Of 44 photos that came: 30 filed, 12 to decide, 1 duplicate, 1 to retake" in text


def test_without_links_places_on_the_server_are_shown_and_nothing_is_linked(core: Core) -> None:
    page = Elements(write(core)[0])
    beside = ("exports/pick_lists_20251013_020000.html", "batch_results_20251013_020000.xlsx")
    assert all((a["href"] or "").startswith(("#", *beside)) for a in page.all("a"))
    assert f"{core.sorted}/_review" in page.text


def test_photos_are_linked_as_people_reach_them(core: Core) -> None:
    page = Elements(write(core, r"\\box\photos")[0])
    hrefs = {a["href"] for a in page.all("a")}
    assert "file://box/photos/Shirts/return-5000.png" in hrefs
    assert str(core.sorted) not in page.text


def test_a_correction_is_told_when_the_report_is_made_again(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review"))
    core.drain()
    core.corrector.correct("odd.png", "Shirts", "alice")
    assert "now Shirts, by alice" in Elements(write(core)[0]).text
    core.stop()


def test_where_review_has_no_folder_of_its_own_the_page_names_none(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review"))
    core.drain()
    assert "_review" in Elements(write(core)[0]).text
    core.store._db.execute("UPDATE photos SET target = ?1, place = ?1", (b"Tops/odd.png",))
    text = Elements(write(core)[0]).text
    assert "Each lies in the folder of its guess" in text
    assert "_review" not in text
    core.stop()


def test_a_report_that_is_told_to_end_leaves_nothing_half(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review"))
    core.drain()
    (summary,) = core.store.runs.summaries()
    before = {*core.results.iterdir()}
    for steps in range(3):  # between pictures, before the page, and before the workbook
        left = [*range(steps)]
        with pytest.raises(IndexError):
            reporter(core, beat=left.pop).write(summary, is_newest=True)
        page = core.results / f"batch_report_{summary['run']}.html"
        assert {*core.results.iterdir()} - {page} == before
    core.stop()


def test_a_results_folder_that_is_away_is_told(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review"))
    core.drain()
    (summary,) = core.store.runs.summaries()
    core.results.rename(tmp_path / "away")
    with pytest.raises(FolderUnavailable):
        reporter(core).write(summary, is_newest=True)
    core.stop()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_all_of_the_page_in_its_width(
    core: Core, tmp_path: Path, width: int
) -> None:
    seen = look_at(write(core)[0], width, tmp_path)
    assert seen.cut_off == []
    assert seen.too_wide_px == 0
    assert seen.pictures >= 10
    assert (seen.unseen, seen.without_alt, seen.scripts, seen.console) == (0, 0, 0, [])
    assert "<script>alert(1)<script> 4712.png" in seen.text


def test_the_page_doubts_return_ids_that_cannot_be_right(tmp_path: Path) -> None:
    with running(Core(tmp_path, inline=True, batch_size=32)) as core:
        for number in range(9):
            core.drop(f"return-4711_{number}.png", tiny_photo("Shirts", number))
        for number in range(10, 20):
            core.drop(f"DSC_{number:04d}.png", tiny_photo("Tops", number))
        core.drain()
        page = write(core)[0].read_text(encoding="utf-8")
    assert "the return 4711 has 9 photos in 1 category, such as return-4711_0.png" in page
    assert "10 of 19 photos name no return, such as DSC_0010.png" in page
    assert "[returns] pattern" in page


def test_what_can_be_seen_of_a_damaged_photo_is_shown(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    whole = photo_bytes(seed=3)
    middle = len(whole) // 2
    core.drop("damaged.jpg", whole[:middle] + b"\xff\xc4\x00\x03\xff" * 99 + whole[-middle:])
    core.drop("note.png", b"Please call back.")
    assert core.drain()["failed"] == 2
    page = Elements(write(core)[0])
    (picture,) = page.all("img")
    assert picture["alt"] == "what can be seen of damaged.jpg"
    core.stop()


def test_a_run_that_does_not_add_up_is_an_error_event_and_the_first_thing_one_reads(
    tmp_path: Path,
) -> None:
    core = Core(tmp_path, inline=True)
    core.drop("odd.png", tiny_photo("review"))
    core.take_in()
    core.work()
    core.store._db.execute("UPDATE runs SET waiting_before = waiting_before + 7")
    with structlog.testing.capture_logs() as logs:
        core.drainer.close(settling=0)
    (told,) = (line for line in logs if line["event"] == "run_unbalanced")
    assert told["log_level"] == "error"
    assert "The run does not add up" in Elements(write(core)[0]).text
    core.stop()


def test_the_page_says_what_was_foretold(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    window = WindowSettings(start=time(2), end=time(6), timezone="UTC")
    core.drop("odd.png", tiny_photo("review"))
    forecast_log = ForecastLog(Timetable(window, core.clock), core.clock, core.store.facts)
    forecast_log.note_opening(lambda: 1, 0.5)
    core.drain()
    text = " ".join(Elements(write(core)[0]).text.split())
    assert "at 02:00, 1 photo done by 02:00: kept" in text
    core.stop()


# --- how large it becomes ----------------------------------------------------------------------


def many(core: Core, photos: int, review: int) -> RunSummary:
    """A run of so many photos: a few that were really sorted, in the store many times over.

    Their pictures are real files, and are real pictures in the report.
    """
    for number in range(12):
        core.drop(f"return-{number}.jpg", photo_bytes(seed=number, quality=86))
    core.drain()
    columns = [row[1] for row in core.store._db.execute("PRAGMA table_info(photos)")]
    copied = ", ".join(
        {"id": "NULL", "result_number": "1000 + :n", "place": "coalesce(place, target)"}.get(c, c)
        for c in columns
    )
    core.store._db.execute("BEGIN")
    core.store._db._connection.executemany(
        f"INSERT INTO photos SELECT {copied} FROM photos WHERE id = 1 + :n % 12",
        [{"n": n} for n in range(photos - 12)],
    )
    core.store._db.execute(
        "UPDATE photos SET state = 'review', status = 'review', band = 'review' WHERE id <= ?",
        (review,),
    )
    core.store._db.execute("COMMIT")
    (summary,) = core.store.runs.summaries()
    tally = core.store.runs.tally(summary["run"])
    core.store._db.execute("UPDATE runs SET waiting_before = ?", (photos,))
    return summarise(replace(tally, waiting_before=photos), core.clock.now(), 0, [])


@pytest.mark.parametrize("review", [45, 300])
def test_a_page_of_three_hundred_photos_stays_below_three_megabytes(
    tmp_path: Path, review: int
) -> None:
    core = Core(tmp_path, inline=True, think=lambda _: verdict("Shirts", 0.97))
    summary = many(core, 300, review)
    page, _ = reporter(core).write(summary, is_newest=True)
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") >= review + round(0.05 * (300 - review))
    assert len(text) < 3_000_000
    core.stop()


def test_a_page_of_five_thousand_photos_opens(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True, think=lambda _: verdict("Shirts", 0.97))
    summary = many(core, 5_000, 700)
    page, _ = reporter(core).write(summary, is_newest=True)
    assert page.stat().st_size < 12_000_000
    seen = look_at(page, 390, tmp_path)
    assert (seen.too_wide_px, seen.unseen, seen.console) == (0, 0, [])
    assert seen.pictures == 300 + 215  # to decide; a twentieth of the others
    assert "400 more are in" in seen.text
    core.stop()


# --- the workbook ------------------------------------------------------------------------------


def cells(book: Path, sheet: int) -> list[dict[str, Any]]:
    """The rows of a sheet: text as str, numbers as float, by column letter."""
    with zipfile.ZipFile(book) as file:
        assert file.testzip() is None
        root = ET.fromstring(file.read(f"xl/worksheets/sheet{sheet}.xml"))
    rows = []
    for row in root.iter(f"{_SHEET}row"):
        found: dict[str, Any] = {}
        for cell in row:
            assert cell.find(f"{_SHEET}f") is None, "a formula"
            text, value = cell.find(f"{_SHEET}is/{_SHEET}t"), cell.find(f"{_SHEET}v")
            column = (cell.get("r") or "").rstrip("0123456789")
            if text is not None:
                found[column] = text.text
            elif value is not None:
                found[column] = float(value.text or "nan")
        rows.append(found)
    return rows


def test_the_workbook_has_every_row_with_real_numbers_and_times(core: Core) -> None:
    head, *rows = cells(write(core)[1], 1)
    assert [*head.values()][:6] == ["Photo", "Category", "Confidence", "Status", "Time", "Band"]
    assert len(rows) == 44
    (row,) = (row for row in rows if row["A"] == "return-5000.png")
    assert (row["B"], row["C"], row["D"], row["F"]) == ("Shirts", 0.9876, "filed", "sure")
    at = datetime(1899, 12, 30) + timedelta(days=row["E"])  # noqa: DTZ001 - Excel's own epoch
    assert at.replace(microsecond=0) == datetime(2025, 10, 13, 2)  # noqa: DTZ001
    assert (row["J"], row["K"], row["L"]) == ("5000", "SH", "Section A, Aisle 3")


def test_hostile_names_stay_text_in_the_workbook(core: Core) -> None:
    names = {row.get("A") for row in cells(write(core, r"\\box\photos")[1], 1)}
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[5]} <= names
    assert r"\xff\xfe 4717.png" in names


def test_the_photos_to_decide_have_a_sheet_with_their_pictures(core: Core) -> None:
    book = write(core)[1]
    titles, *rows, in_all = cells(book, 2)
    assert (titles["A"], len(rows)) == ("Picture", len(HOSTILE))
    assert in_all["B"] == f"{len(HOSTILE)} photos wait for a decision in all, since Mon 13 Oct."
    with zipfile.ZipFile(book) as file:
        drawing = file.read("xl/drawings/drawing1.xml").decode("utf-8")
    assert drawing.count("<xdr:pic>") == len(HOSTILE)
    assert "perhaps Tops" in drawing


def test_the_workbook_tells_what_was_decided(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    for number, name in enumerate(("odd.png", "right.png", "wrong.png")):
        core.drop(name, tiny_photo("review", number))
    core.drain()
    core.corrector.undo("odd.png", "alice")
    core.corrector.correct("right.png", "Tops", "alice")
    core.corrector.correct("wrong.png", "Shirts", "bob")
    _, *rows = cells(write(core)[1], 2)
    assert {row["B"]: row["G"] for row in rows} == {
        "odd.png": "✓ put back (alice)",
        "right.png": "✓ Tops (alice)",
        "wrong.png": "✓ Shirts (bob)",
    }
    core.stop()


def test_the_same_run_gives_the_same_workbook(core: Core) -> None:
    first = write(core)[1].read_bytes()
    assert write(core)[1].read_bytes() == first
    assert (core.results / "batch_results_latest.xlsx").read_bytes() == first


# --- links -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (None, None),
        (r"\\box\my photos", "file://box/my%20photos/A%20%23%3Cb/%FF.jpg"),
        ("S:\\photos\\", "file:///S:/photos/A%20%23%3Cb/%FF.jpg"),
        ("/mnt/photos", "file:///mnt/photos/A%20%23%3Cb/%FF.jpg"),
        ("https://box/photos/", "https://box/photos/A%20%23%3Cb/%FF.jpg"),
        ("javascript:alert(1)//", None),
        ("photos", None),
    ],
)
def test_links_lead_to_files_and_nowhere_else(base: str | None, expected: str | None) -> None:
    assert link(base, os.fsdecode(b"A #<b/\xff.jpg")) == expected


@pytest.mark.parametrize(
    "name", ["return%2060552.jpg", "50%25 off [1].jpg", "100% wool.jpg", "a%zz b.jpg", "%41.jpg"]
)
@pytest.mark.parametrize("base", [r"\\box\photos", "S:\\my photos", r"\\box\a%20b"])
def test_excel_opens_the_file_of_that_very_name(base: str, name: str) -> None:
    address = excel_link(base, f"Tops/{name}")
    assert address is not None
    file = BytesIO()
    with Workbook(file) as book:
        book.add_worksheet().write_url(0, 0, address)
    with zipfile.ZipFile(file) as book:
        links = ET.fromstring(book.read("xl/worksheets/_rels/sheet1.xml.rels"))
    (target,) = [unquote(one.get("Target") or "") for one in links]
    assert target.removeprefix("file:///") == rf"{base}\Tops\{name}"


@pytest.mark.parametrize("base", [r"\\box\photos", "S:\\photos"])
def test_what_is_too_long_for_windows_is_no_link(base: str) -> None:
    room = 259 - len(rf"{base}\Tops\.jpg")
    for stem in ("a" * room, "ä" * room, "👕" * (room // 2)):
        for address in (link(base, f"Tops/{stem}.jpg"), excel_link(base, f"Tops/{stem}.jpg")):
            assert address is not None
        longer = f"Tops/{stem}bb.jpg"
        assert link(base, longer) is None
        assert excel_link(base, longer) is None
    assert link("/mnt/photos", f"Tops/{'a' * 250}.jpg") is not None
    assert link("https://box/photos", f"Tops/{'a' * 250}.jpg") is not None


def test_excel_gets_paths_that_it_can_open() -> None:
    assert excel_link(r"\\box\photos", "Tops/a b.jpg") == r"external:\\box\photos\Tops\a b.jpg"
    assert excel_link(r"\\box\photos", "Tops/a#b.jpg") is None
    assert excel_link("https://box", "Tops/a#b.jpg") == "https://box/Tops/a%23b.jpg"
    assert shown(None, "/srv/sorted", "Tops/a.jpg") == "/srv/sorted/Tops/a.jpg"

"""The results of a run as a workbook for clerks: numbers and times that any Excel reads right.

The CSV is the contract for programs; this says the same for people, with a sheet of the photos that
a person must decide, each with its picture, and one of the spot checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from daemon.domain.corrections import Correction, Via, Word
from daemon.domain.links import excel_link
from daemon.domain.photos import Story, as_text
from daemon.domain.reasons import recorded
from daemon.domain.runs import ResultRow
from daemon.domain.speech import Speech
from daemon.reporting.run_data import RunData

# What no workbook may hold, and what is shown instead.
_SIGNS = {number: 0x2400 + number for number in range(32) if chr(number) not in "\t\n\r"} | {
    0x7F: 0x2421,
    0xFFFE: 0x3F,
    0xFFFF: 0x3F,
}
# What a cell of Excel holds at most.
_LONGEST_TEXT = 32_767
# Excel refuses a sheet with more links, and longer ones.
_MOST_LINKS = 60_000
_LONGEST_LINK = 2_000
_BANDS = {
    # band: background, text; readable for the colour-blind and in print
    "auto": ("#DDF0E3", "#0B4F2A"),
    "check": ("#FFF1C9", "#5C4300"),
    "review": ("#FFDDD2", "#7A1F00"),
}
# How a cell begins that nightsort wrote there: it is done.
DONE = "✓"
# Columns, by their titles in the catalogue, and their widths in characters.
_COLUMNS = (
    ("photo", 34),
    ("category", 16),
    ("confidence", 11),
    ("status", 14),
    ("time", 18),
    ("band", 12),
    ("reason", 36),
    ("second", 16),
    ("its_confidence", 18),
    ("return", 12),
    ("code", 8),
    ("location", 22),
    ("lies_in", 44),
    ("run", 17),
)
_TO_DECIDE = (
    ("picture", 20),
    ("photo", 34),
    ("guess", 16),
    ("confidence", 11),
    ("next", 18),
    ("why", 44),
    ("decision", 24),
    ("number", 8),
)
_CHOICES = "Choices"
# A photo takes some 4 kB of memory until its workbook is written.
_MOST_IN_MEMORY = 2_000
_LONGEST_RULE = 250  # characters of the list in a cell's rule
_PICTURE_ROW_POINTS = 96
_PICTURE_PIXELS = 120


@dataclass(frozen=True, slots=True)
class _Look:
    """The formats of a workbook, and its language."""

    say: Speech
    text: Any
    link: Any
    percent: Any
    time: Any
    head: Any
    wrapped: Any
    bands: Mapping[str, Any]

    @classmethod
    def of(cls, book: Workbook, say: Speech) -> _Look:
        def made(**more: Any) -> Any:
            return book.add_format({"valign": "vcenter", **more})

        return cls(
            say=say,
            text=made(),
            link=made(font_color="#0B57A4", underline=1),
            percent=made(num_format="0.0%"),
            time=made(num_format=say("workbook.time_format"), align="left"),
            head=made(bold=True, bg_color="#1F3A4D", font_color="#FFFFFF"),
            wrapped=made(text_wrap=True),
            bands={
                band: made(bg_color=back, font_color=ink) for band, (back, ink) in _BANDS.items()
            },
        )


def write_workbook(
    file: BinaryIO,
    rows: Iterable[ResultRow],
    run_data: RunData,
    pictures: Mapping[str, bytes],
    links: str | None,
    categories: Sequence[str],
    say: Speech,
) -> None:
    """Write the workbook. pictures: JPEGs by place in sorted; links: how people reach sorted.

    categories: what people may choose.
    """
    book = Workbook(
        file,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
         "strings_to_numbers": False},
    )  # fmt: skip
    run, photos = run_data.summary["run"], run_data.summary["total_processed"]
    # What is put together at the end, else from a temporary file for each picture.
    book.in_memory = photos <= _MOST_IN_MEMORY
    # The time of the run, so that the same run gives the same bytes.
    book.set_properties(
        {"title": f"nightsort {run}", "created": run_data.finished.replace(tzinfo=None)}
    )
    look = _Look.of(book, say)
    _results_sheet(book, look, rows, links)
    review = _asking_sheet(book, look, "to_decide", run_data.review, run_data, pictures, links)
    if run_data.undecided_in_all:
        _text(review, len(run_data.review) + 2, 1, f"{run_data.undecided_in_all}.", look)
    spots = [story for stories in run_data.samples.values() for story in stories]
    asked = [(review, run_data.review)]
    if spots:
        sheet = _asking_sheet(book, look, "spot_checks", spots, run_data, pictures, links)
        asked.append((sheet, spots))
    for sheet, stories in asked:
        if stories:
            _offer(book, sheet, len(stories), categories, say)
    book.close()


def _results_sheet(
    book: Workbook, look: _Look, rows: Iterable[ResultRow], links: str | None
) -> None:
    say, sheet = look.say, book.add_worksheet(look.say("workbook.results"))
    sheet.freeze_panes(1, 1)
    _titles(sheet, _COLUMNS, look)
    last = 0
    for number, row in enumerate(rows, start=1):
        last = number
        address = excel_link(links, row.target) if number <= _MOST_LINKS else None
        _text(sheet, number, 0, row.filename, look, address)
        _text(sheet, number, 1, row.category, look)
        _percent(sheet, number, 2, row.confidence, look)
        _text(sheet, number, 3, say(f"workbook.status.{row.status}"), look)
        _time(sheet, number, 4, row.timestamp, look)
        if row.band:
            sheet.write_string(number, 5, say(f"workbook.band.{row.band}"), look.bands[row.band])
        _text(sheet, number, 6, recorded(row.reason_text, say), look)
        _text(sheet, number, 7, row.second_category, look)
        _percent(sheet, number, 8, row.second_confidence, look)
        cells = (row.return_id, row.category_code, row.location, as_text(row.target), row.run)
        for column, cell in enumerate(cells, start=9):
            _text(sheet, number, column, cell, look)
    sheet.autofilter(0, 0, last, len(_COLUMNS) - 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)


def _asking_sheet(
    book: Workbook,
    look: _Look,
    title: str,
    stories: Sequence[Story],
    run_data: RunData,
    pictures: Mapping[str, bytes],
    links: str | None,
) -> Any:
    """A sheet on which people say what each of these photos shows."""
    say, sheet = look.say, book.add_worksheet(look.say(f"workbook.{title}"))
    sheet.freeze_panes(1, 0)
    _titles(sheet, _TO_DECIDE, look)
    for number, story in enumerate(stories, start=1):
        sheet.set_row(number, _PICTURE_ROW_POINTS)
        _picture(sheet, number, story, pictures.get(story.place), say)
        _text(sheet, number, 1, story.filename, look, excel_link(links, story.place))
        _text(sheet, number, 2, story.category, look)
        _percent(sheet, number, 3, story.confidence, look)
        second = story.alternatives[0].category if story.alternatives else ""
        _text(sheet, number, 4, second, look)
        why = recorded(story.reason_text, say)
        sheet.write_string(number, 5, cell_text(why), look.wrapped)
        word = run_data.words.get(story.id)
        _text(sheet, number, 6, _said(word, say) if word else "", look)
        sheet.write_number(number, 7, story.id)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)
    return sheet


def _titles(sheet: Any, columns: Iterable[tuple[str, int]], look: _Look) -> None:
    for column, (title, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, look.say(f"workbook.column.{title}"), look.head)


def _said(word: Correction, say: Speech) -> str:
    """What somebody decided, so that it is seen to be done."""
    what = word.category
    if word.word in (Word.UNDONE, Word.RETAKE):
        what = say("workbook.put_back" if word.word is Word.UNDONE else "workbook.retake")
    who = say("workbook.here") if word.via is Via.WORKBOOK else word.person
    return f"{DONE} {what} ({who})"


def _offer(book: Workbook, sheet: Any, rows: int, categories: Sequence[str], say: Speech) -> None:
    """Let people choose a decision from a list."""
    right, retake = say("workbook.right"), say("workbook.retake")
    choices = [right, retake, *sorted(categories)]
    is_short = sum(map(len, choices)) + len(choices) <= _LONGEST_RULE
    is_there = book.get_worksheet_by_name(_CHOICES) is not None
    if not is_there and (not is_short or any("," in choice for choice in choices)):
        _choices_sheet(book, choices)
    sheet.data_validation(
        1,
        6,
        rows,
        6,
        {
            "validate": "list",
            "source": choices if book.get_worksheet_by_name(_CHOICES) is None else f"={_CHOICES}",
            "input_title": say("workbook.column.decision"),
            "input_message": say("workbook.choose"),
            "error_title": say("workbook.not_in_list"),
            "error_message": say("workbook.choose_one", right=right, retake=retake),
        },
    )


def _choices_sheet(book: Workbook, choices: Sequence[str]) -> None:
    """What may be chosen, on a sheet that nobody sees: a cell's rule holds a short list only."""
    sheet = book.add_worksheet(_CHOICES)
    for row, choice in enumerate(choices):
        sheet.write_string(row, 0, cell_text(choice))
    book.define_name(_CHOICES, f"='{_CHOICES}'!$A$1:$A${len(choices)}")
    sheet.very_hidden()


def _picture(sheet: Any, row: int, story: Story, picture: bytes | None, say: Speech) -> None:
    if picture is None:
        sheet.write_string(row, 0, say("run.no_picture"))
        return
    scale = _PICTURE_PIXELS / max(_size(picture))
    sheet.insert_image(
        row,
        0,
        "picture.jpg",
        {
            "image_data": BytesIO(picture),
            "x_scale": scale,
            "y_scale": scale,
            "x_offset": 4,
            "y_offset": 4,
            "object_position": 1,
            "description": cell_text(
                say("run.perhaps", name=story.filename, category=story.category)
            ),
        },
    )


def _size(picture: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(BytesIO(picture)) as image:
        return image.size


def cell_text(text: str) -> str:
    """`text` as a cell holds it: control characters, which no workbook may, are shown as signs."""
    return text.translate(_SIGNS)[:_LONGEST_TEXT]


def _text(
    sheet: Any, row: int, column: int, text: str, look: _Look, address: str | None = None
) -> None:
    text = cell_text(text)
    if address is not None and len(address) <= _LONGEST_LINK:
        sheet.write_url(row, column, address, look.link, text)
    elif text:
        sheet.write_string(row, column, text, look.text)


def _percent(sheet: Any, row: int, column: int, value: float | None, look: _Look) -> None:
    if value is not None:
        sheet.write_number(row, column, round(value, 4), look.percent)


def _time(sheet: Any, row: int, column: int, timestamp: str, look: _Look) -> None:
    # Excel knows no offsets: the local time of the warehouse, as the CSV has it before its offset.
    at = datetime.fromisoformat(timestamp).replace(tzinfo=None)
    sheet.write_datetime(row, column, at, look.time)

"""The results of a run as a workbook for clerks: numbers and times that any Excel reads right.

The CSV is the contract for programs; this says the same for people, with a sheet of the photos that
a person must decide, each with its picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from daemon.links import excel_link
from daemon.records import ResultRow, Status, Story, as_text
from daemon.reporting.morning import Morning

# What a cell of Excel holds at most.
_LONGEST_TEXT = 32_767
# Excel refuses a sheet with more links, and longer ones.
_MOST_LINKS = 60_000
_LONGEST_LINK = 2_000
_BANDS = {
    # band: what it is called, background, text; readable for the colour-blind and in print
    "auto": ("sure", "#DDF0E3", "#0B4F2A"),
    "check": ("quick look", "#FFF1C9", "#5C4300"),
    "review": ("decide", "#FFDDD2", "#7A1F00"),
}
_STATUSES = {
    Status.SUCCESS: "filed",
    Status.REVIEW: "for review",
    Status.DUPLICATE: "duplicate",
    Status.ERROR: "in quarantine",
}
_COLUMNS = (
    # title, width in characters
    ("Photo", 34),
    ("Category", 16),
    ("Confidence", 11),
    ("Status", 13),
    ("Time", 17),
    ("Band", 11),
    ("Reason", 36),
    ("Second guess", 16),
    ("Its confidence", 13),
    ("Return", 12),
    ("Code", 8),
    ("Location", 22),
    ("Lies in", 44),
    ("Run", 17),
)
_PICTURE_ROW_POINTS = 96
_PICTURE_PIXELS = 120


@dataclass(frozen=True, slots=True)
class _Look:
    """The formats of a workbook."""

    text: Any
    link: Any
    percent: Any
    time: Any
    head: Any
    wrapped: Any
    bands: Mapping[str, Any]

    @classmethod
    def of(cls, book: Workbook) -> _Look:
        def made(**more: Any) -> Any:
            return book.add_format({"valign": "vcenter", **more})

        return cls(
            text=made(),
            link=made(font_color="#0B57A4", underline=1),
            percent=made(num_format="0.0%"),
            time=made(num_format="yyyy-mm-dd hh:mm:ss", align="left"),
            head=made(bold=True, bg_color="#1F3A4D", font_color="#FFFFFF"),
            wrapped=made(text_wrap=True),
            bands={
                band: made(bg_color=back, font_color=ink) for band, (_, back, ink) in _BANDS.items()
            },
        )


def write_workbook(
    file: BinaryIO,
    rows: Iterable[ResultRow],
    morning: Morning,
    pictures: Mapping[str, bytes],
    links: str | None,
) -> None:
    """Write the workbook. pictures: JPEGs by place in sorted; links: how people reach sorted."""
    book = Workbook(
        file,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
         "strings_to_numbers": False},
    )  # fmt: skip
    run = morning.summary["run"]
    # The time of the run, so that the same run gives the same bytes.
    book.set_properties(
        {"title": f"nightsort {run}", "created": morning.finished.replace(tzinfo=None)}
    )
    look = _Look.of(book)
    _results_sheet(book, look, rows, links)
    _review_sheet(book, look, morning, pictures, links)
    book.close()


def _results_sheet(
    book: Workbook, look: _Look, rows: Iterable[ResultRow], links: str | None
) -> None:
    sheet = book.add_worksheet("Results")
    sheet.freeze_panes(1, 1)
    for column, (title, width) in enumerate(_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, look.head)
    last = 0
    for number, row in enumerate(rows, start=1):
        last = number
        address = excel_link(links, row.target) if number <= _MOST_LINKS else None
        _text(sheet, number, 0, as_text(row.source.rpartition("/")[2]), look, address)
        _text(sheet, number, 1, row.category, look)
        _percent(sheet, number, 2, row.confidence, look)
        _text(sheet, number, 3, _STATUSES[row.status], look)
        _time(sheet, number, 4, row.timestamp, look)
        if row.band:
            sheet.write_string(number, 5, _BANDS[row.band][0], look.bands[row.band])
        _text(sheet, number, 6, row.reason_text, look)
        _text(sheet, number, 7, row.second_category, look)
        _percent(sheet, number, 8, row.second_confidence, look)
        cells = (row.return_id, row.category_code, row.location, as_text(row.target), row.run)
        for column, cell in enumerate(cells, start=9):
            _text(sheet, number, column, cell, look)
    sheet.autofilter(0, 0, last, len(_COLUMNS) - 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)


def _review_sheet(
    book: Workbook,
    look: _Look,
    morning: Morning,
    pictures: Mapping[str, bytes],
    links: str | None,
) -> None:
    sheet = book.add_worksheet("To decide")
    sheet.freeze_panes(1, 0)
    titles = (("Picture", 20), ("Photo", 34), ("Our guess", 16), ("Confidence", 11),
              ("Next guess", 16), ("Why", 44), ("Your decision", 24))  # fmt: skip
    for column, (title, width) in enumerate(titles):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, look.head)
    for number, story in enumerate(morning.review, start=1):
        sheet.set_row(number, _PICTURE_ROW_POINTS)
        _picture(sheet, number, story, pictures.get(story.place))
        _text(sheet, number, 1, story.filename, look, excel_link(links, story.place))
        _text(sheet, number, 2, story.category, look)
        _percent(sheet, number, 3, story.confidence, look)
        second = story.alternatives[0].category if story.alternatives else ""
        _text(sheet, number, 4, second, look)
        sheet.write_string(number, 5, story.reason_text[:_LONGEST_TEXT], look.wrapped)
        word = morning.words.get(story.id)
        said = f"{word.category or 'put back'} ({word.person})" if word else ""
        _text(sheet, number, 6, said, look)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)


def _picture(sheet: Any, row: int, story: Story, picture: bytes | None) -> None:
    if picture is None:
        sheet.write_string(row, 0, "no picture")
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
            "description": f"{story.filename}, perhaps {story.category}",
        },
    )


def _size(picture: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(BytesIO(picture)) as image:
        return image.size


def _text(
    sheet: Any, row: int, column: int, text: str, look: _Look, address: str | None = None
) -> None:
    text = text[:_LONGEST_TEXT]
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

"""Reading workbooks that somebody saved: by any program, half, or made to do harm."""

from __future__ import annotations

import zipfile
from io import BytesIO

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xlsxwriter import Workbook

from daemon.folders import spreadsheets
from daemon.folders.spreadsheets import UnreadableWorkbook, read_sheets


def read(data: bytes) -> dict[str, list[tuple[int, dict[int, str]]]]:
    return {name: list(rows) for name, rows in read_sheets(BytesIO(data))}


def by_xlsxwriter(**options: bool) -> bytes:
    file = BytesIO()
    with Workbook(file, options) as book:
        sheet = book.add_worksheet("To decide")
        sheet.write_row(0, 0, ["Photo", "Your decision", "No."])
        sheet.write_row(2, 0, ["ä & <b>.png", "", 12])
        sheet.write_rich_string(2, 28, "two ", book.add_format({"bold": True}), "parts")
        book.add_worksheet("Second").write_formula(0, 0, "=1+1", value="2")
    return file.getvalue()


EXPECTED = {
    "To decide": [
        (1, {0: "Photo", 1: "Your decision", 2: "No."}),
        (3, {0: "ä & <b>.png", 2: "12", 28: "two parts"}),
    ],
    "Second": [(1, {0: "2"})],
}


@pytest.mark.parametrize("in_line", [True, False])
def test_texts_are_read_in_line_and_shared(in_line: bool) -> None:
    assert read(by_xlsxwriter(constant_memory=in_line)) == EXPECTED


def test_what_another_program_saved_again_is_read() -> None:
    book = openpyxl.load_workbook(BytesIO(by_xlsxwriter()), rich_text=True)
    file = BytesIO()
    book.save(file)
    found = read(file.getvalue())
    assert found["To decide"][0] == EXPECTED["To decide"][0]
    assert found["To decide"][-1][1][0] == "ä & <b>.png"


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as book:
        return {name: book.read(name) for name in book.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, data in parts.items():
            book.writestr(name, data)
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def with_sheet(rows: str, head: str = "") -> bytes:
    sheet = f'<worksheet xmlns="urn:x"><sheetData>{rows}</sheetData></worksheet>'
    xml = f'<?xml version="1.0"?>{head}{sheet}'
    return packed(parts_of(by_xlsxwriter()) | {SHEET: xml.encode()})


def test_control_characters_are_read_as_they_are() -> None:
    file = BytesIO()
    texts = ["a\x01b", "_x0041_", "_x", "tab\there"]
    with Workbook(file) as book:
        book.add_worksheet("To decide").write_row(0, 0, texts)
    assert read(file.getvalue())["To decide"] == [(1, dict(enumerate(texts)))]


def test_how_a_word_is_spoken_is_no_part_of_it() -> None:
    cell = '<c t="inlineStr"><is><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is></c>'
    assert read(with_sheet(f"<row>{cell}</row>"))["To decide"] == [(1, {0: "東京"})]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 half",
        by_xlsxwriter()[:-300],
        packed({"readme.txt": b"no workbook"}),
        with_sheet('<row><c r="A1" t="s"><v>99</v></c></row>'),
        with_sheet('<row><c r="11"><v>1</v></c></row>'),
        with_sheet('<row r="x"/>'),
        with_sheet("<row>"[:-1]),
        with_sheet("<row><c><v>&a;</v></c></row>", '<!DOCTYPE w [<!ENTITY a "aaaa">]>'),
    ],
)
def test_what_is_not_whole_or_no_workbook_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableWorkbook):
        read(data)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "_MOST_BYTES", 1_000_000)
    with pytest.raises(UnreadableWorkbook, match="too large"):
        read(with_sheet("<row><c><v>1</v></c></row>" * 100_000))


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 6000), byte=st.integers(0, 255))
def test_any_damage_ends_in_rows_or_a_refusal(place: int, byte: int) -> None:
    data = bytearray(by_xlsxwriter())
    data[place % len(data)] = byte
    try:
        read(bytes(data))
    except UnreadableWorkbook:
        return

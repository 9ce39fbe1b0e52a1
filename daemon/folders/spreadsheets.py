"""Reads the cells of a workbook that somebody saved: Office Open XML, by Excel or LibreOffice.

What lies on a share is trusted in nothing: no entities, no links, bounded sizes; only text is read.
Why no library: docs/decisions/0021-reading-workbooks.md.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

# Of one part unpacked: sixty times what a workbook of ten thousand photos has.
_MOST_BYTES = 128_000_000
_AT_ONCE = 1 << 16
_MOST_SHEETS = 50

Row = dict[int, str]  # text by column, from 0; what is empty is not in it


class UnreadableWorkbook(Exception):
    """It is not whole, or no workbook; it says why."""


def read_sheets(file: IO[bytes]) -> Iterator[tuple[str, Iterator[tuple[int, Row]]]]:
    """The sheets by name, each with its rows by number (from 1), read as they are asked for.

    Raises UnreadableWorkbook, also later.
    """
    with _refusing():
        book = zipfile.ZipFile(file)
        links = {link.name: link.target for link in _parsed(book, "xl/_rels/workbook.xml.rels")}
        sheets = list(_parsed(book, "xl/workbook.xml"))[:_MOST_SHEETS]
        texts = _texts(book)
    for sheet in sheets:
        target = links.get(sheet.target, "")
        part = target.lstrip("/") if target.startswith("/") else posixpath.join("xl", target)
        yield sheet.name, _rows(book, part, texts)


@dataclass(frozen=True, slots=True)
class _Link:
    """A sheet and the link to it, or a link and the part it leads to."""

    name: str
    target: str


class _Refusing:
    """What reads a damaged file raises, in our words."""

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raises UnreadableWorkbook in place of what the libraries raise."""
        match error:
            case zipfile.BadZipFile() | zlib.error() | EOFError() | KeyError():
                raise UnreadableWorkbook("it is not whole, or no workbook") from error
            case expat.ExpatError() | ValueError() | NotImplementedError() | RuntimeError():
                raise UnreadableWorkbook("it holds what no spreadsheet writes") from error


_refusing = _Refusing


def _parse(book: zipfile.ZipFile, part: str, parser: expat.XMLParserType) -> Iterator[None]:
    """Feed a part to a parser, a piece at a time."""

    def refuse(*_: object) -> None:
        raise UnreadableWorkbook("it holds what no spreadsheet writes")

    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    left = _MOST_BYTES
    with book.open(part) as stream:
        while piece := stream.read(_AT_ONCE):
            left -= len(piece)
            if left < 0:
                raise UnreadableWorkbook("it is too large")
            parser.Parse(piece, False)
            yield
        parser.Parse(b"", True)
        yield


def _parsed(book: zipfile.ZipFile, part: str) -> Iterator[_Link]:
    """Sheets of the workbook, or links of a list of links, in their order."""
    found: list[_Link] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        kind = name.rpartition(" ")[2]
        if kind == "sheet":
            link = next((v for key, v in attributes.items() if key.endswith(" id")), "")
            found.append(_Link(plain.get("name", ""), link))
        elif kind == "Relationship":
            found.append(_Link(plain.get("Id", ""), plain.get("Target", "")))

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    for _ in _parse(book, part, parser):
        pass
    return iter(found)


def _texts(book: zipfile.ZipFile) -> list[str]:
    """The texts that cells share."""
    part = "xl/sharedStrings.xml"
    if part not in book.namelist():
        return []
    reader = _Texts()
    for _ in _parse(book, part, reader.parser()):
        pass
    return reader.texts


@dataclass(slots=True)
class _Reader:
    """Collects text, a part at a time; what says how it is spoken is left out."""

    _parts: list[str] = field(default_factory=list, init=False)
    _is_text: bool = field(default=False, init=False)
    _is_spoken: bool = field(default=False, init=False)

    def parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        return parser

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(" ")[2]:
            case "rPh":
                self._is_spoken = True
            case "v" | "t":
                self._is_text = not self._is_spoken
            case other:
                self.begun(other, attributes)

    def _end(self, name: str) -> None:
        match name.rpartition(" ")[2]:
            case "rPh":
                self._is_spoken = False
            case "v" | "t":
                self._is_text = False
            case other:
                self.ended(other)

    def _text(self, data: str) -> None:
        if self._is_text:
            self._parts.append(data)

    def begun(self, kind: str, attributes: dict[str, str]) -> None:
        """Another element begins."""

    def ended(self, kind: str) -> None:
        """It ends."""


@dataclass(slots=True)
class _Texts(_Reader):
    """Collects texts."""

    texts: list[str] = field(default_factory=list)

    def ended(self, kind: str) -> None:
        if kind == "si":
            self.texts.append("".join(self._parts))
            self._parts.clear()


def _rows(book: zipfile.ZipFile, part: str, texts: list[str]) -> Iterator[tuple[int, Row]]:
    with _refusing():
        reader = _Rows(texts)
        pieces = _parse(book, part, reader.parser())
    while True:
        with _refusing():
            if next(pieces, reader) is reader:
                return
            done = list(reader.rows)
            reader.rows.clear()
        yield from done


@dataclass(slots=True)
class _Rows(_Reader):
    """Collects the rows of a sheet."""

    texts: list[str]
    rows: list[tuple[int, Row]] = field(default_factory=list)
    _number: int = 0
    _column: int = -1
    _kind: str = ""
    _row: Row = field(default_factory=dict)

    def begun(self, kind: str, attributes: dict[str, str]) -> None:
        if kind == "row":
            self._number = int(attributes.get("r", self._number + 1))
            self._column, self._row = -1, {}
        elif kind == "c":
            place = attributes.get("r")
            self._column = _column(place) if place else self._column + 1
            self._kind = attributes.get("t", "")
            self._parts.clear()

    def ended(self, kind: str) -> None:
        if kind == "row":
            self.rows.append((self._number, self._row))
        elif kind == "c" and (text := _plain(self._said("".join(self._parts))).strip()):
            self._row[self._column] = text

    def _said(self, text: str) -> str:
        if self._kind != "s" or not text:
            return text
        number = int(text)
        if not 0 <= number < len(self.texts):
            raise UnreadableWorkbook("it holds what no spreadsheet writes")
        return self.texts[number]


def _plain(text: str) -> str:
    """A text in which control characters are written as `_x0009_`, and so is what looks like it."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


def _column(place: str) -> int:
    """The column of a cell such as "AB12", from 0."""
    letters = re.match(r"[A-Z]{1,3}", place)
    if letters is None:
        raise UnreadableWorkbook("it holds what no spreadsheet writes")
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1

"""Files for people are whole, or not there."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.folders.writing import csv_lines, replacing, unguarded
from tests.support.flushing import watched


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(b"old")
    order = watched(monkeypatch)
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert order == [
        "flushed .nightsort-report.html.part",
        "named report.html",
        f"flushed {tmp_path.name}",
    ]
    assert path.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [path]


FORMULA_STARTS = tuple("=+-@＝＋－＠")
# What spreadsheets split at: the comma, the semicolon of most of Europe, and what a region may set.
SEPARATORS = ",;\t|:^"
NAMES = st.text(st.sampled_from("ab=+-@;,|:^\t\"' \n＝"), max_size=12)


def cells(text: str, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


@given(NAMES, st.sampled_from(SEPARATORS))
@example("return;=1+1;4711.jpg", ";")
@example('return;"=1+1";4711.jpg', ";")
@example("a\n=1+1", ";")
@example("a; @SUM(A1).jpg", ";")
def test_no_spreadsheet_finds_a_formula_wherever_it_splits(name: str, separator: str) -> None:
    text = csv_lines([[name, "Shirts", f"/srv/incoming/{name}", "0.9534"]])
    for row in cells(text, separator):
        assert not [cell for cell in row if cell.lstrip(" ").startswith(FORMULA_STARTS)]


@given(NAMES)
@example("'=1")
@example("';=1")
@example("a;'=1")
def test_a_cell_is_read_back_as_it_was(name: str) -> None:
    ((cell, _),) = cells(csv_lines([[name, "Shirts"]]), ",")
    assert unguarded(cell) == name
    assert cell == name or cell.startswith("'")

"""The page about exports shows the tables that the code makes."""

from __future__ import annotations

import re
from pathlib import Path

import tools.export_tables
from daemon.maintenance.export_tables import TABLES
from tools.export_tables import rendered, tables

PAGE = Path(tools.export_tables.__file__).parents[1] / "docs/explore.md"


def test_the_page_is_as_the_code_is() -> None:
    text = PAGE.read_text("utf-8")
    assert rendered(text) == text, "run: python -m tools.export_tables docs/explore.md"


def test_every_column_is_on_the_page_with_its_unit() -> None:
    shown = tables()
    columns = sum(len(table.columns) for table in TABLES.values())
    assert len(re.findall(r"^\| `", shown, re.MULTILINE)) == columns
    assert "| `size_bytes` | int64 | bytes | of the file |" in shown

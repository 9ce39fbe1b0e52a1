"""The page about the mirror shows the tables that the code makes."""

from __future__ import annotations

import re
from pathlib import Path

from daemon.mirror import schema
from tools.mirror_tables import rendered, tables

PAGE = Path(schema.__file__).parents[2] / "docs/mirror.md"


def test_the_page_is_as_the_code_is() -> None:
    text = PAGE.read_text("utf-8")
    assert rendered(text) == text, "run: python -m tools.mirror_tables docs/mirror.md"


def test_every_table_and_column_is_on_the_page() -> None:
    shown = tables()
    assert sorted(re.findall(r"^### nightsort\.(\w+)$", shown, re.MULTILINE)) == sorted(
        schema.TABLES
    )
    made = re.findall(r"^    [a-z]\w* .* -- ", "".join(schema.STEPS), re.MULTILINE)
    assert len(re.findall(r"^\| `", shown, re.MULTILINE)) == len(made)


def test_what_may_be_missing_is_said() -> None:
    shown = tables()
    assert "| `decided` | text, or null |" in shown
    assert "| `id` | bigint | the photo's number on its box |" in shown
    assert "| `confidence` | double precision, or null |" in shown

"""docs/formats.md names a test for each row, and each of these tests exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_each_row_of_the_formats_page_names_tests_that_exist() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_pixels*.py"))
    rows = [
        line
        for line in (ROOT / "docs/formats.md").read_text().splitlines()
        if line.startswith("| ") and "`test_" in line
    ]
    named = [name for row in rows for name in re.findall(r"`(test_\w+)`", row)]
    assert len(rows) == 25
    assert [name for name in named if f"def {name}(" not in tests] == []

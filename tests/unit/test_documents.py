"""Documents that name things of the code name things that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_promises_name_exists() -> None:
    text = (ROOT / "docs/promises.md").read_text()
    named = set(re.findall(r"`(test_\w+|Night)`", text))
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"(?:def|class) (\w+)\(", sources))
    assert len(named) > 60
    assert named - defined == set()

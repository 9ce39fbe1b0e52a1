"""docs/screens.md shows what the commands print now, but for what differs from box to box."""

from __future__ import annotations

import calendar
import re
from pathlib import Path

from tools.screens import page

DOCUMENT = Path(__file__).parents[2] / "docs" / "screens.md"

DAYS_AND_MONTHS = "|".join([*calendar.day_abbr, *calendar.month_abbr[1:]])
# What stands beside these is this machine's, this model's or this moment's affair.
OWN_AFFAIR = ("Watching", "Last run", "Free disk", "Alerts")


def outline(text: str) -> list[str]:
    """The page without what each machine, model or moment says differently."""
    lines = []
    for line in text.splitlines():
        title = line[4:].split("  ")[0]
        if line.startswith(("    ok", "    advice")):
            # Whether the clock is kept right, too, is known on some machines only.
            lines.append(re.sub(r"^ {4}(ok|advice) +([\w .]+): .*", r"\2", line))
        elif title in OWN_AFFAIR:
            lines.append(title)
        elif not line.startswith("            →"):
            lines.append(re.sub(rf"\d+|\b({DAYS_AND_MONTHS})\b", "#", line))
    return lines


def test_the_screens_are_what_is_printed_now() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert outline(page()) == outline(written), "python -m tools.screens > docs/screens.md"

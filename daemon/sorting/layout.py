"""The layout of sorted: which folder a category has on a day, and which category a folder has."""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property

_FIELDS = {
    "category": "(?P<category>[^/]+)",
    "year": "[0-9]{4}",
    "month": "[0-9]{2}",
    "day": "[0-9]{2}",
}


class Layout:
    """Folders of filed photos, such as "{year}/{month}/{category}"."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def folder(self, category: str, day: date) -> str:
        """The folder of what is filed on that day; category: as its folder is called."""
        return self._pattern.format(
            category=category, year=f"{day:%Y}", month=f"{day:%m}", day=f"{day:%d}"
        )

    def category_in(self, folder: str) -> str | None:
        """The part of `folder` that is a category's, on whatever day; None: it is none of ours."""
        found = self._whole.fullmatch(folder)
        return found["category"] if found else None

    def leads_to_categories(self, top: str) -> bool:
        """Whether that folder only holds folders of categories, as one of a year does."""
        first = self._pattern.split("/")[0]
        return "{category}" not in first and bool(_matching(first).fullmatch(top))

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return _matching(self._pattern)


def _matching(pattern: str) -> re.Pattern[str]:
    """Of folders as the pattern makes them, however people write its own words."""
    parts = re.split(r"{([^}]*)}", pattern)
    seen: set[str] = set()
    text = ""
    for literal, name in zip(parts[::2], [*parts[1::2], ""], strict=True):
        text += re.escape(literal)
        if name:  # a category that is named twice is the same one
            text += f"(?P={name})" if name in seen and name == "category" else _FIELDS[name]
            seen.add(name)
    return re.compile(text, re.IGNORECASE)

"""The layout says which folder a category has on a day, and which category a folder has."""

from __future__ import annotations

from datetime import date

import pytest

from daemon.sorting.layout import Layout


@pytest.mark.parametrize(
    "pattern",
    ["{category}", "{category}/{year}", "{year}/{month}/{category}", "by day/{category}/{day}",
     "{category}-{year}", "{category}/{year}/{category}"],
)  # fmt: skip
def test_what_was_filed_on_any_day_tells_its_category(pattern: str) -> None:
    layout = Layout(pattern)
    for day in (date(2025, 10, 13), date(2031, 1, 2)):
        assert layout.category_in(layout.folder("Tops (blue)", day)) == "Tops (blue)"


@pytest.mark.parametrize("folder", ["2031", "2031/01", "Tops", "2031/1/Tops", "2031/01/Tops/Men"])
def test_other_folders_tell_none(folder: str) -> None:
    assert Layout("{year}/{month}/{category}").category_in(folder) is None


def test_only_folders_above_those_of_categories_lead_to_them() -> None:
    assert Layout("{year}/{category}").leads_to_categories("2031")
    assert not Layout("{year}/{category}").leads_to_categories("Tops")
    assert not Layout("{category}/{year}").leads_to_categories("Tops")

"""The fleet's tables, in the language of whoever looks."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from config import catalogue
from web.pages.fleet_tables import FleetTables
from web.templating import TEXTS

PROMOTED = {
    "id": 7,
    "name": "2026-11-01.1@hamburg",
    "state": "over",
    "judgement": "better",
    "why": "of 1,278 photos 19 become right and 3 wrong; as an older version said it",
    "adopted": False,
}


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("en", "of 1,278 photos 19 become right and 3 wrong"),
        ("de", "von 1.278 Fotos werden 19 richtig und 3 falsch"),
    ],
)
def test_why_a_version_is_better_at_a_station_is_told_in_the_language_of_who_looks(
    language: str, why: str
) -> None:
    line: Any = SimpleNamespace(name="kiel", station=SimpleNamespace(status={"promoted": PROMOTED}))
    tables = FleetTables(catalogue.read(TEXTS)[language], UTC)
    ((station, version, _, told),) = tables.outcomes([line], []).rows
    assert (station, version) == ("kiel", "2026-11-01.1@hamburg")
    assert told == f"{why}; as an older version said it"

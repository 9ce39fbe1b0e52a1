"""Settings must come from the test alone, never from a file of the machine that it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import place


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(place, "DEFAULT_FILE", tmp_path / "etc" / "nightsort.toml")
    monkeypatch.chdir(tmp_path)

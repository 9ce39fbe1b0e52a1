"""Settings must come from the test alone, never from the machine that it runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config import settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.upper().startswith("NIGHTSORT_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "DEFAULT_FILE", tmp_path / "etc" / "nightsort.toml")
    monkeypatch.chdir(tmp_path)

"""Who said which value of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import load
from config.sources import Origin

_FILE = """
incoming_dir = "in"
sorted_dir = "out"
results_dir = "results"
state_dir = "state"
[window]
start = "03:00"
end = "05:00"
[categories."Tops"]
code = "TP"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "nightsort.toml"
    file.write_text(_FILE, encoding="utf-8")
    return file


def test_the_strongest_is_who_said_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "NIGHTSORT_HANDOVER__SECRET").write_text("0123456789abcdef" * 2, "utf-8")
    (credentials / "NIGHTSORT_WINDOW__END").write_text("05:30", "utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    monkeypatch.setenv("NIGHTSORT_WINDOW__END", "06:00")
    monkeypatch.setenv("NIGHTSORT_CATEGORIES__Shirts__CODE", "SH")
    sources = load(file).sources
    assert sources.file == file
    assert sources.said("window.start") == (Origin.FILE, "")
    assert sources.said("window.end") == (Origin.ENVIRONMENT, "NIGHTSORT_WINDOW__END")
    assert sources.said("handover.secret") == (Origin.CREDENTIAL, "NIGHTSORT_HANDOVER__SECRET")
    assert sources.said("categories")[0] is Origin.ENVIRONMENT
    assert sources.said("window.mode") == (Origin.DEFAULT, "")


def test_a_whole_table_says_each_of_its_keys(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSORT_API", '{"at_once": 3}')
    sources = load(file).sources
    assert sources.said("api.at_once") == (Origin.ENVIRONMENT, "NIGHTSORT_API")


def test_tables_that_are_taken_say_so_anew_and_no_others(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(file).sources
    monkeypatch.setenv("NIGHTSORT_WINDOW__START", "01:00")
    monkeypatch.setenv("NIGHTSORT_API__AT_ONCE", "3")
    merged = before.with_tables(load(file).sources, {"window"})
    assert merged.said("window.start")[0] is Origin.ENVIRONMENT
    assert merged.said("window.end")[0] is Origin.FILE
    assert merged.said("api.at_once")[0] is Origin.DEFAULT

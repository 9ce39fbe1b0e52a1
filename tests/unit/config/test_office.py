"""The settings of a head office, which has no photos."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import Settings, load
from daemon.domain.clock import SystemClock
from daemon.service.state import owned

FLEET = '[fleet]\npostgres_credential = "fleet-postgres"\n'


def read(folder: Path, text: str) -> Settings:
    file = folder / "nightsort.toml"
    file.write_text(text)
    return load(file)


def test_it_names_one_folder(tmp_path: Path) -> None:
    settings = read(tmp_path, f'state_dir = "office"\n{FLEET}')
    assert settings.is_office
    assert settings.state_dir == tmp_path / "office"
    assert not any(tmp_path.glob("office/*"))


def test_a_connection_string_in_the_environment_makes_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_FLEET__POSTGRES", "postgresql://db/returns")
    assert read(tmp_path, 'state_dir = "office"\n').is_office


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('state_dir = "state"\n', "results_dir"),
        (f'state_dir = "state"\nsorted_dir = "sorted"\n{FLEET}', "incoming_dir"),
        (FLEET, "state_dir"),
    ],
)
def test_whoever_sorts_names_all_four(tmp_path: Path, text: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"{missing} .*is missing; set it"):
        read(tmp_path, text)


def test_a_station_that_reads_the_fleet_stays_one(tmp_path: Path) -> None:
    folders = "".join(
        f'{one}_dir = "{one}"\n' for one in ("incoming", "sorted", "results", "state")
    )
    assert not read(tmp_path, folders + FLEET).is_office


def test_nothing_is_sorted_there(tmp_path: Path) -> None:
    settings = read(tmp_path, f'state_dir = "office"\n{FLEET}')
    with pytest.raises(ConfigError, match="name incoming_dir, sorted_dir and results_dir"):
        owned(settings, SystemClock(UTC)).__enter__()
    assert not settings.state_dir.exists()

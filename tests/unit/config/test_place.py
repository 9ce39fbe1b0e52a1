"""The state folder is found without the rest of the settings, and is the one that they name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from config import place
from config.settings import Settings, load, walk
from daemon.folders.locks import hold
from tests.support.processes import clean_environment

FOLDERS = 'incoming_dir = "in"\nsorted_dir = "sorted"\nresults_dir = "results"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "box" / "nightsort.toml"
    file.parent.mkdir()
    file.write_text(f'{FOLDERS}state_dir = "../state"\n', encoding="utf-8")
    return file


def test_a_relative_folder_belongs_to_the_file(file: Path, tmp_path: Path) -> None:
    assert place.state_dir(file) == load(file).state_dir == tmp_path / "state"


def test_the_environment_is_stronger_than_a_credential_and_that_than_the_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "NIGHTSORT_STATE_DIR").write_text("/srv/secret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "secrets"))
    assert place.state_dir(file) == load(file).state_dir == Path("/srv/secret")
    monkeypatch.setenv("nightsort_state_dir", "here/../there")
    assert place.state_dir(file) == load(file).state_dir == tmp_path / "there"


def test_the_file_that_a_variable_names_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_CONFIG", str(file))
    assert place.state_dir(None) == load().state_dir


def test_without_a_file_it_is_the_default() -> None:
    assert place.state_dir(None) == load().state_dir


@pytest.mark.parametrize("text", ["state_dir = 3", "state_dir", "", b"\xff"])
def test_what_is_wrong_is_left_to_the_settings(file: Path, text: str | bytes) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert place.state_dir(file) is None


def test_all_keys_and_tables_are_known_without_the_schema() -> None:
    keys = {name for name, _ in walk(Settings)}
    assert {*place.known_keys()} == keys | {*Settings.model_fields}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NIGHTSORT_FOO", "1"),
        ("nightsort_window__startt", "02:00"),
        ("NIGHTSORT_CATEGORIES__Tshirts__CODE", "TS"),  # good, which only the settings know
        ("NIGHTSORT_RESULTS__RETURN_ID", "(x)"),  # renamed, which is warned of
    ],
)
def test_variables_that_may_be_wrong_are_left_to_the_settings(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    assert place.state_dir(file) is None


def test_unknown_credentials_are_left_to_the_settings(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "NIGHTSORT_FOO").write_text("1")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert place.state_dir(file) is None


def test_status_beside_a_daemon_refuses_unknown_variables_as_all_commands_do(
    file: Path, tmp_path: Path
) -> None:
    with hold(tmp_path / "state"):
        done = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "--config", str(file), "status", "--json"],
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment() | {"NIGHTSORT_FOO": "1"},
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert "NIGHTSORT_FOO: no such setting" in done.stderr


def test_status_of_a_daemon_that_runs_needs_no_library_that_is_slow_to_load(
    file: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom daemon.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        "    slow = {'pydantic', 'asyncio', 'numpy', 'apprise', 'structlog', 'email'}\n"
        "    print('loaded:', *slow & {*sys.modules})"
    )
    with hold(tmp_path / "state"):
        done = subprocess.run(
            [sys.executable, "-c", code, "--config", str(file), "status"],
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment() | {"NIGHTSORT_WINDOW__START": "02:00", "NIGHTSORT_WEB": "{}"},
        )
    assert done.stdout.endswith("loaded:\n"), done.stdout + done.stderr
    assert "State" in done.stdout

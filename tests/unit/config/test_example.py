"""The example file says what the schema says, and can be used as it is."""

from __future__ import annotations

import re
from pathlib import Path

from config import example
from config.settings import FOLDER_KEYS, Settings, load, walk

EXAMPLE = Path(example.__file__).with_name("nightsort.example.toml")


def commented_in(text: str) -> str:
    """The example with every setting active: prose has one space behind its mark."""
    return re.sub(r"^#(?! \S|$)", "", text, flags=re.MULTILINE)


def test_example_file_is_what_the_schema_renders() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example.render(), (
        "run: python -m config.example > config/nightsort.example.toml"
    )


def test_example_equals_the_defaults() -> None:
    loaded = load(EXAMPLE)
    defaults = Settings(**{key: getattr(loaded, key) for key in FOLDER_KEYS})
    assert loaded == defaults
    assert loaded.incoming_dir == Path("/srv/nightsort/incoming")
    assert loaded.state_dir == Path("/var/lib/nightsort")


def test_example_with_every_setting_active_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "nightsort.toml"
    file.write_text(commented_in(example.render()), encoding="utf-8")
    loaded = load(file)
    assert loaded.model_fields_set == set(Settings.model_fields)
    assert loaded.intake == load(EXAMPLE).intake
    assert loaded.categories["Tshirts"].code == "TS"
    assert loaded.filing.file_mode == 0o640
    assert [target.type for target in loaded.alerts.targets] == ["email", "slack", "url"]


def test_example_holds_every_key() -> None:
    names = {key.rpartition(".")[2] for key, _ in walk(Settings)}
    shown = set(
        re.findall(r"^#?\[*(?:[a-z]+\.)?([a-z_]+)", commented_in(example.render()), re.MULTILINE)
    )
    assert names <= shown

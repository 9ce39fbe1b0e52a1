"""Where nightsort's state is, found without reading all settings: `status` must be quick.

Goes by the same order as `config.settings`, and judges no value: where that is not enough, load
the settings, which says what is wrong with them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.texts import read_text
from config.variables import CONFIG_VARIABLE, NESTED, PREFIX, credentials

DEFAULT_FILE = Path("/etc/nightsort/nightsort.toml")
DEFAULT_DATA = Path("nightsort-data")
_KEY = "state_dir"
# Rendered from the schema: what keys there are, and no library is needed to read it.
_EXAMPLE = Path(__file__).with_name("nightsort.example.toml")
_LINE = re.compile(r"\[(?P<section>\w+)\]|#\[+(?P<tables>\w+(\.\w+)?)|#?(?P<key>\w+) = ")


def settings_file(file: Path | None) -> Path | None:
    """The settings file: `file`, `$NIGHTSORT_CONFIG` or the usual one; None when there is none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if file is not None or named:
        return file or Path(str(named))
    try:
        DEFAULT_FILE.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        # It is there, but not for us: reading it says so, and defaults do not hide it.
        return DEFAULT_FILE
    return DEFAULT_FILE


def state_dir(file: Path | None) -> Path | None:
    """The state folder; None when only the settings as a whole can tell."""
    path = settings_file(file)
    sources = (os.environ, credentials(os.environ)[0])
    if not _named(*sources) <= {CONFIG_VARIABLE, *map(variable, known_keys())}:
        return None
    for source in sources:
        for name, text in source.items():
            if name.upper() == f"{PREFIX}{_KEY}".upper():
                return Path(os.path.abspath(text)) if text else None  # noqa: PTH100 - as the settings do
    if path is None:
        return (DEFAULT_DATA / "state").absolute()
    try:
        value = tomllib.loads(read_text(path)).get(_KEY)
    except (OSError, ValueError):
        return None
    if not isinstance(value, str) or not value:
        return None
    return Path(os.path.abspath(path.absolute().parent / value))  # noqa: PTH100


def variable(key: str) -> str:
    """The name of the variable that sets this key."""
    return f"{PREFIX}{key.replace('.', NESTED)}".upper()


def known_keys() -> Iterator[str]:
    """All that can be set, dotted, and each table of it; not what stands in one of many tables."""
    section, are_many = "", False
    for line in filter(None, map(_LINE.match, _EXAMPLE.read_text(encoding="utf-8").splitlines())):
        if line["section"]:
            section, are_many = line["section"], False
            yield section
        elif line["tables"]:
            are_many = True
            yield line["tables"]
        elif not are_many:
            yield f"{section}.{line['key']}".removeprefix(".")


def _named(*sources: Mapping[str, str]) -> set[str]:
    """The variables there that carry our prefix."""
    return {name.upper() for one in sources for name in one if name.upper().startswith(PREFIX)}

"""Where nightsort's state is, found without reading all settings: `status` must be quick.

Goes by the same order as `config.settings`, and judges nothing: where that is not enough, load
the settings, which says what is wrong with them.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from config.texts import read_text
from config.variables import CONFIG_VARIABLE, PREFIX, credentials

DEFAULT_FILE = Path("/etc/nightsort/nightsort.toml")
DEFAULT_DATA = Path("nightsort-data")
_KEY = "state_dir"


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
    for source in (os.environ, credentials(os.environ)[0]):
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

"""Settings as they stand in a file, changed key by key: read, merged, and written with comments."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.example import render
from config.renamed import as_today
from config.settings import Settings, refusals, walk
from config.texts import read_text

Values = dict[str, Any]


def read_values(path: Path) -> Values:
    """What stands in a file of settings, under the names of today. Raises ConfigError."""
    try:
        return as_today(tomllib.loads(read_text(path)))[0]
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); check it") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: is not valid TOML: {exc}; correct it there") from exc


def merged(values: Mapping[str, Any], more: Mapping[str, Any]) -> Values:
    """Both, table by table; what stands in `more` counts."""
    both = dict(values)
    for key, value in more.items():
        before: Any = both.get(key)
        is_table = isinstance(value, Mapping)
        both[key] = merged(before or {}, value) if is_table else value
    return both


def value_of(values: Mapping[str, Any], key: str) -> Any:
    """What stands under a dotted key; None for nothing."""
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def with_value(values: Mapping[str, Any], key: str, value: Any) -> Values:
    """The same with another value under a dotted key; None takes it away."""
    first, _, rest = key.partition(".")
    changed = dict(values)
    if rest:
        inner = with_value(changed.get(first, {}), rest, value)
        value = inner or None
    if value is None:
        changed.pop(first, None)
    else:
        changed[first] = value
    return changed


def as_file(values: Values) -> str:
    """A file of these settings, with every other key as a comment and what each means.

    Raises ConfigError that names every problem at once.
    """
    if problems := refusals(values):
        raise ConfigError("\n".join(words for _, words in problems))
    keys = [key for key, _ in walk(Settings)]
    given = {key: value for key in keys if (value := value_of(values, key)) is not None}
    text = render(given)
    if _without_empty(tomllib.loads(text)) != _without_empty(values):
        raise ConfigError("these settings cannot be written as a file; write it by hand")
    return text


def _without_empty(values: Mapping[str, Any]) -> Values:
    return {
        key: _without_empty(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not (isinstance(value, Mapping) and not value)
    }

"""The commented example of the settings file, rendered from the schema so that it cannot drift.

python -m config.example > config/nightsort.example.toml
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from itertools import groupby
from typing import Any

from config.settings import FOLDER_KEYS, Settings, walk

_WIDTH = 88
_HEADER = """\
# Settings of nightsort. The place for this file is /etc/nightsort/nightsort.toml.
#
# The four folders must be set. Every other key shows its default behind a "#"; a key without a
# default shows an example. Take the "#" away to change it.
# An environment variable wins over this file: [window] start is NIGHTSORT_WINDOW__START, and
# lists and tables are written as JSON. A systemd credential of that name does too.
# nightsort reads it when it starts, and again when it is reloaded (systemctl reload nightsort):
# [window] and [alerts] are then taken at once, and the log says what else needs a restart.
"""


def render(given: Mapping[str, Any] | None = None) -> str:
    """The whole example file. given: values by dotted key that are set, as TOML has them."""
    return _HEADER + "".join(_lines(given or {}))


def _lines(given: Mapping[str, Any]) -> Iterator[str]:
    by_section = groupby(walk(Settings), key=lambda found: found[0].rpartition(".")[0])
    for section, found in by_section:
        if section:
            yield f"\n\n[{section}]\n{_comment(_about(section))}"
        # What follows a list of tables would belong to the last of them.
        for key, field in sorted(found, key=lambda one: _is_list_of_tables(_shown(one[1]))):
            yield f"\n{_comment(field.description)}"
            yield _active(key, given[key]) if key in given else _setting(key, field)


def _shown(field: Any) -> Any:
    return field.examples[0] if field.examples else field.default


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _active(key: str, value: Any) -> str:
    name = key.rpartition(".")[2]
    if isinstance(value, dict):
        return f"{_tables(name, value)}\n"
    if _is_list_of_tables(value):
        return "\n".join(f"{_table(f'[[{key}]]', table)}\n" for table in value)
    return f"{name} = {toml(value)}\n"


def _setting(key: str, field: Any) -> str:
    name = key.rpartition(".")[2]
    value = _shown(field)
    if isinstance(value, dict):
        return _commented(_tables(name, value))
    if _is_list_of_tables(value):
        return "#\n".join(_commented(_table(f"[[{key}]]", table)) for table in value)
    line = f"{name} = {toml(value)}"
    if name in FOLDER_KEYS:
        return f"{line}\n"
    return _commented(line if len(line) <= _WIDTH else f"{name} = {_toml_list(value)}")


def _tables(name: str, tables: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of tables, such as [categories."Tshirts"]."""
    return "\n".join(_table(f"[{name}.{toml(key)}]", table) for key, table in tables.items())


def _table(header: str, table: Mapping[str, Any]) -> str:
    return "\n".join([header, *(f"{key} = {toml(value)}" for key, value in table.items())])


def toml(value: Any) -> str:
    """A value as the file has it. Raises TypeError for what no setting is."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return str(value)
        case time():
            return f'"{value:%H:%M}"'
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {toml(inner)}' for key, inner in value.items())} }}"
        case _:
            raise TypeError(f"no TOML for {value!r}")


def _toml_list(values: Iterable[Any]) -> str:
    """A list over several lines, each as full as it goes."""
    lines = [""]
    for item in map(toml, values):
        if len(lines[-1]) + len(item) > _WIDTH - 6:
            lines.append("")
        lines[-1] += f" {item},"
    return "\n".join(["[", *(f"   {line}" for line in lines), "]"])


def _about(section: str) -> str:
    """The docstring of a section says what it is about."""
    return Settings.model_fields[section].annotation.__doc__ or ""


def _comment(text: str | None) -> str:
    lines = textwrap.wrap(text or "", _WIDTH)
    return "".join(f"# {line}\n" for line in lines)


def _commented(text: str) -> str:
    """A setting that is not active; unlike prose, it has no space behind the mark."""
    return "".join(f"#{line}\n" for line in text.splitlines())


if __name__ == "__main__":
    sys.stdout.write(render())

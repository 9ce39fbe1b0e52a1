"""docs/log-events.md names every event of the log, with the priorities that it can have."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def events_in_code() -> dict[str, set[str]]:
    """Every event with its levels, from the calls of `log` in the product."""
    found = defaultdict[str, set[str]](set)
    for package in ("config", "classifier", "daemon", "web"):
        for path in (ROOT / package).rglob("*.py"):
            for name, levels in _events(ast.parse(path.read_text(encoding="utf-8"))):
                found[name] |= levels
    return found


def _events(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    values = _values_by_name(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and call.args:
            levels = _levels(call.func, values)
            for name in _strings(call.args[0], values) if levels else ():
                yield name, levels


def _levels(function: ast.expr, values: dict[str, list[ast.expr]]) -> set[str]:
    """The levels at which a call logs; none when it is no logging."""
    if isinstance(function, ast.Name):  # tell = log.warning if … else log.info
        parts = [part for value in values.get(function.id, []) for part in ast.walk(value)]
        return {level for part in parts for level in _level(part)}
    return set(_level(function))


def _level(part: ast.AST) -> Iterator[str]:
    if (
        isinstance(part, ast.Attribute)
        and part.attr in LEVELS
        and isinstance(part.value, ast.Name)
        and part.value.id == "log"
    ):
        yield "error" if part.attr == "exception" else part.attr


def _strings(argument: ast.expr, values: dict[str, list[ast.expr]]) -> Iterator[str]:
    named = values.get(argument.id, []) if isinstance(argument, ast.Name) else [argument]
    for value in named:
        branches = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        for branch in branches:
            if isinstance(branch, ast.Constant) and isinstance(branch.value, str):
                yield branch.value


def _values_by_name(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What is assigned to each name, anywhere in the module."""
    values = defaultdict[str, list[ast.expr]](list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values[target.id].append(node.value)
    return values


def events_in_document() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "log-events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \|", text, re.MULTILINE)
    assert len(rows) == len({name for name, _ in rows})
    return {name: set(levels.split(", ")) for name, levels in rows}


def test_the_list_of_events_is_what_the_code_logs() -> None:
    # What libraries say carries whatever level they gave it.
    code = events_in_code() | {"library_said": {"warning", "error", "critical"}}
    document = events_in_document()
    assert set(document) == set(code)
    assert document == {name: code[name] for name in document}

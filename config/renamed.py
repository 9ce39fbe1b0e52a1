"""Keys that have another name today: a settings file of before goes on working, with a warning.

`RENAMED` is the one place that knows them; file, environment and credentials are read by it.
"""

from __future__ import annotations

from typing import Any

# Keys as they were and as they are, dotted.
RENAMED = {"results.return_id": "returns.pattern"}


def as_today(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings with each key under its name of today, and a warning for each that had another.

    Where both stand there, the name of today counts.
    """
    warnings = []
    for old, new in RENAMED.items():
        found, less = _taken(values, old.split("."))
        if found:
            values = _filled(less, new.split("."), found[0])
            warnings.append(warned(old, new))
    return values, warnings


def warned(old: str, new: str) -> str:
    """What is said of a key that has another name today."""
    return f"{old} is called {new} today and is read as that; rename it"


def _taken(tree: Any, keys: list[str]) -> tuple[list[Any], Any]:
    """The value at `keys`, if there is one, and the tree without it; a table left empty goes."""
    if not isinstance(tree, dict) or keys[0] not in tree:
        return [], tree
    others = {key: value for key, value in tree.items() if key != keys[0]}
    if len(keys) == 1:
        return [tree[keys[0]]], others
    found, inner = _taken(tree[keys[0]], keys[1:])
    return (found, others | {keys[0]: inner} if inner else others) if found else ([], tree)


def _filled(tree: Any, keys: list[str], value: Any) -> Any:
    """`tree` with `value` at `keys`, unless something stands there."""
    if not isinstance(tree, dict):
        return tree  # what is wrong with it is told when it is read
    if len(keys) == 1:
        return {keys[0]: value} | tree
    return tree | {keys[0]: _filled(tree.get(keys[0], {}), keys[1:], value)}

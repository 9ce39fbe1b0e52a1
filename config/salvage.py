"""What is left of a settings file of which something is wrong: all the rest.

For who must tell people that the settings are refused: whom to tell, stands in them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

Tree = dict[str, Any]


def readable(text: str) -> Tree:
    """What can be read of TOML that cannot be read as a whole: each of its tables by itself."""
    values: Tree = {}
    for table in re.split(r"^(?=[ \t]*\[)", text, flags=re.MULTILINE):
        values = _merged(values, _parsed(table) or {})
    return values


def without(tree: Any, location: Sequence[int | str]) -> Any:
    """`tree` without the smallest part at `location` that can be left out; None: all of it.

    Of a list that is its element, for half a target is none.
    """
    if not location:
        return None
    first, *rest = location
    if isinstance(tree, list):
        return [one for index, one in enumerate(tree) if index != first]
    if not isinstance(tree, dict) or first not in tree:
        return None
    inner = without(tree[first], rest)
    others = {key: value for key, value in tree.items() if key != first}
    return others if inner is None else {**others, first: inner}


def _parsed(text: str) -> Tree | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        shared = {key: _merged(one[key], other[key]) for key in one.keys() & other.keys()}
        return {**one, **other, **shared}
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return other

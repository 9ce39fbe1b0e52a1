"""Coding: frozen dataclasses as JSON, and JSON as these again, each value looked at.

Knows text, whole numbers, truths, days, fixed words, tuples of these, and dataclasses of all that.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_CALLED = {str: "text", int: "a whole number", bool: "true or false"}


def coded(value: Any) -> dict[str, Any]:
    """A dataclass as JSON has it."""
    made = asdict(value, dict_factory=lambda pairs: {key: _plain(one) for key, one in pairs})
    return dict(made)


def decoded(kind: type[T], value: object) -> T:
    """What JSON says of a dataclass.

    Raises ValueError that says in a few words what is missing, too much, or of the wrong kind.
    """
    made: T = _decoded(kind, value, "it")
    return made


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _decoded(kind: Any, value: object, at: str) -> Any:
    if is_dataclass(kind):
        return _dataclass(kind, value, at)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{at} must be a list")
        inner = get_args(kind)[0]
        return tuple(_decoded(inner, one, f"{at}[{number}]") for number, one in enumerate(value))
    if get_origin(kind) is types.UnionType:  # with None, the only one there is
        inner, *_ = (one for one in get_args(kind) if one is not types.NoneType)
        return None if value is None else _decoded(inner, value, at)
    if issubclass(kind, StrEnum | date):
        return _word(kind, value, at)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{at} must be {_CALLED[kind]}")
    return value


def _dataclass(kind: Any, value: object, at: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{at} must be an object")
    wanted = dict(_fields(kind))
    if unknown := [key for key in value if key not in wanted]:
        known = ", ".join(wanted) or "nothing"
        raise ValueError(f"{unknown[0]} is not known here; there is {known}")
    types_of = _types_of(kind)
    made = {}
    for name, field in wanted.items():
        if name in value:
            made[name] = _decoded(types_of[name], value[name], name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{name} is missing")
    return kind(**made)


def _word(kind: type[StrEnum | date], value: object, at: str) -> Any:
    try:
        return kind.fromisoformat(str(value)) if issubclass(kind, date) else kind(str(value))
    except ValueError:
        wanted = "a day such as 2026-11-16" if issubclass(kind, date) else " or ".join(kind)
        raise ValueError(f"{at} must be {wanted}") from None


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _fields(kind: Any) -> Iterator[tuple[str, Field[Any]]]:
    return ((field.name, field) for field in fields(kind))

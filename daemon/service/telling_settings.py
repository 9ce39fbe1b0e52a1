"""Telling people which settings are in use: each value as a file would say it, no secret of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from config.errors import ConfigError
from config.example import toml
from config.settings import Settings, walk
from daemon.domain.inspection import SettingsTold, SettingTold
from daemon.service.reload import changes

_THERE = "set"
_LONGEST = 4000


def told(in_use: Settings, reread: Callable[[], Settings]) -> SettingsTold:
    """What is in use, and whether file and environment say otherwise by now."""
    changed: list[str] = []
    problem = ""
    try:
        changed = changes(in_use, reread())
    except ConfigError as exc:
        problem = str(exc).replace("\n", "; ")
    file = in_use.sources.file
    settings = tuple(_told(in_use, key) for key, _ in walk(Settings))
    return SettingsTold(
        "" if file is None else str(file), settings, tuple(changed), problem, in_use.renamed
    )


def _told(settings: Settings, key: str) -> SettingTold:
    value: Any = reduce(getattr, key.split("."), settings)
    origin, variable = settings.sources.said(key)
    is_secret = isinstance(value, SecretStr)
    return SettingTold(key, "" if is_secret else written(value), origin, variable, is_secret)


def written(value: Any) -> str:
    """A value as the file would say it; a table or a list of tables has a line for each entry."""
    bare = _bare(value)
    if bare is None:
        return ""
    if isinstance(bare, dict):
        lines = [f"{toml(key)} = {toml(inner)}" for key, inner in bare.items()]
    elif isinstance(bare, list) and bare and isinstance(bare[0], dict):
        lines = [toml(one) for one in bare]
    else:
        lines = [toml(bare)]
    text = "\n".join(lines)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _bare(value: Any) -> Any:
    """As TOML knows it; of a secret only that it is there."""
    match value:
        case SecretStr():
            return _THERE
        case BaseModel():
            return {key: _bare(one) for key, one in value if one is not None}
        case dict():
            return {key: _bare(one) for key, one in value.items()}
        case list() | tuple():
            return [_bare(one) for one in value]
        case Path():
            return str(value)
    return value

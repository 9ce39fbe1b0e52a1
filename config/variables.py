"""Settings from variables: the environment, and systemd credentials, which are files named alike.

This module turns a name such as NIGHTSORT_WINDOW__START into a place in the settings tree, and
the JSON of lists and tables into values. What values are allowed, `config.settings` says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel

from config.errors import ConfigError
from config.renamed import RENAMED, warned
from config.texts import read_text

PREFIX = "NIGHTSORT_"
NESTED = "__"
CONFIG_VARIABLE = "NIGHTSORT_CONFIG"  # names the settings file, so it is no setting itself
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"

Keys = tuple[str, ...]


@dataclass(slots=True)
class Variables:
    """What variables say: values as a tree, which variable said it, what is wrong, what is old."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Keys, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)

    def origin(self, location: Sequence[object]) -> str | None:
        """The variable that set the value at `location` in the tree, if one did."""
        names = (name for keys, name in self.origins.items() if keys == (*location,)[: len(keys)])
        return next(names, None)


def read(model: type[BaseModel], environment: Mapping[str, str]) -> Variables:
    """Read all variables of `environment` that carry our prefix into places of `model`."""
    found = Variables()
    # Sorted, so that a whole table (…_WINDOW) comes before one of its keys (…_WINDOW__START).
    for name, text in sorted(environment.items()):
        if name.upper().startswith(PREFIX) and name.upper() != CONFIG_VARIABLE:
            _read_one(found, model, name, text)
    return found


def credentials(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The systemd credentials that carry our prefix, by name, and what is wrong with others."""
    texts: dict[str, str] = {}
    problems: list[str] = []
    folder = Path(environment.get(CREDENTIALS_VARIABLE) or "/nonexistent")
    for file in sorted(folder.glob("*")):
        if file.name.upper().startswith(PREFIX):
            try:
                texts[file.name] = read_text(file).rstrip("\n")
            except (OSError, UnicodeDecodeError) as exc:
                reason = getattr(exc, "strerror", None) or "not UTF-8"
                problems.append(f"{file}: the credential cannot be read ({reason}); correct it")
    return texts, problems


def credential(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """The secret in the systemd credential of that name.

    Raises ConfigError that says how it gets there.
    """
    folder = environment.get(CREDENTIALS_VARIABLE)
    if not folder:
        raise ConfigError(
            f"the credential {name} is only there for the service, from /etc/credstore by systemd"
        )
    try:
        secret = read_text(Path(folder) / name).strip()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no credential {name}; put it into /etc/credstore, then run as root: "
            "nightsort unit --write && systemctl daemon-reload && systemctl restart nightsort"
        ) from None
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "not UTF-8"
        raise ConfigError(f"the credential {name} cannot be read ({reason}); correct it") from None
    if not secret:
        raise ConfigError(f"the credential {name} is empty; write the secret into its file")
    return secret


def credentials_are_here() -> bool:
    """Whether systemd handed credentials to this process: it does so to the service alone."""
    return bool(os.environ.get(CREDENTIALS_VARIABLE))


# Tables in which a secret can stand.
_SECRET_TABLES = {"alerts", "archive", "fleet", "handover", "metrics", "mirror"}


def shown(location: Sequence[object], value: object) -> str:
    """The offending value for an error message, unless a secret may be in it."""
    if _SECRET_TABLES & {*location} or isinstance(value, dict):
        return ""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return f" = {text if len(text) <= 80 else text[:79] + '…'}"


def _read_one(found: Variables, model: type[BaseModel], name: str, text: str) -> None:
    old = name[len(PREFIX) :].lower().replace(NESTED, ".")
    key = RENAMED.get(old, name[len(PREFIX) :].replace(NESTED, "."))
    if old in RENAMED:
        today = f"{PREFIX}{key.upper().replace('.', NESTED)}"
        found.renamed.append(warned(name, today))
    place = _find(model, key.split("."))
    if place is None and (table := _table_of_before(old, text)):
        for key, value in table.items():
            _read_one(found, model, f"{name}{NESTED}{key}".upper(), value)
        return
    if place is None:
        found.problems.append(f"{name}: no such setting; correct the name or unset it")
        return
    keys, kind = place
    try:
        value = _parse(kind, text)
    except ValueError as exc:
        found.problems.append(f"{'.'.join(keys)} ({name}){shown(keys, text)}: {exc}")
        return
    _put(found.values, keys, value)
    found.origins[keys] = name


def _table_of_before(name: str, text: str) -> dict[str, str]:
    """The keys of a whole table whose keys all have another name today."""
    if not any(old.startswith(f"{name}.") for old in RENAMED):
        return {}
    try:
        table = json.loads(text)
    except ValueError:
        return {}
    return {key: str(value) for key, value in table.items()} if isinstance(table, dict) else {}


def _find(kind: Any, names: Sequence[str]) -> tuple[Keys, Any] | None:
    """Follow `names` down the tree: the keys as the tree has them, and the type at their end."""
    if not names:
        return (), kind
    if get_origin(kind) is dict:
        # The name of a category counts as it is written.
        key, inner = names[0], get_args(kind)[1]
    elif _is_model(kind) and names[0].lower() in kind.model_fields:
        key = names[0].lower()
        inner = kind.model_fields[key].annotation
    else:
        return None
    rest = _find(inner, names[1:])
    return None if rest is None else ((key, *rest[0]), rest[1])


def _parse(kind: Any, text: str) -> Any:
    """A list or table out of JSON; anything else stays text, for pydantic to read.

    Raises ValueError that says how to write it.
    """
    wanted: type | None = None
    if get_origin(kind) is tuple:
        wanted, example = list, '["first", "second"]'
    elif get_origin(kind) is dict or _is_model(kind):
        wanted, example = dict, '{"key": "value"}'
    if wanted is None:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, wanted):
        raise ValueError(f"must be written as JSON, such as {example}")
    return value


def _put(tree: dict[str, Any], keys: Keys, value: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[keys[-1]] = value


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and hasattr(kind, "model_fields")

"""Where each value of the settings comes from: file, environment, credential, or from nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.variables import Variables


class Origin(StrEnum):
    """Who said a value. The values are fixed: programs read them."""

    FILE = "file"
    ENVIRONMENT = "environment"
    CREDENTIAL = "credential"
    DEFAULT = "default"


# Who said a value, and by which variable where it was one.
Said = tuple[Origin, str]
NOBODY: Said = (Origin.DEFAULT, "")


@dataclass(frozen=True, slots=True)
class Sources:
    """Who said what, by dotted key; what is missing nobody said."""

    # The same settings are the same, whoever said them.
    file: Path | None = field(default=None, compare=False)
    by_key: Mapping[str, Said] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls,
        file: Path | None,
        in_file: Mapping[str, Any],
        layers: Sequence[Variables],
        keys: Iterable[str],
    ) -> Sources:
        """layers: environment, then credentials, which both win over the file."""
        environment, credentials = layers
        found = {}
        for key in keys:
            place = key.split(".")
            if name := _variable(environment, place):
                found[key] = (Origin.ENVIRONMENT, name)
            elif name := _variable(credentials, place):
                found[key] = (Origin.CREDENTIAL, name)
            elif file is not None and _stands_in(in_file, place):
                found[key] = (Origin.FILE, "")
        return cls(file, found)

    def said(self, key: str) -> Said:
        """Who said the value of this key."""
        return self.by_key.get(key, NOBODY)

    def with_tables(self, newer: Sources, tables: Collection[str]) -> Sources:
        """These, but of some tables what was said since."""
        kept = {key: said for key, said in self.by_key.items() if _table(key) not in tables}
        taken = {key: said for key, said in newer.by_key.items() if _table(key) in tables}
        return replace(self, by_key=kept | taken)


def _table(key: str) -> str:
    return key.partition(".")[0]


def _variable(variables: Variables, place: list[str]) -> str:
    """The variable that says this value, a table that holds it, or a part of it."""
    for keys, name in variables.origins.items():
        shared = min(len(keys), len(place))
        if [*keys[:shared]] == place[:shared]:
            return name
    return ""


def _stands_in(tree: Any, place: list[str]) -> bool:
    for key in place:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True

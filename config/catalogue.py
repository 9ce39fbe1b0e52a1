"""What people read, in their language: catalogues of sentences, one TOML file a language.

A catalogue is a table of keys with sentences, in tables one below another: `[login] title = "…"` is
`login.title`. `{name}` in a sentence is filled in. Every language has every key; English is what
the others are compared with.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "de"]
Catalogue = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Texts:
    """The sentences of one language."""

    language: str
    catalogue: Catalogue

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of that key, filled in. Raises KeyError for what is in no catalogue."""
        sentence = self.catalogue[key]
        return sentence.format(**values) if values else sentence

    def many(self, key: str, number: float, /, **values: object) -> str:
        """The sentence about so many, filled in: `{n} photo waits|{n} photos wait`."""
        return self.about(key, number).format(n=number, **values)

    def about(self, key: str, number: float) -> str:
        """The sentence as it stands; of two with a bar between the one about so many."""
        one, _, more = self.catalogue[key].partition("|")
        return one if number == 1 else more or one

    def or_else(self, key: str, otherwise: str) -> str:
        """The sentence of that key, where there is one."""
        return self.catalogue.get(key, otherwise)

    def table(self, name: str) -> Catalogue:
        """All sentences of that table, by their keys in it, not filled in."""
        within = f"{name}."
        return {
            key.removeprefix(within): sentence
            for key, sentence in self.catalogue.items()
            if key.startswith(within)
        }


def read(folder: Path) -> dict[str, Texts]:
    """Every language that has a catalogue in `folder`, by its code."""
    return {file.stem: read_one(file, file.stem) for file in sorted(folder.glob("*.toml"))}


def read_one(file: Path, language: str) -> Texts:
    """The sentences in a file."""
    return Texts(language, dict(_flat(tomllib.loads(file.read_text(encoding="utf-8")))))


def chosen(header: str, known: Mapping[str, Texts], default: str) -> Texts:
    """The language that a browser asks for in its header Accept-Language.

    Source: RFC 9110, 12.5.4; of "de-AT" the first part decides.
    """
    wishes: list[tuple[float, int, str]] = []
    for part in header[:500].split(","):
        found = re.fullmatch(
            r"\s*([A-Za-z]{1,8})(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", part
        )
        if found and float(found[2] or 1) > 0:
            wishes.append((-float(found[2] or 1), len(wishes), found[1].lower()))
    return next((known[code] for _, _, code in sorted(wishes) if code in known), known[default])


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

"""Forgetting: what photos that shall leave no trace are found by, and the receipt that is given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from config.readable import plain

FORGOTTEN = "(forgotten)"
# By which the documents of ours name a photo, in lists of such.
_NAMING = ("filename", "name", "photo")


@dataclass(frozen=True, slots=True)
class Lying:
    """A file that is to be removed, as long as it is still that."""

    is_sorted: bool  # else it lies in incoming
    place: str
    sha256: str  # empty where nobody could read it
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A photo that is to be forgotten."""

    photo: int
    first_seen_at: str
    source: str
    run: str  # empty until it was sorted
    recorded_at: str
    hashes: tuple[str, ...]  # of its bytes, as filed and as edited
    own_hashes: tuple[str, ...]  # of these, those that no other photo has
    files: tuple[Lying, ...] = ()
    are_files_gone: bool = False  # they were removed: what lies there now is another photo
    is_missing: bool = False  # nobody knows where its file is


@dataclass(frozen=True, slots=True)
class Job:
    """A forgetting under way: kept until it is done, so that a crash leaves none half done."""

    at: str  # ISO 8601
    by: str
    asked_sha256: str  # of what was typed, so that whoever asked can show what it was about
    is_return: bool
    photos: tuple[Trace, ...]
    names: tuple[str, ...]  # texts that name nothing but these photos
    runs: tuple[str, ...]  # whose pages may show them
    days: tuple[str, ...]  # ISO 8601: on which people spoke of them
    same_bytes: tuple[int, ...] = ()  # other photos of the same content, which stay

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of the photos."""
        return tuple(one.photo for one in self.photos)

    @property
    def own_runs(self) -> tuple[str, ...]:
        """The runs in which they were sorted."""
        return tuple(sorted({one.run for one in self.photos if one.run}))


@dataclass(frozen=True, slots=True)
class Gone:
    """A photo that was forgotten; nothing in this shows what it was to whoever lacks the photo."""

    photo: int
    sha256: str  # empty where nobody ever read it


@dataclass(frozen=True, slots=True)
class Remains:
    """What still holds it, out of nightsort's reach or for a while."""

    what: (
        str  # backup, set-aside database, file, workbook, version, export, mirror, handed over, log
    )
    where: str
    until: str  # in words, or an ISO 8601 moment


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was forgotten, when, at whose word."""

    at: str
    by: str
    asked_sha256: str
    is_return: bool
    photos: tuple[Gone, ...]
    files_removed: int
    rewritten: tuple[str, ...]  # files of results_dir
    same_bytes: tuple[int, ...]  # other photos of the same content, which were left
    remains: tuple[Remains, ...]


class Redaction:
    """Takes names out of texts and of documents."""

    def __init__(self, names: Iterable[str]) -> None:
        every = {form for name in names if name for form in (name, plain(name))}
        self._names = frozenset(every)
        longest_first = sorted(map(re.escape, every), key=len, reverse=True)
        self._inside = re.compile(rf"(?<![\w.\-])(?:{'|'.join(longest_first) or '(?!)'})(?![\w\-])")

    def text(self, text: str) -> str:
        """`text` without the names; a part of another name is none."""
        return self._inside.sub(FORGOTTEN, text)

    def of(self, value: Any) -> Any:
        """A JSON value without the names; what is about one of them alone is left out whole."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.of(one) for one in value if not self._is_about(one)]
            case dict():
                return {k: self.of(v) for k, v in value.items() if not self._is_key(k)}
        return value

    def _is_key(self, key: str) -> bool:
        """Whether a photo is listed by this key; our own keys are words without a dot."""
        return key in self._names and not key.isidentifier()

    def _is_about(self, one: Any) -> bool:
        if isinstance(one, dict):
            return any(one.get(key) in self._names for key in _NAMING if _is_text(one.get(key)))
        return _is_text(one) and one in self._names


def _is_text(value: Any) -> bool:
    return isinstance(value, str)

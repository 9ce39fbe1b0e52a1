"""Labelled photos that people bring: in folders named like their categories, in a ZIP, or of one.

What is called `_…` is skipped; a category is spelt in one way, as it is known.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize

from classifier.reading import read_file
from config.readable import plain
from daemon.domain.photos import as_text
from daemon.folders.names import label_problem
from daemon.sorting.offline import (
    NoPhotos,
    labelled_photos,
    photos_beside,
    photos_under,
    shown,
)
from daemon.sorting.zips import BROUGHT, SENT, Packed, photos_in

_WRAPPED = 3  # parts of the path of a photo whose category lies in one more folder


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo, and what somebody says that it shows."""

    label: str
    name: str  # of its file
    shown: str  # where it lies, for people
    read: Callable[[int], bytes]  # at most so many bytes of it; raises PhotoError
    problem: str = ""  # why its folder says nothing of what it shows


def brought(
    path: Path, label: str | None, known: Iterable[str], ignore: Iterable[str]
) -> list[Labelled]:
    """The photos of a folder or ZIP of <category>/*.jpg, or, with `label`, all of them of that.

    Raises NoPhotos when there are none, or it cannot be looked into.
    """
    # Path's own raises where a folder may not be entered.
    is_archive = path.suffix.lower() == ".zip" and os.path.isfile(path)  # noqa: PTH113
    if label is not None:
        spelt = _spelling(known)(label)
        if is_archive:
            return [_member(path, one, spelt) for one in _zipped(path, ignore)]
        return [_file(one, spelt) for one in photos_under([path], ignore)]
    if is_archive:
        packed = _in_folders(_zipped(path, ignore), shown(path))
        return _named([_member(path, one, own) for own, one in packed], known, path)
    return named_photos(path, known, ignore)


def named_photos(folder: Path, known: Iterable[str], ignore: Iterable[str]) -> list[Labelled]:
    """Photos of `folder`/<category>/, but of no `_…` folder; a category is spelt in one way.

    Raises NoPhotos as `labelled_photos` does.
    """
    found = [_file(path, label) for label, path in labelled_photos(folder, ignore)]
    found += [_file(path, "") for path in photos_beside(folder, ignore)]
    return _named(found, known, folder)


def sent_photo(
    label: str, name: str, read: Callable[[int], bytes], known: Iterable[str]
) -> Labelled:
    """A photo that somebody sent. read: as `Labelled.read`."""
    return Labelled(_spelling(known)(label), name, plain(name), read)


def sent_archive(
    file: io.FileIO, name: str, known: Iterable[str], ignore: Iterable[str]
) -> list[Labelled]:
    """As `brought`, of a ZIP that somebody sent; what is left out is refused once it is read.

    file: stays open while the photos are read. Raises NoPhotos.
    """
    place, spell = plain(name), _spelling(known)
    packed = _in_folders(photos_in(file, place, ignore, SENT), place)
    # macOS writes composed letters in parts.
    return [_sent_member(spell(normalize("NFC", label)), one) for label, one in packed]


def _sent_member(label: str, one: Packed) -> Labelled:
    problem = "" if one.problem else _problem(label)
    return Labelled(label, one.parts[-1], plain(as_text(one.within)), one.read, problem)


def _problem(label: str) -> str:
    return label_problem(label) if label else "it lies in no <category>/ folder"


def _named(found: Sequence[Labelled], known: Iterable[str], place: Path) -> list[Labelled]:
    kept = [one for one in found if not one.label.startswith("_")]
    if not any(one.label for one in kept):
        raise NoPhotos(f"{shown(place)}: only `_…` folders hold photos there; nothing to learn")
    spell = _spelling(known)
    return [replace(one, label=spell(one.label), problem=_problem(one.label)) for one in kept]


def _spelling(known: Iterable[str]) -> Callable[[str], str]:
    spelt = {name.casefold(): name for name in known}
    return lambda label: spelt.setdefault(label.casefold(), label)


def _file(path: Path, label: str) -> Labelled:
    return Labelled(label, path.name, shown(path), lambda most: read_file(path, most))


# --- archives ------------------------------------------------------------------------------------


def _zipped(path: Path, ignore: Iterable[str]) -> list[Packed]:
    try:
        file = io.FileIO(path)
    except OSError as exc:
        raise NoPhotos(f"{shown(path)}: cannot be read ({exc.strerror}); check its rights") from exc
    return photos_in(file, shown(path), ignore, BROUGHT)


def _member(path: Path, one: Packed, label: str) -> Labelled:
    place = f"{shown(path)}: {plain(as_text(one.within))}"
    return Labelled(label, one.parts[-1], place, one.read)


def _in_folders(found: Sequence[Packed], place: str) -> list[tuple[str, Packed]]:
    """Each with its folder for a label, empty where it lies in none.

    One folder around all of them counts for nothing.
    """
    parts = [one.parts for one in found if not one.problem]
    is_wrapped = len({one[0] for one in parts}) == 1 and all(len(one) >= _WRAPPED for one in parts)
    at = 1 if is_wrapped else 0
    labelled = [(as_text(one.parts[at]) if len(one.parts) > at + 1 else "", one) for one in found]
    if not any(label for label, _ in labelled):
        raise NoPhotos(
            f"{place}: no photos in <category>/ in it; put them there, or name their --label"
        )
    return labelled

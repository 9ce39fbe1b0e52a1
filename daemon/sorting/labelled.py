"""Labelled photos that people bring: in folders named like their categories, in a ZIP, or of one.

What is called `_…` is skipped; a category is spelt in one way, as it is known.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from classifier.reading import read_file
from config.errors import PhotoError, PhotoProblem
from config.readable import plain
from daemon.domain.photos import as_text
from daemon.intake.screening import Screening
from daemon.sorting.offline import NoPhotos, labelled_photos, photos_under, shown

_MOST_IN_A_ZIP = 100_000
_WRAPPED = 3  # parts of the path of a photo whose category lies in one more folder


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo, and what somebody says that it shows."""

    label: str
    name: str  # of its file
    shown: str  # where it lies, for people
    read: Callable[[int], bytes]  # at most so many bytes of it; raises PhotoError


def brought(
    path: Path, label: str | None, known: Iterable[str], ignore: Iterable[str]
) -> list[Labelled]:
    """The photos of a folder or ZIP of <category>/*.jpg, or, with `label`, all of them of that.

    Raises NoPhotos when there are none, or it cannot be looked into.
    """
    if label is not None:
        spelt = _spelling(known)(label)
        if path.suffix.lower() == ".zip" and path.is_file():
            return [_of(one, spelt) for one in _zipped(path, ignore)]
        return [_file(one, spelt) for one in photos_under([path], ignore)]
    if path.suffix.lower() == ".zip" and path.is_file():
        return _named(_in_folders(path, _zipped(path, ignore)), known, path)
    return named_photos(path, known, ignore)


def named_photos(folder: Path, known: Iterable[str], ignore: Iterable[str]) -> list[Labelled]:
    """Photos of `folder`/<category>/, but of no `_…` folder; a category is spelt in one way.

    Raises NoPhotos as `labelled_photos` does.
    """
    found = [_file(path, label) for label, path in labelled_photos(folder, ignore)]
    return _named(found, known, folder)


def _named(found: Sequence[Labelled], known: Iterable[str], place: Path) -> list[Labelled]:
    kept = [one for one in found if not one.label.startswith("_")]
    if not kept:
        raise NoPhotos(f"{shown(place)}: only `_…` folders hold photos there; nothing to learn")
    spell = _spelling(known)
    return [_of(one, spell(one.label)) for one in kept]


def _spelling(known: Iterable[str]) -> Callable[[str], str]:
    spelt = {name.casefold(): name for name in known}
    return lambda label: spelt.setdefault(label.casefold(), label)


def _of(one: Labelled, label: str) -> Labelled:
    return Labelled(label, one.name, one.shown, one.read)


def _file(path: Path, label: str) -> Labelled:
    return Labelled(label, path.name, shown(path), lambda most: read_file(path, most))


# --- archives ------------------------------------------------------------------------------------


def _zipped(path: Path, ignore: Iterable[str]) -> list[Labelled]:
    """All photos of a ZIP; each `label` is its path within."""
    screening = Screening(ignore)
    try:
        archive = zipfile.ZipFile(path)  # once for all its photos; it closes itself with the last
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        raise NoPhotos(
            f"{shown(path)}: cannot be read as a ZIP ({plain(str(exc))}); pack it again"
        ) from exc
    photos = sorted(name for name in names if _is_wanted(name, screening))
    if not photos:
        raise NoPhotos(f"{shown(path)}: no photos in it; put <category>/*.jpg into it")
    if len(photos) > _MOST_IN_A_ZIP:
        raise NoPhotos(f"{shown(path)}: more than {_MOST_IN_A_ZIP:,} photos; bring it in parts")
    return [_member(archive, path, name) for name in photos]


def _is_wanted(name: str, screening: Screening) -> bool:
    parts = PurePosixPath(name).parts
    is_hidden = any(part == "__MACOSX" or screening.is_junk(part) for part in parts)
    return not is_hidden and screening.is_photo(parts[-1])


def _member(archive: zipfile.ZipFile, path: Path, name: str) -> Labelled:
    def read(most: int) -> bytes:
        try:
            with archive.open(name) as file:
                data = file.read(most + 1)
        except (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
            text = f"It cannot be taken out of the ZIP ({plain(str(exc))})."
            raise PhotoError(PhotoProblem.UNREADABLE, text) from exc
        if len(data) > most:
            text = f"The file is larger than the {most / 1e6:.0f} MB that are allowed."
            raise PhotoError(PhotoProblem.TOO_LARGE, text)
        return data

    return Labelled(name, PurePosixPath(name).name, f"{shown(path)}: {plain(as_text(name))}", read)


def _in_folders(path: Path, found: Sequence[Labelled]) -> list[Labelled]:
    """Each with its folder for a label; one folder around all of them counts for nothing."""
    parts = [PurePosixPath(one.label).parts for one in found]
    is_wrapped = len({one[0] for one in parts}) == 1 and all(len(one) >= _WRAPPED for one in parts)
    at = 1 if is_wrapped else 0
    kept = [
        _of(one, as_text(within[at]))
        for one, within in zip(found, parts, strict=True)
        if len(within) > at + 1
    ]
    if not kept:
        raise NoPhotos(
            f"{shown(path)}: no photos in <category>/ in it; put them there, or name their --label"
        )
    return kept

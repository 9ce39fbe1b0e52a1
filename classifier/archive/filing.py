"""Filing photos of an archive by category: copies, which never take another's place."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePath
from tempfile import TemporaryFile

from classifier.archive.outages import OUTAGES
from classifier.archive.rows import Row

REVIEW = "_review"  # as in `sorted_dir`
NOT_FILED = "not_filed"
# Copying one photo takes seconds: what nobody has written to for so long, somebody left who died.
_LEFT_SECONDS = 900.0
_RANDOM_BYTES = 8
_PARTIAL = re.compile(rf"\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}\.part")


@dataclass(frozen=True, slots=True)
class Filing:
    """Where to."""

    into: str


def file_photo(filing: Filing, row: Row, data: bytes) -> Row:
    """File what was judged, as it was read; the row says so where that cannot be done.

    Done again it changes nothing: a photo of this name and content that is there, is the one.
    Raises OSError where none could be filed.
    """
    try:
        _copy(folder_of(filing, row), PurePath(row.path).name, data, row.sha256)
    except OSError as exc:
        if exc.errno in OUTAGES:
            raise
        return replace(row, error=f"{NOT_FILED}: {exc.strerror}")
    return row


def folder_of(filing: Filing, row: Row) -> Path:
    """Where a photo belongs that has a verdict."""
    within = (REVIEW, row.category or "") if row.band == "review" else (row.category or "",)
    return Path(filing.into, *within)


def sweep(filing: Filing) -> None:
    """Remove what was left in part by workers that were killed; not what others may write now."""
    into = Path(filing.into)
    for folder in (into, into / REVIEW):
        for partial in folder.glob("*/.*.part"):
            if _PARTIAL.fullmatch(partial.name) is not None and not partial.parent.is_symlink():
                with suppress(OSError):  # the next call tries again
                    _remove_left(partial)


def _remove_left(partial: Path) -> None:
    seen = partial.lstat()
    if stat.S_ISREG(seen.st_mode) and _now(partial.parent) - seen.st_mtime > _LEFT_SECONDS:
        partial.unlink()


def _now(folder: Path) -> float:
    """By the clock of whoever keeps the files there, which may be another machine's."""
    with TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def _copy(folder: Path, name: str, data: bytes, sha256: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    partial = (
        folder / f".{secrets.token_hex(_RANDOM_BYTES)}.part"
    )  # others may file one of this name just now
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _name(partial, folder / name, sha256)
    finally:
        with suppress(OSError):
            partial.unlink()


def _name(partial: Path, wanted: Path, sha256: str | None) -> None:
    """Give it the first free name, unless it is there already under one of those before."""
    for number in count(1):
        free = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}_{number}")
        try:
            free.hardlink_to(partial)
        except FileExistsError:
            if _holds(free, partial.stat().st_size, sha256):
                return
        else:
            return


def _holds(path: Path, size_bytes: int, sha256: str | None) -> bool:
    """Whether a file has that content; only one of that size is read, and nothing but a file."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256

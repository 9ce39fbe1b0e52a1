"""Fetching an object from the bucket to where its file lay, checked by its hash, over nothing."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import Enum
from urllib.parse import unquote_to_bytes

import structlog

from daemon.domain.photos import as_text
from daemon.folders.contents import sync_folder
from daemon.folders.os_errors import trouble
from daemon.folders.own_files import PRIVATE_PREFIX
from daemon.folders.renaming import CREATE, Entry, rename_new
from daemon.folders.rights import Rights
from daemon.folders.tree import Tree, split
from daemon.mirror.bucket.client import Bucket

log = structlog.get_logger()

_MARK = b"nightsort keeps this name for a file from the mirror.\n"


class Fate(Enum):
    """What became of an object."""

    BROUGHT = "brought back"
    THERE = "there already"
    KEPT = "another file is there"
    DAMAGED = "not what was sent"


def place_of(about: Mapping[str, str]) -> str:
    """Where an object's file lay; empty where that is not said, or leads outside."""
    place = os.fsdecode(unquote_to_bytes(about.get("place", "")))
    parts = place.split("/")
    is_inside = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
    return place if is_inside else ""


def fetch(
    tree: Tree, place: str, about: Mapping[str, str], pieces: Iterable[bytes], rights: Rights
) -> Fate:
    """Put an object at a place of a tree, whole and never over another file.

    Raises BucketFailed, TransientError when the folder refuses.
    """
    sha256 = about.get("sha256", "")
    if tree.seen(place) is not None:
        return Fate.THERE if tree.sha256(place) == sha256 else Fate.KEPT
    folder, name = split(place)
    try:
        with rights.folder(tree, folder) as fd:
            partial = Entry(fd, f"{PRIVATE_PREFIX}-mirror-{sha256[:12]}.part")
            fate = Fate.DAMAGED
            if _write(partial, pieces) == sha256:
                rights.give_entry(partial, tree.full(place))
                _date(partial, about)
                fate = _name(partial, Entry(fd, name))
            with suppress(FileNotFoundError):
                os.unlink(partial.name, dir_fd=fd)
            sync_folder(fd)
    except OSError as exc:
        raise trouble(exc, tree.full(place)) from exc
    if fate is not Fate.BROUGHT:
        log.warning("copy_not_brought_back", place=as_text(place), why=fate.value)
    return fate


def bring(bucket: Bucket, key: str, tree: Tree, place: str) -> Fate:
    """Fetch an object to a place that its key says."""
    about, pieces = bucket.get(key)
    return fetch(tree, place, about, pieces, Rights(file_mode=0o640))


def _write(partial: Entry, pieces: Iterable[bytes]) -> str:
    """Write a new file; returns its hash."""
    with suppress(FileNotFoundError):  # of a process that was killed
        os.unlink(partial.name, dir_fd=partial.folder)
    digest = hashlib.sha256()
    with os.fdopen(os.open(partial.name, CREATE, 0o666, dir_fd=partial.folder), "wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _date(partial: Entry, about: Mapping[str, str]) -> None:
    """Give a file the time that it had: what is old stays old."""
    text = about.get("mtime-ns", "")
    if re.fullmatch(r"-?\d{1,19}", text):
        with suppress(OSError, OverflowError):
            at = int(text)
            os.utime(partial.name, ns=(at, at), dir_fd=partial.folder)


def _name(partial: Entry, entry: Entry) -> Fate:
    try:
        rename_new(partial, entry, _MARK, lambda _: None)
    except FileExistsError:
        return Fate.KEPT
    return Fate.BROUGHT

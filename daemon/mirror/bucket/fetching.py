"""Fetching an object from the bucket to where its file lay, checked by its hash, over nothing."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from urllib.parse import unquote_to_bytes

import structlog

from daemon.domain.photos import as_text
from daemon.folders.contents import sync_folder
from daemon.folders.os_errors import NO_FOLDER, trouble
from daemon.folders.own_files import PRIVATE_PREFIX
from daemon.folders.renaming import CREATE, IMPOSSIBLE_NAME, Entry, rename_new
from daemon.folders.rights import Rights
from daemon.folders.tree import Tree, split
from daemon.mirror.bucket.beside import hashes_of, is_stripped
from daemon.mirror.bucket.client import Bucket

log = structlog.get_logger()

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MARK = b"nightsort keeps this name for a file from the mirror.\n"


class Fate(Enum):
    """What became of an object."""

    BROUGHT = "brought back"
    STRIPPED = "brought back without metadata"
    THERE = "there already"
    KEPT = "another file is there"
    IMPOSSIBLE = "its name cannot be here"
    DAMAGED = "not what was sent"


def place_of(about: Mapping[str, str]) -> str:
    """Where an object's file lay; empty where that is not said, is hidden, or leads outside."""
    place = os.fsdecode(unquote_to_bytes(about.get("place", "")))
    parts = place.split("/")
    is_inside = all(part and part[0] != "." and "\0" not in part for part in parts)
    return place if is_inside else ""


def fetch(
    tree: Tree, place: str, about: Mapping[str, str], pieces: Iterable[bytes], rights: Rights
) -> Fate:
    """Put an object at a place of a tree, whole and never over another file.

    What `about` says is believed only once it was checked. Raises BucketFailed, TransientError when
    the folder refuses.
    """
    fate = _fetch(tree, place, about, pieces, rights)
    if fate not in (Fate.BROUGHT, Fate.STRIPPED, Fate.THERE):
        log.warning("copy_not_brought_back", place=as_text(place), why=fate.value)
    return fate


def _fetch(
    tree: Tree, place: str, about: Mapping[str, str], pieces: Iterable[bytes], rights: Rights
) -> Fate:
    sha256 = about.get("sha256", "")
    is_hash = _SHA256.fullmatch(sha256) is not None
    if tree.seen(place) is not None:
        return Fate.THERE if is_hash and tree.sha256(place) in hashes_of(about) else Fate.KEPT
    if not is_hash:
        return Fate.DAMAGED
    folder, name = split(place)
    try:
        with rights.folder(tree, folder) as fd, _begun(fd, sha256) as partial:
            if _write(partial, pieces) != sha256:
                return Fate.DAMAGED
            rights.give_entry(partial, tree.full(place))
            _date(partial, about)
            fate = _name(partial, Entry(fd, name))
            return Fate.STRIPPED if fate is Fate.BROUGHT and is_stripped(about) else fate
    except OSError as exc:
        if exc.errno in IMPOSSIBLE_NAME:
            return Fate.IMPOSSIBLE
        if exc.errno in NO_FOLDER:
            return Fate.KEPT
        raise trouble(exc, tree.full(place)) from exc


def bring(bucket: Bucket, key: str, tree: Tree, place: str) -> Fate:
    """Fetch an object to a place that its key says."""
    about, pieces = bucket.get(key)
    return fetch(tree, place, about, pieces, Rights(file_mode=0o640))


@contextmanager
def _begun(folder: int, sha256: str) -> Iterator[Entry]:
    """The name of a file until it is whole; whatever comes, nothing keeps that."""
    partial = Entry(folder, f"{PRIVATE_PREFIX}-mirror-{sha256[:12]}.part")
    try:
        yield partial
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial.name, dir_fd=folder)
        sync_folder(folder)


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

"""Reading a file for its copy: its bytes, small or as a stream, with their hash.

A photo's may be made without metadata, before it leaves the house.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader

from classifier.stripping import stripped
from config.errors import PhotoError, PhotoProblem
from daemon.domain.photos import Fingerprint
from daemon.folders.os_errors import trouble
from daemon.folders.tree import Tree, fingerprint_of
from daemon.mirror.bucket.client import PART_BYTES


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read, and sent."""

    sha256: str
    size_bytes: int  # of what was sent
    mtime_ns: int
    is_kept_home: bool = False  # nothing was


@dataclass(frozen=True, slots=True)
class Stripped:
    """A photo's bytes without metadata."""

    content: bytes
    sha256: str


Send = Callable[[bytes | BufferedReader, Read], Read]  # as it was sent


def read_and_send(
    tree: Tree, path: str, is_wanted: Callable[[Read], bool], send: Send
) -> Read | None:
    """Have the file sent, if it is wanted as it is; None when it is gone, or changed meanwhile.

    Memory does not grow with the file. Raises what `send` does, TransientError when the folder
    does not answer.
    """
    try:
        with os.fdopen(tree.open_file(path), "rb") as file:
            seen = fingerprint_of(os.fstat(file.fileno()))
            content, digest = _content(file, seen.size_bytes)
            read = Read(digest, seen.size_bytes, seen.mtime_ns)
            if is_wanted(read):
                read = send(content, read)
            return read if _is_same(fingerprint_of(os.fstat(file.fileno())), seen) else None
    except (FileNotFoundError, PhotoError):
        return None
    except OSError as exc:
        raise trouble(exc, tree.full(path)) from exc


def strip(content: bytes | BufferedReader, most_bytes: int) -> Stripped:
    """Make a photo's copy without metadata. Raises PhotoError where it cannot be had so.

    most_bytes: what is larger was never decoded, and is no photo.
    """
    if not isinstance(content, bytes):
        content = content.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise PhotoError(PhotoProblem.TOO_LARGE, "it is too large to be looked through")
    made = stripped(content)
    return Stripped(made, hashlib.sha256(made).hexdigest())


def _content(file: BufferedReader, size_bytes: int) -> tuple[bytes | BufferedReader, str]:
    if size_bytes <= PART_BYTES:
        content = file.read()
        return content, hashlib.sha256(content).hexdigest()
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return file, digest


def _is_same(now: Fingerprint, then: Fingerprint) -> bool:
    return (now.size_bytes, now.mtime_ns) == (then.size_bytes, then.mtime_ns)

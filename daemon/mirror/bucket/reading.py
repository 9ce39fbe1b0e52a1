"""Reading a file for its copy: its bytes, small or as a stream, with their hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader

from config.errors import PhotoError
from daemon.domain.photos import Fingerprint
from daemon.folders.os_errors import trouble
from daemon.folders.tree import Tree, fingerprint_of
from daemon.mirror.bucket.client import PART_BYTES


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was sent."""

    sha256: str
    size_bytes: int
    mtime_ns: int


Send = Callable[[bytes | BufferedReader, Read], None]


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
                send(content, read)
            return read if _is_same(fingerprint_of(os.fstat(file.fileno())), seen) else None
    except (FileNotFoundError, PhotoError):
        return None
    except OSError as exc:
        raise trouble(exc, tree.full(path)) from exc


def _content(file: BufferedReader, size_bytes: int) -> tuple[bytes | BufferedReader, str]:
    if size_bytes <= PART_BYTES:
        content = file.read()
        return content, hashlib.sha256(content).hexdigest()
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return file, digest


def _is_same(now: Fingerprint, then: Fingerprint) -> bool:
    return (now.size_bytes, now.mtime_ns) == (then.size_bytes, then.mtime_ns)
